import { type ErrorKind, type IRandom, isBellowsError } from '@bellows/sdk';
import type { RetryPolicy } from '../definitions/pipeline.js';
import { codeOf } from './stage-error.js';

/** Repeating these gives the same answer: the caller, the operator or the author of the guest must change something first. */
const FINAL_KINDS: ReadonlySet<ErrorKind> = new Set([
  'cancelled',
  'config',
  'forbidden',
  'guest',
  'input',
  'not_found',
  'refused',
  'unauthenticated',
]);
const ABSENCES: ReadonlySet<string> = new Set(['OPERATION_UNKNOWN', 'OPERATION_STOPPING', 'OPERATION_UNAVAILABLE']);
/** A plugin that restarts is back within seconds. */
const FIRST_ABSENCE_MS = 500;
/** Each look is two lines of history. */
const MAX_ABSENCE_MS = 60_000;
/** A share of the delay, up or down: spreads those that failed together. */
const JITTER = 0.2;
/** A longer pause than a week is a mistake of whoever asks for it. */
const MAX_ASKED_MS = 7 * 24 * 3_600_000;

export interface FailedAttempt {
  readonly policy: RetryPolicy;
  /** From 1: the one that failed. */
  readonly attempt: number;
  readonly error: unknown;
  readonly random: IRandom;
}

/**
 * How long to wait before the next attempt, in ms; null when there is none. `initialMs × factor^(attempt - 1)`, at most `maxMs`, 20 %
 * more or less by chance, and never less than the `retryAfterMs` of the error. What a function throws that is no error of Bellows is
 * always worth another attempt, unless `nonRetryable` names its code.
 */
export function retryDelayMs({ policy, attempt, error, random }: FailedAttempt): number | null {
  if (attempt >= policy.maxAttempts) return null;
  const isFinal = isBellowsError(error) && FINAL_KINDS.has(error.kind);
  if (isFinal || policy.nonRetryable.includes(codeOf(error)) || (!isBellowsError(error) && policy.nonRetryable.includes('STAGE_FAILED'))) {
    return null;
  }
  // without a first pause there is none: 0 × Infinity is no number
  const planned = policy.initialMs === 0 ? 0 : Math.min(policy.maxMs, policy.initialMs * policy.factor ** (attempt - 1));
  const jittered = planned * (1 - JITTER + 2 * JITTER * random.next());
  return Math.ceil(Math.max(jittered, isBellowsError(error) ? askedMs(error.retryAfterMs) : 0));
}

/** The plugin that offers the operation is not up: it restarts, or the host is stopping or starting. */
export function isAbsence(error: unknown): boolean {
  return isBellowsError(error) && ABSENCES.has(error.code);
}

/** `absences` from 0. Ever longer, because an operation that is away for long comes back when somebody does something about it. */
export function absenceDelayMs(absences: number, random: IRandom): number {
  const planned = Math.min(MAX_ABSENCE_MS, FIRST_ABSENCE_MS * 2 ** Math.min(absences, 30));
  return Math.ceil(planned * (1 - JITTER + 2 * JITTER * random.next()));
}

/** Anything may stand in an error; a pause that is no number would have no end that can be written down. */
function askedMs(retryAfterMs: unknown): number {
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_ASKED_MS) : 0;
}
