import type { Store } from '../live/store.js';
import type { HostState } from '../state/host-state.js';
import { type Row, SeriesRing } from '../state/series-ring.js';

const PERIOD_MS = 1_000;
/** Five minutes. */
const CAPACITY = 300;
/** A status is asked for every second or two; an older reading says nothing about now. */
const MACHINE_FRESH_MS = 4_000;
/** Browsers slow the timers of hidden pages down; no line is drawn over what was not seen. */
const HOLE_SECONDS = 5;

export const MACHINE_SERIES = { cpu: 'machine cpu', memory: 'machine memory', loop: 'machine loop' } as const;

export type SubsystemSeries = 'inUse' | 'limit' | 'ceiling' | 'queue' | 'waitP95';

export function seriesOf(subsystem: string, what: SubsystemSeries): string {
  return `subsystem ${what} ${subsystem}`;
}

interface Readings {
  readonly name: string;
  readonly metrics: Readonly<Record<string, number | undefined>>;
  readonly limits: { readonly maxConcurrentOperations?: number };
  readonly ceiling: number;
}

export interface SamplerOptions {
  readonly store: Store;
  readonly now: () => number;
  /** Answers how to end it. */
  readonly every: (periodMs: number, callback: () => void) => () => void;
}

/** Reads the store once a second for all charts, into one ring of five minutes. */
export class Sampler {
  readonly ring = new SeriesRing(CAPACITY);
  readonly #options: SamplerOptions;
  readonly #listeners = new Set<() => void>();
  #lastAt = 0;
  #machine: { readonly at: number; readonly seenAt: number } = { at: 0, seenAt: 0 };

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Answers how to end it. */
  start(): () => void {
    return this.#options.every(PERIOD_MS, () => this.sample());
  }

  sample(): void {
    const { store, now } = this.#options;
    const at = now() / 1000;
    if (this.#lastAt > 0 && at - this.#lastAt > HOLE_SECONDS) this.ring.add(this.#lastAt + 1, new Map());
    this.#lastAt = at;
    this.ring.add(at, this.#read(store.state));
    for (const listener of this.#listeners) listener();
  }

  /** Draws what was read before the page was there, oldest first. */
  fill(rows: readonly Row[]): void {
    const withHoles = rows.flatMap((row, index) => {
      const before = rows[index - 1];
      if (before === undefined || row.atSeconds - before.atSeconds <= HOLE_SECONDS) return [row];
      return [{ atSeconds: before.atSeconds + 1, values: new Map<string, number>() }, row];
    });
    this.ring.addBefore(withHoles);
    for (const listener of this.#listeners) listener();
  }

  /** After each reading. Answers how to end it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #read({ connection, machine, subsystems }: HostState): Map<string, number> {
    const values = new Map<string, number>();
    if (connection.phase !== 'live') return values;
    const now = this.#options.now();
    // the host's clock may differ from ours: fresh is what has changed lately
    if (machine !== undefined && machine.at !== this.#machine.at) this.#machine = { at: machine.at, seenAt: now };
    if (machine !== undefined && now - this.#machine.seenAt < MACHINE_FRESH_MS) {
      values.set(MACHINE_SERIES.cpu, machine.cpuRatio).set(MACHINE_SERIES.memory, machine.memoryRatio);
      values.set(MACHINE_SERIES.loop, machine.eventLoopDelayP99Ms);
    }
    for (const subsystem of subsystems) for (const [series, value] of readingsOf(subsystem)) values.set(series, value);
    return values;
  }
}

/** What the charts draw of a subsystem, by series. */
export function readingsOf({ name, metrics, limits, ceiling }: Readings): readonly (readonly [string, number])[] {
  const readings: readonly [SubsystemSeries, number | undefined][] = [
    ['inUse', metrics.inUse],
    ['limit', limits.maxConcurrentOperations],
    ['ceiling', ceiling],
    ['queue', metrics['queue.depth']],
    ['waitP95', metrics['wait.p95Ms']],
  ];
  return readings.flatMap(([what, value]) => (value === undefined ? [] : [[seriesOf(name, what), value]]));
}
