import { Fifo } from './fifo.js';

export interface RestartIntensityOptions {
  /** This many restarts within the window are fine; one more is too many. */
  readonly maxRestarts: number;
  readonly maxSeconds: number;
}

/** One in five seconds, as in Erlang/OTP. */
export const DEFAULT_RESTART_INTENSITY: RestartIntensityOptions = Object.freeze({ maxRestarts: 1, maxSeconds: 5 });

/**
 * Restarts within a sliding window; those before it are forgotten, however many there were. Never holds more than `maxRestarts` times,
 * and takes the same time for each restart.
 */
export class RestartWindow {
  readonly #maxRestarts: number;
  readonly #windowMs: number;
  readonly #timesMs = new Fifo<number>();

  constructor({ maxRestarts, maxSeconds }: RestartIntensityOptions) {
    this.#maxRestarts = maxRestarts;
    this.#windowMs = maxSeconds * 1_000;
  }

  /**
   * Counts a restart at `nowMs`, never earlier than the one before. Answers whether strictly more than `maxRestarts` happened within
   * the last `maxSeconds`, this one included; one exactly `maxSeconds` ago still counts, as in OTP.
   */
  add(nowMs: number): boolean {
    if (this.#maxRestarts === Number.POSITIVE_INFINITY) return false;
    const oldestMs = nowMs - this.#windowMs;
    for (let first = this.#timesMs.peek(); first !== undefined && first < oldestMs; first = this.#timesMs.peek()) this.#timesMs.shift();
    this.#timesMs.push(nowMs);
    if (this.#timesMs.length <= this.#maxRestarts) return false;
    // later answers depend on the newest `maxRestarts` only
    this.#timesMs.shift();
    return true;
  }
}
