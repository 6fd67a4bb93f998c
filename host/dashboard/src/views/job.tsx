import type { IssueShape, JobShape } from '../live/operation-shapes.js';
import { useFollowed } from '../live/use-polled.js';
import { DataTable } from '../parts/data-table.js';
import { Facts } from '../parts/facts.js';
import { Empty, Failure, Loading } from '../parts/notices.js';
import { StateMark } from '../parts/state-mark.js';
import { LongText, Name, WholeId } from '../parts/texts.js';
import { Ago, Took } from '../parts/times.js';
import { number, plural, shorten, shown } from '../state/format.js';

const POLL_MS = 1_000;
const ROWS = 200;

export function Job({ id }: { readonly id: string }) {
  const { data, failure, isStale } = useFollowed<JobShape>('harness.get', id, POLL_MS);
  if (data === undefined) return failure === undefined ? <Loading /> : <Failure failure={failure} plugin="harness" />;
  return (
    <div class={isStale ? 'stale' : undefined}>
      <WholeId id={data.id} />
      <Facts
        facts={[
          ['Status', <StateMark key="status" state={data.status} />],
          ['Issues', `${number(data.landed.length)} of ${number(data.issues.length)} landed`],
          ['Started', <Ago key="at" at={data.createdAt} />],
          ['Took', <Took key="took" from={data.createdAt} to={data.endedAt} />],
          ['Branch', <Name key="branch" text={data.branch} />],
          ['Repository', <Name key="repo" text={data.repo} />],
        ]}
      />
      {data.warnings.map((warning) => (
        <p key={warning} class="fault">
          <LongText text={warning} />
        </p>
      ))}
      <h2>Issues</h2>
      <Issues issues={data.issues} />
      <h2>Landings</h2>
      <Landings job={data} />
    </div>
  );
}

function Issues({ issues }: { readonly issues: readonly IssueShape[] }) {
  return (
    <>
      <DataTable
        caption="Issues of this job"
        rows={issues.slice(0, ROWS)}
        keyOf={({ id }) => id}
        columns={[
          { head: 'Issue', cell: ({ id }) => <Name text={id} /> },
          { head: 'Title', cell: ({ title }) => <LongText text={title} limit={100} /> },
          { head: 'State', cell: ({ status }) => <StateMark state={status} /> },
          { head: 'Attempts', isNumber: true, cell: ({ attempts }) => number(attempts) },
          { head: 'Took', isNumber: true, cell: ({ startedAt, endedAt }) => <Took from={startedAt} to={endedAt} /> },
          { head: 'What happened', isWide: true, cell: Account },
        ]}
      />
      {issues.length > ROWS && (
        <p class="muted">
          The first {ROWS} of {plural(issues.length, 'issue')}.
        </p>
      )}
    </>
  );
}

function Account({ reason, message, log, verifyLog }: IssueShape) {
  return (
    <>
      {reason !== undefined && (
        <p class="fault">
          <code>{shown(reason)}</code> {message !== undefined && <LongText text={message} />}
        </p>
      )}
      {log !== undefined && (
        <p class="muted">
          session: <LongText text={log} limit={120} />
        </p>
      )}
      {verifyLog !== undefined && (
        <p class="muted">
          verification: <LongText text={verifyLog} limit={120} />
        </p>
      )}
    </>
  );
}

function Landings({ job: { landed, issues, branch } }: { readonly job: JobShape }) {
  if (landed.length === 0) return <Empty title={`Nothing has landed on ${shown(shorten(branch, 60))} yet.`} />;
  const titles = new Map(issues.map(({ id, title }) => [id, title]));
  return (
    <DataTable
      caption="What has landed, in order"
      rows={landed.slice(0, ROWS)}
      keyOf={({ issue }) => issue}
      columns={[
        { head: 'Commit', cell: ({ commit }) => <code title={commit}>{shown(commit.slice(0, 12))}</code> },
        { head: 'Issue', cell: ({ issue }) => <Name text={issue} /> },
        { head: 'Title', isWide: true, cell: ({ issue }) => <LongText text={titles.get(issue) ?? ''} limit={160} /> },
      ]}
    />
  );
}
