import { type IClock, PercentileSketch } from '@bellows/sdk';
import { SessionWindow } from './session-window.js';

/** What the metric `wait.p95Ms` looks back at. */
const WAIT_WINDOW_MS = 60_000;

/** Counts sessions: totals since the start, durations and success of the last half hour. */
export class SessionCounts {
  readonly window: SessionWindow;
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  readonly #waits: PercentileSketch;
  readonly #started = new Map<string, number>();
  #completed = 0;
  #failed = 0;

  constructor(clock: Pick<IClock, 'monotonicMs'>) {
    this.#clock = clock;
    this.window = new SessionWindow(clock);
    this.#waits = new PercentileSketch({ windowMs: WAIT_WINDOW_MS, clock });
  }

  start(key: string): void {
    this.#started.set(key, this.#clock.monotonicMs());
  }

  /** An end without its start, or the same one twice, is not counted. */
  end(key: string, success: boolean): void {
    const since = this.#started.get(key);
    if (since === undefined) return;
    this.#started.delete(key);
    this.window.record(this.#clock.monotonicMs() - since, success);
    if (success) this.#completed += 1;
    else this.#failed += 1;
  }

  forget(key: string): void {
    this.#started.delete(key);
  }

  recordWait(waitMs: number): void {
    this.#waits.record(waitMs);
  }

  get completed(): number {
    return this.#completed;
  }

  get failed(): number {
    return this.#failed;
  }

  get waitP95Ms(): number {
    return this.#waits.percentile(0.95);
  }
}
