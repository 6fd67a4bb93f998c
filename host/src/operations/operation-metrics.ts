import type { ErrorKind } from '@bellows/sdk';
import { RefusalCounts } from './refusal-counts.js';

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

/** One call between its beginning and its end. */
export interface CallMeter {
  ended(outcome: CallOutcome, durationMs: number): void;
}

type Series = { -readonly [K in keyof OperationSeries]: OperationSeries[K] } & { buckets: number[] };

/** Counts and durations per operation and outcome. Only names that were provided get a series. */
export class OperationMetrics {
  readonly refusals = new RefusalCounts();
  readonly #meters = new Map<string, OperationMeter>();

  began(operation: string): CallMeter {
    let meter = this.#meters.get(operation);
    if (!meter) this.#meters.set(operation, (meter = new OperationMeter(operation)));
    meter.inFlight += 1;
    return meter;
  }

  series(): readonly OperationSeries[] {
    return [...this.#meters.values()].flatMap(({ series }) => [...series.values()]);
  }

  /** Calls running now, for every operation that was ever called. */
  inFlight(): ReadonlyMap<string, number> {
    return new Map([...this.#meters].map(([operation, { inFlight }]) => [operation, inFlight]));
  }
}

class OperationMeter implements CallMeter {
  readonly operation: string;
  readonly series = new Map<CallOutcome, Series>();
  inFlight = 0;

  constructor(operation: string) {
    this.operation = operation;
  }

  ended(outcome: CallOutcome, durationMs: number): void {
    this.inFlight -= 1;
    let series = this.series.get(outcome);
    if (!series) {
      const buckets = new Array<number>(DURATION_BUCKETS_S.length + 1).fill(0);
      this.series.set(outcome, (series = { operation: this.operation, outcome, count: 0, sumSeconds: 0, buckets }));
    }
    const seconds = durationMs / 1000;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS_S.length && seconds > (DURATION_BUCKETS_S[bucket] as number)) bucket += 1;
    series.count += 1;
    series.sumSeconds += seconds;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }
}
