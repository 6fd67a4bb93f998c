import type { ModuleItem } from '../live/operation-shapes.js';
import { usePolled } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Empty, Failure, Loading } from '../parts/notices.js';
import { Command, Name } from '../parts/texts.js';
import { bytes, number, plural, shown } from '../state/format.js';
import { hrefOf } from '../state/route.js';

const POLL_MS = 2_000;
/** The operation answers all there are. */
const ROWS = 500;

export function Modules() {
  const { data, failure, isStale } = usePolled<{ modules: readonly ModuleItem[] }>('compute.list', {}, POLL_MS);
  if (data === undefined) return failure === undefined ? <Loading /> : <Failure failure={failure} plugin="compute" />;
  if (data.modules.length === 0) {
    return (
      <Empty title="No WebAssembly module is here yet.">
        <p>Bring one, then call it:</p>
        <Command text="npx --no-install bellows compute put <name> <file.wasm>" />
        <Command text="npx --no-install bellows compute invoke <name> <export> [arguments]" />
      </Empty>
    );
  }
  return (
    <>
      <DataTable
        caption="WebAssembly modules"
        rows={data.modules.slice(0, ROWS)}
        keyOf={({ name }) => name}
        isStale={isStale}
        columns={[
          { head: 'Module', cell: ({ name }) => <Name text={name} href={hrefOf('modules', { id: name })} /> },
          { head: 'Kind', cell: ({ kind }) => shown(kind) },
          { head: 'Size', isNumber: true, cell: (module) => bytes(module.bytes) },
          { head: 'Calls', isNumber: true, cell: ({ calls }) => number(calls) },
          { head: 'SHA-256', isWide: true, cell: ({ hash }) => <code title={hash}>{shown(hash.slice(0, 16))}…</code> },
        ]}
      />
      {data.modules.length > ROWS && (
        <p class="muted">
          The first {ROWS} of {plural(data.modules.length, 'module')}.
        </p>
      )}
    </>
  );
}
