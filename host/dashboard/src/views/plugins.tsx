import type { PluginStatus } from '@bellows/sdk';
import { useHost } from '../live/page-context.js';
import { DataTable } from '../parts/data-table.js';
import { Empty, Loading } from '../parts/notices.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name } from '../parts/texts.js';
import { Ago } from '../parts/times.js';
import { number, shown } from '../state/format.js';
import { Configuration } from './configuration.js';

export function Plugins() {
  const isKnown = useHost((state) => state.host !== undefined);
  if (!isKnown) return <Loading />;
  return (
    <>
      <PluginTable />
      <Configuration />
    </>
  );
}

function PluginTable() {
  const plugins = useHost((state) => state.plugins);
  if (plugins.length === 0) {
    return (
      <Empty title="This host has no plugins.">
        <p>
          Name one in <code>bellows.yaml</code> and run <code>bellows reload</code>, or start the host again:
        </p>
        <pre>{'plugins:\n  compute: { from: "@bellows/plugin-compute" }'}</pre>
      </Empty>
    );
  }
  return (
    <DataTable
      caption="Plugins and their states"
      rows={plugins}
      keyOf={({ id }) => id}
      columns={[
        { head: 'Plugin', cell: ({ id }) => <Name text={id} /> },
        { head: 'Version', cell: ({ version }) => shown(version) },
        { head: 'State', cell: ({ state }) => <StateMark state={state} /> },
        { head: 'Since', cell: ({ since }) => <Ago at={since} /> },
        { head: 'Revision', isNumber: true, cell: ({ configRevision }) => number(configRevision) },
        { head: 'Reason', isWide: true, cell: Reason },
      ]}
    />
  );
}

function Reason({ reason, message, lastAttempt }: PluginStatus) {
  // of a plugin that failed to start, the state says it already
  const isNews = lastAttempt !== undefined && (lastAttempt.code !== reason || lastAttempt.message !== message);
  return (
    <>
      <code>{shown(reason)}</code> {message !== '' && <LongText text={message} />}
      {isNews && (
        <p class="fault">
          Last attempt <Ago at={lastAttempt.at} />: <code>{shown(lastAttempt.code)}</code> <LongText text={lastAttempt.message} />
        </p>
      )}
    </>
  );
}
