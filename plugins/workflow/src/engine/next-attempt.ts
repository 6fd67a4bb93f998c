import type { IClock, IRandom } from '@bellows/sdk';
import type { RetryPolicy } from '../definitions/pipeline.js';
import type { LiveRun } from './live-run.js';
import { absenceDelayMs, isAbsence, retryDelayMs } from './retry-delay.js';
import { describeError } from './stage-error.js';

export interface FailedStage {
  readonly run: LiveRun;
  readonly stage: number;
  readonly error: unknown;
  readonly policy: RetryPolicy;
  /** The operation that it calls; null for a function. */
  readonly operation: string | null;
}

/**
 * Writes down that the stage, or its compensation, is tried again, and answers when; null, and nothing written, when it is not. An
 * operation that is not there (its plugin restarts, the host starts or stops) costs no attempt: it was known when the run began, so the stage
 * waits for it, visibly, as long as that takes, unless `nonRetryable` names the code.
 */
export function scheduleNextAttempt(
  { run, stage, error, policy, operation }: FailedStage,
  { clock, random }: { readonly clock: Pick<IClock, 'now'>; readonly random: IRandom },
): number | null {
  const attempt = run.attemptOf(stage);
  const isAway = operation !== null && isAbsence(error) && !policy.nonRetryable.includes((error as { code: string }).code);
  const absences = run.absencesOf(stage);
  const delayMs = isAway ? absenceDelayMs(absences, random) : retryDelayMs({ policy, attempt, error, random });
  if (delayMs === null) return null;
  const now = clock.now();
  const dueAt = now + delayMs;
  const described = describeError(error, run.pipeline.stages[stage]!.name);
  // the attempt named in the event is the last one that counts; the next one has the number after it
  const counted = isAway ? attempt - 1 : attempt;
  const data = { dueAt, error: described, ...(isAway ? { absences: absences + 1 } : {}) };
  run.add('stage.retry_scheduled', stage, counted, now, JSON.stringify(data));
  run.setAttempt(stage, counted + 1);
  run.setAbsences(stage, isAway ? absences + 1 : 0);
  run.wait(stage, dueAt);
  return dueAt;
}
