import { backoffMs } from '../backoff.js';
import { isBellowsError } from '../errors.js';
import type { IRandom } from '../random.js';
import { RemoteError } from './remote-error.js';

export interface RetryPolicy {
  /** Tries in all. */
  readonly maxAttempts: number;
  /** The longest first pause; each further one may be twice as long. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** When a host asks for more patience than this, its refusal is passed on at once. */
  readonly maxRetryAfterMs: number;
}

/** Three tries within about a second bridge a lost connection and a short peak; a restart of the host takes about as long. */
export const DEFAULT_RETRY: RetryPolicy = Object.freeze({ maxAttempts: 3, initialMs: 200, maxMs: 5_000, maxRetryAfterMs: 10_000 });

export interface FailedTry {
  readonly error: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  /** Asking again changes nothing, or the work is done once all the same: a reading request, or one with an idempotency key. */
  readonly isSafe: boolean;
  /** Until the deadline. */
  readonly remainingMs: number;
}

/** A refusal spread over so much more than was asked for, so that those who were refused together do not come back together. */
const SPREAD = 0.25;

/** How long to wait before the next try; undefined: `error` is the answer. Pure but for `random`. */
export function planRetry(failed: FailedTry, policy: RetryPolicy, random: IRandom): number | undefined {
  const { error, attempt, isSafe, remainingMs } = failed;
  if (attempt >= policy.maxAttempts || !isBellowsError(error)) return undefined;
  if (error.kind !== 'capacity' && error.kind !== 'not_ready') return undefined;
  const { retryAfterMs } = error;
  if (!isSafe && !isRefusal(error)) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > policy.maxRetryAfterMs) return undefined;
  const waitMs =
    retryAfterMs === undefined
      ? backoffMs(attempt, random, { initialMs: policy.initialMs, factor: 2, maxMs: policy.maxMs })
      : retryAfterMs * (1 + SPREAD * random.next());
  return waitMs < remainingMs ? waitMs : undefined;
}

/** Whoever says in the error itself when to come back has not begun the work. */
function isRefusal(error: unknown): boolean {
  return error instanceof RemoteError && error.body.retryAfterMs !== undefined;
}
