import { isBellowsError, isKind } from '@bellows/sdk';
import { harnessError } from './errors.js';
import type { Coordinator } from './jobs/coordinator.js';
import { type JobReport, type RunReport, runReport } from './jobs/job-report.js';
import type { JobCaller, JobRequest } from './jobs/job-requests.js';

/** How many failures the message of `JOB_FAILED` names. */
const MAX_NAMED = 3;

export type MustLand = 'all' | 'some';

/** A call of `harness.run`. */
export interface RunCall {
  readonly request: JobRequest;
  readonly mustLand: MustLand | undefined;
  readonly caller: JobCaller;
  readonly signal: AbortSignal;
}

/**
 * Starts a job, or finds the one of the same key, and answers what became of it. The job belongs to its caller: when `signal` aborts because
 * that one gave up, the job is cancelled, and only then this rejects with the reason; when it aborts because the plugin or the host stops,
 * the job goes on after the next start. `JOB_FAILED` when less landed than `mustLand` says. Rejects too with what `start` does.
 */
export async function runJob(coordinator: Coordinator, { request, mustLand, caller, signal }: RunCall): Promise<RunReport> {
  const id = await startOrFind(coordinator, { request, caller, signal });
  try {
    const report = await coordinator.wait(id, { signal });
    assertLanded(report, mustLand);
    return runReport(report);
  } catch (error) {
    if (signal.aborted && hasGivenUp(signal.reason)) await cancel(coordinator, id);
    throw error;
  }
}

/**
 * The job of the caller's key: a call that is repeated after a crash finds the one it began. One that was cancelled, because an earlier
 * attempt ran out of time, is no answer to a new attempt: that one begins another, when the agents of the first have ended.
 */
async function startOrFind(coordinator: Coordinator, { request, caller, signal }: Omit<RunCall, 'mustLand'>): Promise<string> {
  const { idempotencyKey: key } = caller;
  for (let turn = 1; ; turn += 1) {
    const { id, created } = await coordinator.start(request, turn === 1 ? caller : { ...caller, idempotencyKey: `${key} ${turn}` });
    const isFresh = created || key === undefined || request.id !== undefined;
    if (isFresh || !coordinator.isCancelled(id)) return id;
    // all of it may have landed before the cancellation came
    if ((await coordinator.wait(id, { signal })).status !== 'cancelled') return id;
  }
}

/** Whether the caller went away by its own will or its time was up; any other end is that of the plugin or the host. */
function hasGivenUp(reason: unknown): boolean {
  return isKind(reason, 'cancelled') || isKind(reason, 'deadline');
}

async function cancel(coordinator: Coordinator, id: string): Promise<void> {
  try {
    await coordinator.cancel(id);
  } catch (error) {
    // it ended before; or the harness stops meanwhile, and what is kept of the cancellation counts after the next start
    const code = isBellowsError(error) ? error.code : '';
    if (code !== 'JOB_ENDED' && code !== 'JOB_UNKNOWN' && code !== 'HARNESS_STOPPING') throw error;
  }
}

function assertLanded(report: JobReport, mustLand: MustLand | undefined): void {
  const { id, status, landed, failed, issues } = report;
  if (mustLand === undefined || status === 'completed' || (mustLand === 'some' && landed.length > 0)) return;
  const messages = new Map(issues.map((issue) => [issue.id, issue.message ?? '']));
  const first = failed.slice(0, MAX_NAMED).map(({ issue, reason }) => `${issue}: ${reason} (${firstLine(messages.get(issue) ?? '')})`);
  const more = failed.length - first.length;
  const named = `${first.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
  const message = `The job ${id} ended ${status} with ${landed.length} of ${issues.length} issues landed: ${named}`;
  throw harnessError('JOB_FAILED', `${message}. harness.get of the job says where the logs are`, { data: { id, status, landed, failed } });
}

/** Of what an agent said last there may be pages. */
const MAX_LINE_CHARS = 200;

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS - 1)}…` : line;
}
