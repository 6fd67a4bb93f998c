import type { CliOutput } from './cli-deps.js';
import { shortDuration, shortTime, took } from './durations.js';
import { type FailedRow, printFailures, withoutOwner } from './failures.js';
import { printFitted, printLines } from './print.js';
import type { NamedState } from './state-lines.js';

interface IssueView {
  readonly id: string;
  readonly title?: string;
  readonly status: string;
  readonly attempts?: number;
  readonly commit?: string | null;
  readonly reason?: string | null;
  readonly message?: string | null;
  /** Of the last attempt: the path of what its agent and its verification wrote. */
  readonly log?: string | null;
}

/** What `harness.run`, `get` and `wait` answer; nearly all of it optional: the host that is asked may be older or newer than this command. */
export interface JobView {
  readonly id: string;
  readonly status: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly createdAt?: number | null;
  readonly endedAt?: number | null;
  readonly issues?: readonly IssueView[] | number;
  /** Numbers in lists. */
  readonly landed?: readonly { readonly issue: string; readonly commit?: string }[] | number;
  readonly failed?: readonly { readonly issue: string; readonly reason?: string; readonly attempts?: number }[] | number;
  readonly warnings?: readonly string[];
}

export interface JobListView {
  readonly items: readonly JobView[];
  readonly cursor?: string | null;
}

/** What `harness.metrics` answers: jobs, the documented metrics of the pool, and what holds its size. */
export interface MetricsView extends ScaleView {
  readonly runningJobs?: number;
  readonly workers?: { readonly limit?: number; readonly limitedBy?: string; readonly reason?: string };
}

interface ScaleView {
  readonly currentWorkers?: number;
  readonly activeWorkers?: number;
  readonly idleWorkers?: number;
  readonly stalledWorkers?: number;
  readonly queueDepth?: number;
  readonly mergeQueueDepth?: number;
  readonly throughputPerMinute?: number;
  readonly avgSessionDurationMs?: number;
  readonly p95SessionDurationMs?: number;
  readonly successRate?: number;
  readonly totalSessionsCompleted?: number;
  readonly totalSessionsFailed?: number;
  readonly health?: string;
  readonly backpressureActive?: boolean;
  readonly scaleOperations?: number;
  readonly lastScaleAt?: string | null;
}

/** A job in one of these never changes again. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'partial', 'failed', 'cancelled']);
/** Issues nothing has happened to. */
export const RESTING_ISSUES: readonly string[] = ['blocked', 'ready'];
const SHORT_COMMIT_LENGTH = 10;

export function hasJobEnded({ status }: JobView): boolean {
  return ENDED.has(status);
}

export function printJob(output: CliOutput, job: JobView): void {
  const issues = issuesOf(job);
  printLines(output, '', [
    ['job', job.id],
    ['status', job.status],
    ['repo', job.repo],
    ['branch', job.branch],
    ['took', took(job.createdAt, job.endedAt) || undefined],
    ['issues', issues.length === 0 ? undefined : `${issues.length}: ${countsOf(issues)}`],
    ['warnings', job.warnings?.length ? job.warnings.join('\n') : undefined],
  ]);
  if (issues.length === 0) return;
  output.write('\n');
  const cut = printFitted(
    output,
    ['ISSUE', 'STATUS', 'ATTEMPTS', 'RESULT'],
    issues.map((issue) => [issue.id, issue.status, String(issue.attempts ?? ''), resultOf(issue) ?? '']),
  );
  printFailures(output, issues.map(failureOf), cut);
}

/** What is said in full below the table. */
function failureOf(issue: IssueView): FailedRow | undefined {
  const { id, commit, reason, message, log } = issue;
  if (commit || !(reason || message)) return undefined;
  return { name: id, lines: [resultOf(issue) ?? '', ...(log ? [`log: ${log}`] : [])] };
}

export function printJobs(output: CliOutput, { items }: JobListView): void {
  printFitted(
    output,
    ['JOB', 'STATUS', 'STARTED (UTC)', 'ISSUES', 'LANDED', 'FAILED', 'BRANCH'],
    items.map(({ id, status, createdAt, issues, landed, failed, branch = '' }) => [
      id,
      status,
      shortTime(createdAt),
      String(sizeOf(issues) ?? ''),
      String(sizeOf(landed) ?? ''),
      String(sizeOf(failed) ?? ''),
      branch,
    ]),
  );
}

