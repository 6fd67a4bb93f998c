import { useEffect, useState } from 'preact/hooks';
import type { RunItem, RunList } from '../live/operation-shapes.js';
import { usePolled } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Empty, Failure, Loading } from '../parts/notices.js';
import { Pager } from '../parts/pager.js';
import { StateMark } from '../parts/state-mark.js';
import { Command, LongText, Name, unbroken } from '../parts/texts.js';
import { Ago, Took } from '../parts/times.js';
import { number } from '../state/format.js';
import { hrefOf, type Route } from '../state/route.js';

const PAGE = 50;
const POLL_MS = 1_500;
const STATUSES = [
  'queued',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'rolling_back',
  'rolled_back',
  'rollback_failed',
  'cancelled',
];

export function Workflows({ route: { query } }: { readonly route: Route }) {
  const { status, name, cursor } = query;
  const input = { limit: PAGE, ...(status === undefined ? {} : { status }), ...(name === undefined ? {} : { name }) };
  const polled = usePolled<RunList>('workflow.list', cursor === undefined ? input : { ...input, cursor }, POLL_MS);
  return (
    <>
      <Filters status={status} name={name} />
      {polled.failure !== undefined && <Failure failure={polled.failure} plugin="workflow" />}
      {polled.data === undefined && polled.failure === undefined && <Loading />}
      {polled.data !== undefined && <Runs list={polled.data} isStale={polled.isStale} isFiltered={Object.keys(query).length > 0} />}
      <Pager
        name="runs"
        first={cursor === undefined ? undefined : hrefOf('workflows', { query: { status, name } })}
        next={polled.data?.cursor === undefined ? undefined : hrefOf('workflows', { query: { status, name, cursor: polled.data.cursor } })}
      />
    </>
  );
}

function Filters({ status, name }: { readonly status: string | undefined; readonly name: string | undefined }) {
  const [typed, setTyped] = useState(name ?? '');
  useEffect(() => setTyped(name ?? ''), [name]); // a link, or the way back, chose another
  const go = (next: { readonly status?: string | undefined; readonly name?: string | undefined }) => {
    location.hash = hrefOf('workflows', { query: { status, name, ...next } });
  };
  return (
    <form
      class="filters"
      aria-label="Which runs"
      onSubmit={(event) => {
        event.preventDefault();
        go({ name: typed });
      }}
    >
      <label>
        Status{' '}
        <select value={status ?? ''} onChange={({ currentTarget }) => go({ status: currentTarget.value })}>
          <option value="">any</option>
          {STATUSES.map((one) => (
            <option key={one} value={one}>
              {one.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      </label>
      <label>
        Workflow <input type="search" value={typed} maxLength={128} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
      </label>
      <button type="submit">Filter</button>
    </form>
  );
}

function Runs({ list, isStale, isFiltered }: { readonly list: RunList; readonly isStale: boolean; readonly isFiltered: boolean }) {
  if (list.items.length === 0) {
    return isFiltered ? (
      <Empty title="No run is like that.">
        <p>
          <a href={hrefOf('workflows')}>All runs</a>
        </p>
      </Empty>
    ) : (
      <Empty title="No workflow has run yet.">
        <p>Define one, then start it:</p>
        <Command text="npx --no-install bellows workflow define <file.yaml>" />
        <Command text="npx --no-install bellows workflow start <name>" />
      </Empty>
    );
  }
  return (
    <DataTable
      caption="Runs of workflows, newest first"
      rows={list.items}
      keyOf={({ id }) => id}
      isStale={isStale}
      columns={[
        { head: 'Run', cell: ({ id }) => <Name text={id} href={hrefOf('workflows', { id })} /> },
        { head: 'Workflow', cell: (run) => <Workflow run={run} /> },
        { head: 'Status', cell: ({ status }) => <StateMark state={status} /> },
        { head: 'Started', cell: ({ createdAt }) => <Ago at={createdAt} /> },
        { head: 'Took', isNumber: true, cell: ({ createdAt, endedAt }) => <Took from={createdAt} to={endedAt} /> },
        {
          head: 'Error',
          isWide: true,
          cell: ({ error }) => error !== undefined && <LongText text={`${error.code}: ${error.message}`} limit={120} />,
        },
      ]}
    />
  );
}

function Workflow({ run: { name, version } }: { readonly run: RunItem }) {
  return (
    <span class={unbroken(name)}>
      <Name text={name} href={hrefOf('workflows', { query: { name } })} /> <span class="muted">v{number(version)}</span>
    </span>
  );
}
