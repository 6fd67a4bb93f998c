import { useEffect, useState } from 'preact/hooks';
import type { OperationItem } from '../live/operation-shapes.js';
import { useHost, usePage } from '../live/page-context.js';
import { DataTable } from '../parts/data-table.js';
import { Empty, Loading } from '../parts/notices.js';
import { LongText, Name } from '../parts/texts.js';
import { shown } from '../state/format.js';

export function Operations() {
  const { requests } = usePage();
  // operations come and go with plugins, and are in no event
  const plugins = useHost((state) => state.plugins.map(({ id, state: one }) => `${id} ${one}`).join());
  const isLive = useHost(({ connection }) => connection.phase === 'live');
  const [operations, setOperations] = useState<readonly OperationItem[]>();
  // asked for again when a plugin changes its state
  useEffect(() => {
    if (!isLive) return;
    const abort = new AbortController();
    requests.get<{ operations: readonly OperationItem[] }>('/v1/operations', abort.signal).then(
      (answer) => setOperations(answer.operations),
      () => {}, // the connection says when the host has gone, and asks again when it is back
    );
    return () => abort.abort();
  }, [requests, plugins, isLive]);
  return (
    <>
      <p>
        Call one with <code>npx --no-install bellows call &lt;name&gt; '&lt;JSON&gt;'</code> or{' '}
        <code>POST /v1/operations/&lt;name&gt;</code>. With every schema: <a href="/openapi.json">openapi.json</a>. Also here:{' '}
        <a href="/metrics">metrics for Prometheus</a>, <a href="/v1/status">status</a>, <a href="/v1/decisions">decisions</a>.
      </p>
      {operations === undefined ? <Loading /> : <List operations={operations} />}
    </>
  );
}

function List({ operations }: { readonly operations: readonly OperationItem[] }) {
  if (operations.length === 0) return <Empty title="No plugin offers an operation." />;
  return (
    <DataTable
      caption="Operations"
      rows={operations}
      keyOf={({ name }) => name}
      columns={[
        { head: 'Operation', cell: ({ name }) => <Name text={name} /> },
        { head: 'Plugin', cell: ({ plugin }) => <Name text={plugin} /> },
        { head: 'Least role', cell: ({ role }) => shown(role) },
        { head: 'Effort', cell: ({ effort }) => shown(effort) },
        { head: 'Runs commands', cell: ({ runsCommands }) => (runsCommands ? 'yes, needs a token' : 'no') },
        { head: 'What it does', isWide: true, cell: ({ summary }) => <LongText text={summary} /> },
      ]}
    />
  );
}
