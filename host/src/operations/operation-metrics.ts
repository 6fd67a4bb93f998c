import type { ErrorKind } from '@bellows/sdk';

/** How a call ended: `ok`, or the kind of its error. A closed set, so that labels stay few. */
export type CallOutcome = 'ok' | ErrorKind;

/** Upper bounds in seconds: from a warm call of compute (tens of µs) to a workflow that is waited for. */
export const DURATION_BUCKETS_S: readonly number[] = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export interface OperationSeries {
  readonly operation: string;
  readonly outcome: CallOutcome;
  readonly count: number;
  readonly sumSeconds: number;
  /** Calls per bucket of `DURATION_BUCKETS_S`, not cumulative; the last one holds what is slower than all. */
  readonly buckets: readonly number[];
}

/** Counts and durations per operation and outcome. Only names that were provided get a series. */
export class OperationMetrics {
  readonly #series = new Map<string, { operation: string; outcome: CallOutcome; count: number; sumSeconds: number; buckets: number[] }>();
  readonly #inFlight = new Map<string, number>();

  began(operation: string): void {
    this.#inFlight.set(operation, (this.#inFlight.get(operation) ?? 0) + 1);
  }

  ended(operation: string, outcome: CallOutcome, durationMs: number): void {
    this.#inFlight.set(operation, (this.#inFlight.get(operation) ?? 1) - 1);
    const key = `${operation} ${outcome}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { operation, outcome, count: 0, sumSeconds: 0, buckets: new Array(DURATION_BUCKETS_S.length + 1).fill(0) };
      this.#series.set(key, series);
    }
    const seconds = durationMs / 1000;
    const found = DURATION_BUCKETS_S.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? DURATION_BUCKETS_S.length : found;
    series.count += 1;
    series.sumSeconds += seconds;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  series(): readonly OperationSeries[] {
    return [...this.#series.values()];
  }

  /** Calls running now, for every operation that was ever called. */
  inFlight(): ReadonlyMap<string, number> {
    return this.#inFlight;
  }
}
