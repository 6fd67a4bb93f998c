export interface RestartIntensityOptions {
  /** This many restarts within the window are fine; one more is too many. */
  readonly maxRestarts: number;
  readonly maxSeconds: number;
}

/** One in five seconds, as in Erlang/OTP. */
export const DEFAULT_RESTART_INTENSITY: RestartIntensityOptions = Object.freeze({ maxRestarts: 1, maxSeconds: 5 });

/** What `countRestart` answers: whether to give up, and the restarts to hand in the next time. */
export interface RestartCount {
  readonly exceeded: boolean;
  readonly restartsAtMs: readonly number[];
}

/**
 * Adds a restart at `nowMs` to a sliding window. Gives up when strictly more than `maxRestarts` happened within the last
 * `maxSeconds`; a restart exactly `maxSeconds` ago still counts (OTP: `Threshold =< Now`). Pure: same input, same answer.
 */
export function countRestart(restartsAtMs: readonly number[], nowMs: number, options: RestartIntensityOptions): RestartCount {
  const oldestMs = nowMs - options.maxSeconds * 1_000;
  const recent = [...restartsAtMs.filter((atMs) => atMs >= oldestMs), nowMs];
  return { exceeded: recent.length > options.maxRestarts, restartsAtMs: recent };
}