export function printMetrics(output: CliOutput, { runningJobs, workers = {}, ...scale }: MetricsView): void {
  const { successRate, throughputPerMinute, backpressureActive } = scale;
  printLines(output, '', [
    ['jobs running', runningJobs],
    ['workers', scale.currentWorkers],
    ['  active', scale.activeWorkers],
    ['  idle', scale.idleWorkers],
    ['  stalled', scale.stalledWorkers],
    ['  limit', workers.limit],
    ['  limited by', workers.limitedBy === undefined ? undefined : `${workers.limitedBy}: ${workers.reason ?? ''}`],
    ['queue depth', scale.queueDepth],
    ['merge queue depth', scale.mergeQueueDepth],
    ['sessions per minute', throughputPerMinute?.toFixed(1)],
    ['session, average', durationOf(scale.avgSessionDurationMs)],
    ['session, p95', durationOf(scale.p95SessionDurationMs)],
    ['success rate', successRate === undefined ? undefined : `${(successRate * 100).toFixed(1)} %`],
    ['sessions completed', scale.totalSessionsCompleted],
    ['sessions failed', scale.totalSessionsFailed],
    ['health', healthOf(scale)],
    ['backpressure', backpressureActive === undefined ? undefined : backpressureActive ? 'yes: new jobs are refused' : 'no'],
    ['scale operations', scale.scaleOperations],
    ['last scaled', scale.lastScaleAt ?? undefined],
  ]);
}

/** With what speaks against it: sessions that failed, agents that have stalled. */
function healthOf({ health, successRate = 1, stalledWorkers = 0 }: ScaleView): string | undefined {
  if (health === undefined || health === 'healthy') return health;
  const reasons = [
    ...(successRate < 1 ? [`${Math.round(successRate * 100)} % of recent sessions succeeded`] : []),
    ...(stalledWorkers > 0 ? [`${stalledWorkers} ${stalledWorkers === 1 ? 'worker has' : 'workers have'} stalled`] : []),
  ];
  return reasons.length === 0 ? health : `${health}: ${reasons.join(', ')}`;
}

/** What `harness.run` answers, of a job that somebody else waited for. */
export function runOutputOf(job: JobView): Record<string, unknown> {
  const issues = issuesOf(job);
  return {
    id: job.id,
    status: job.status,
    landed: issues.filter(({ status }) => status === 'landed').map(({ id, commit }) => ({ issue: id, commit: commit ?? '' })),
    failed: issues
      .filter(({ status }) => status === 'failed' || status === 'cancelled')
      .map(({ id, reason, attempts = 0 }) => ({ issue: id, reason: reason ?? 'cancelled', attempts })),
  };
}

/** The issues and the job, for progress. */
export function statesOf(job: JobView): NamedState[] {
  const states = issuesOf(job).map((issue) => {
    const note = resultOf(issue) ?? issue.title;
    return { name: issue.id, state: issue.status, ...(note === undefined ? {} : { note }) };
  });
  return [...states, { name: `job ${job.id}`, state: job.status }];
}

/** The listed issues, and what has landed and failed where the host names only that. */
function issuesOf({ issues, landed, failed }: JobView): readonly IssueView[] {
  if (Array.isArray(issues)) {
    const commits = new Map(listOf(landed).map(({ issue, commit }) => [issue, commit]));
    const failures = new Map(listOf(failed).map((one) => [one.issue, one]));
    return (issues as readonly IssueView[]).map((one) => {
      const commit = one.commit ?? commits.get(one.id);
      const reason = one.reason ?? failures.get(one.id)?.reason;
      return { ...one, ...(commit === undefined ? {} : { commit }), ...(reason === undefined ? {} : { reason }) };
    });
  }
  return [
    ...listOf(landed).map(({ issue, commit }) => ({ id: issue, status: 'landed', ...(commit === undefined ? {} : { commit }) })),
    ...listOf(failed).map(({ issue, ...rest }) => ({ id: issue, status: 'failed', ...rest })),
  ];
}

function resultOf({ id, status, commit, reason, message }: IssueView): string | undefined {
  if (commit) return `commit ${commit.slice(0, SHORT_COMMIT_LENGTH)}`;
  const why = [reason, withoutOwner(message ?? '', id)].filter((part) => part !== undefined && part !== null && part !== '');
  if (why.length === 0) return undefined;
  // It is not what has become of the issue.
  const earlier = RESTING_ISSUES.includes(status) ? 'last attempt: ' : '';
  return earlier + why.join(': ');
}

function countsOf(issues: readonly IssueView[]): string {
  const counts = Map.groupBy(issues, ({ status }) => status);
  return [...counts].map(([status, those]) => `${those.length} ${status}`).join(', ');
}

function listOf<T>(value: readonly T[] | number | undefined): readonly T[] {
  return typeof value === 'object' ? value : [];
}

function sizeOf(value: readonly unknown[] | number | undefined): number | undefined {
  return typeof value === 'object' ? value.length : value;
}

function durationOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : shortDuration(ms);
}
