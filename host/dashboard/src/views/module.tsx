import type { ModuleShape } from '../live/operation-shapes.js';
import { usePolled } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Facts } from '../parts/facts.js';
import { Empty, Failure, Loading } from '../parts/notices.js';
import { Command, LongText, Name } from '../parts/texts.js';
import { Ago } from '../parts/times.js';
import { bytes, duration, number, percent, shorten, shown } from '../state/format.js';

const POLL_MS = 1_500;
const ROWS = 200;

interface ExportShape {
  readonly name: string;
  readonly kind: string;
  readonly params?: readonly string[];
  readonly results?: readonly string[];
}

interface ImportShape {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
}

export function Module({ id }: { readonly id: string }) {
  const { data, failure, isStale } = usePolled<ModuleShape>('compute.get', { name: id }, POLL_MS);
  if (data === undefined) return failure === undefined ? <Loading /> : <Failure failure={failure} plugin="compute" />;
  const { pool, config } = data;
  const asked = pool.hits + pool.misses + pool.overflow;
  return (
    <div class={isStale ? 'stale' : undefined}>
      <Facts
        facts={[
          ['Calls', number(data.calls)],
          ['Kind', shown(data.kind)],
          ['Size', bytes(data.bytes)],
          ['Warm instances', `${number(pool.warm)} of ${number(pool.size)}`],
          ['Warm starts', percent(asked === 0 ? undefined : pool.hits / asked)],
          ['Hits, misses, overflow', `${number(pool.hits)}, ${number(pool.misses)}, ${number(pool.overflow)}`],
          ['Memory at most', bytes(Number(config.maxPages) * 65_536)],
          ['Pool at most', number(Number(config.maxPoolSize))],
          ['Deadline', duration(Number(config.deadlineMs))],
          ['SHA-256', <LongText key="hash" text={data.hash} limit={17} />],
        ]}
      />
      <h2>Exports</h2>
      <Exports module={data} />
      <h2>Imports</h2>
      <Imports imports={data.imports as readonly ImportShape[]} />
      <h2>Last errors</h2>
      <Errors errors={data.lastErrors} />
    </div>
  );
}

function Exports({ module: { name, exports } }: { readonly module: ModuleShape }) {
  const functions = (exports as readonly ExportShape[]).filter(({ kind }) => kind === 'function');
  return (
    <>
      <DataTable
        caption="What the module exports"
        rows={(exports as readonly ExportShape[]).slice(0, ROWS)}
        keyOf={({ name: exported }) => exported}
        columns={[
          { head: 'Name', cell: ({ name: exported }) => <Name text={exported} /> },
          { head: 'Kind', cell: ({ kind }) => shown(kind) },
          {
            head: 'Signature',
            isWide: true,
            cell: ({ params, results }) => params !== undefined && <code>{`(${params.join(', ')}) → (${results?.join(', ') ?? ''})`}</code>,
          },
        ]}
      />
      {functions[0] !== undefined && <Command text={`npx --no-install bellows compute invoke ${name} ${shorten(functions[0].name, 60)}`} />}
    </>
  );
}

function Imports({ imports }: { readonly imports: readonly ImportShape[] }) {
  if (imports.length === 0) return <p class="muted">None: it needs nothing of its surroundings.</p>;
  return (
    <DataTable
      caption="What the module imports"
      rows={imports.slice(0, ROWS)}
      keyOf={({ module, name, kind }) => `${module} ${name} ${kind}`}
      columns={[
        { head: 'From', cell: ({ module }) => <Name text={module} /> },
        { head: 'Name', isWide: true, cell: ({ name }) => <Name text={name} /> },
        { head: 'Kind', cell: ({ kind }) => shown(kind) },
      ]}
    />
  );
}

function Errors({ errors }: { readonly errors: ModuleShape['lastErrors'] }) {
  if (errors.length === 0) return <Empty title="No call of this module has failed." />;
  const newestFirst = errors.toSorted((a, b) => b.at - a.at).map((error, index) => ({ ...error, index }));
  return (
    <DataTable
      caption="The last calls that failed"
      rows={newestFirst}
      keyOf={({ index }) => index}
      columns={[
        { head: 'When', cell: ({ at }) => <Ago at={at} /> },
        { head: 'Code', cell: ({ code }) => <code>{shown(code)}</code> },
        { head: 'Message', isWide: true, cell: ({ message }) => <LongText text={message} /> },
      ]}
    />
  );
}
