import { type IClock, PercentileSketch } from '@bellows/sdk';

/**
 * How far back averages, percentiles and the success rate look. Long enough to hold several sessions of some minutes each; short
 * enough that health recovers within the half hour after a fault is gone.
 */
export const SESSION_WINDOW_MS = 30 * 60_000;
/** In slices, the oldest of which is dropped as a whole: constant memory however many sessions there are. */
const SLICES = 30;

/** What became of the sessions of the last half hour. */
export class SessionWindow {
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  readonly #durations: PercentileSketch;
  readonly #beganAtMs: number;
  #slices: Slice[] = [];

  constructor(clock: Pick<IClock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#beganAtMs = clock.monotonicMs();
    this.#durations = new PercentileSketch({ windowMs: SESSION_WINDOW_MS, clock });
  }

  record(durationMs: number, success: boolean): void {
    this.#durations.record(durationMs);
    const slice = this.#current();
    slice.durationMs += durationMs;
    if (success) slice.completed += 1;
    else slice.failed += 1;
  }

  /** 1 as long as nothing ended within the window. */
  get successRate(): number {
    const { completed, failed } = this.#sum();
    return completed + failed === 0 ? 1 : completed / (completed + failed);
  }

  get avgMs(): number {
    const { completed, failed, durationMs } = this.#sum();
    return completed + failed === 0 ? 0 : durationMs / (completed + failed);
  }

  get p95Ms(): number {
    return this.#durations.percentile(0.95);
  }

  /** Sessions that ended per minute, over the window or the time since it began. */
  get perMinute(): number {
    const { completed, failed } = this.#sum();
    const spanMs = Math.min(SESSION_WINDOW_MS, this.#clock.monotonicMs() - this.#beganAtMs);
    return spanMs <= 0 ? 0 : (completed + failed) / (Math.max(1_000, spanMs) / 60_000);
  }

  #current(): Slice {
    const number = this.#number();
    const newest = this.#slices.at(-1);
    if (newest?.number === number) return newest;
    const slice = { number, completed: 0, failed: 0, durationMs: 0 };
    this.#slices = [...this.#slices.filter((other) => other.number > number - SLICES), slice];
    return slice;
  }

  #sum(): Omit<Slice, 'number'> {
    const oldest = this.#number() - SLICES;
    const sum = { completed: 0, failed: 0, durationMs: 0 };
    for (const slice of this.#slices) {
      if (slice.number <= oldest) continue;
      sum.completed += slice.completed;
      sum.failed += slice.failed;
      sum.durationMs += slice.durationMs;
    }
    return sum;
  }

  #number(): number {
    return Math.floor(this.#clock.monotonicMs() / (SESSION_WINDOW_MS / SLICES));
  }
}

interface Slice {
  readonly number: number;
  completed: number;
  failed: number;
  durationMs: number;
}
