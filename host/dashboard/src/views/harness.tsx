import type { HarnessMetrics, JobList } from '../live/operation-shapes.js';
import { useHost } from '../live/page-context.js';
import { usePolled } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Facts } from '../parts/facts.js';
import { Empty, Failure, Loading } from '../parts/notices.js';
import { Pager } from '../parts/pager.js';
import { StateMark } from '../parts/state-mark.js';
import { Command, LongText, Name } from '../parts/texts.js';
import { Ago, Took } from '../parts/times.js';
import { duration, number, percent, shown } from '../state/format.js';
import { hrefOf, type Route } from '../state/route.js';

const SUBSYSTEM = 'harness.scale';
const PAGE = 50;
const POLL_MS = 1_500;

export function Harness({ route: { query } }: { readonly route: Route }) {
  const { cursor } = query;
  const metrics = usePolled<HarnessMetrics>('harness.metrics', {}, POLL_MS);
  const jobs = usePolled<JobList>('harness.list', { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }, POLL_MS);
  if (jobs.failure !== undefined && jobs.data === undefined) return <Failure failure={jobs.failure} plugin="harness" />;
  return (
    <>
      {metrics.data !== undefined && <Workers metrics={metrics.data} isStale={metrics.isStale} />}
      <h2>Jobs</h2>
      {jobs.data === undefined ? <Loading /> : <Jobs list={jobs.data} isStale={jobs.isStale} />}
      <Pager
        name="jobs"
        first={cursor === undefined ? undefined : hrefOf('harness')}
        next={jobs.data?.cursor === undefined ? undefined : hrefOf('harness', { query: { cursor: jobs.data.cursor } })}
      />
    </>
  );
}

function Workers({ metrics, isStale }: { readonly metrics: HarnessMetrics; readonly isStale: boolean }) {
  // the governor may hold what the plugin itself would raise
  const binding = useHost(({ subsystems }) => subsystems.find(({ name }) => name === SUBSYSTEM)?.binding) ?? metrics.workers;
  return (
    <section class={isStale ? 'card stale' : 'card'} aria-labelledby="agents">
      <header>
        <h2 id="agents">Agents</h2>
        <StateMark state={metrics.health} />
        <LongText text={metrics.healthReason} />
      </header>
      <p class="binding">
        <span class="tag">{shown(binding.limitedBy)}</span> <LongText text={binding.reason} />
      </p>
      <Facts
        facts={[
          ['At work', `${number(metrics.activeWorkers)} of ${number(metrics.workers.limit)}`],
          ['Idle', number(metrics.idleWorkers)],
          ['Stalled', number(metrics.stalledWorkers)],
          ['Issues waiting', number(metrics.queueDepth)],
          ['Waiting to land', number(metrics.mergeQueueDepth)],
          ['Jobs running', number(metrics.runningJobs)],
          ['Sessions a minute', number(metrics.throughputPerMinute)],
          ['Session, p95', duration(metrics.p95SessionDurationMs)],
          ['Succeeded', percent(metrics.successRate)],
          ['Sessions', `${number(metrics.totalSessionsCompleted)} done, ${number(metrics.totalSessionsFailed)} failed`],
        ]}
      />
    </section>
  );
}

function Jobs({ list, isStale }: { readonly list: JobList; readonly isStale: boolean }) {
  if (list.items.length === 0) {
    return (
      <Empty title="No agents have worked here yet.">
        <p>Give them a repository and issues:</p>
        <Command text='npx --no-install bellows harness run --repo . --issues ISSUES.md --branch try --verify "npm test" -- <agent>' />
        <p>A load test shows nothing here: it has workers of its own.</p>
      </Empty>
    );
  }
  return (
    <DataTable
      caption="Jobs, newest first"
      rows={list.items}
      keyOf={({ id }) => id}
      isStale={isStale}
      columns={[
        { head: 'Job', cell: ({ id }) => <Name text={id} href={hrefOf('harness', { id })} /> },
        { head: 'Status', cell: ({ status }) => <StateMark state={status} /> },
        { head: 'Issues', isNumber: true, cell: ({ issues }) => number(issues) },
        { head: 'Landed', isNumber: true, cell: ({ landed }) => number(landed) },
        { head: 'Failed', isNumber: true, cell: ({ failed }) => number(failed) },
        { head: 'Started', cell: ({ createdAt }) => <Ago at={createdAt} /> },
        { head: 'Took', isNumber: true, cell: ({ createdAt, endedAt }) => <Took from={createdAt} to={endedAt} /> },
        { head: 'Branch', cell: ({ branch }) => <Name text={branch} /> },
        { head: 'Repository', isWide: true, cell: ({ repo }) => <Name text={repo} /> },
      ]}
    />
  );
}
