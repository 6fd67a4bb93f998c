import type { IRandom } from './random.js';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** 100 ms, doubling, at most 30 s: the pauses between restarts of plugins, executors and agents. */
export const DEFAULT_BACKOFF: BackoffOptions = Object.freeze({ initialMs: 100, factor: 2, maxMs: 30_000 });

/**
 * How long to wait before attempt `attempt` (1 is the first repeat): full jitter, so evenly between 0 and
 * `initialMs × factor^(attempt-1)`, capped at `maxMs`. Full jitter spreads a crowd of clients best
 * (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
 */
export function backoffMs(attempt: number, random: IRandom, options: BackoffOptions = DEFAULT_BACKOFF): number {
  const ceiling = Math.min(options.maxMs, options.initialMs * options.factor ** Math.max(0, attempt - 1));
  return random.next() * ceiling;
}
