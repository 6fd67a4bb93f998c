import { type LiveRun, STAGE } from './live-run.js';

export interface ReadyStage {
  readonly run: LiveRun;
  readonly stage: number;
  readonly sinceMs: number;
}

/** Stages that may execute as soon as there is a slot: the highest priority first, of one priority the oldest first. */
export class ReadyQueue {
  readonly #lanes = new Map<number, Lane>();
  /** Highest priority first. */
  #order: Lane[] = [];
  #length = 0;
  /** Stages of runs that failed or were cancelled, still in their places. */
  #dead = 0;

  /** Those that may execute. */
  get length(): number {
    return this.#length;
  }

  /** So many of those in here do not execute any more: they are ready no longer. */
  dropped(count: number): void {
    this.#length -= count;
    this.#dead += count;
    if (this.#dead > this.#length + COMPACT_FROM) this.#compact();
  }

  push(ready: ReadyStage): void {
    const { priority } = ready.run.record;
    let lane = this.#lanes.get(priority);
    if (lane === undefined) {
      lane = { priority, items: [], head: 0 };
      this.#lanes.set(priority, lane);
      this.#order = [...this.#lanes.values()].sort((a, b) => b.priority - a.priority);
    }
    lane.items.push(ready);
    this.#length += 1;
  }

  shift(): ReadyStage | undefined {
    for (const lane of this.#order) {
      const ready = this.#head(lane);
      if (ready === undefined) {
        if (lane.items.length > 0) this.#tidy(lane);
        continue;
      }
      lane.items[lane.head] = undefined;
      lane.head += 1;
      this.#length -= 1;
      this.#tidy(lane);
      return ready;
    }
    return undefined;
  }

  /** When the longest waiting one came in; undefined when none waits. */
  get oldestSinceMs(): number | undefined {
    let oldest: number | undefined;
    for (const lane of this.#order) {
      const since = this.#head(lane)?.sinceMs;
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
  }

  /** The first that may execute; those before it that may not are gone then. */
  #head(lane: Lane): ReadyStage | undefined {
    for (; lane.head < lane.items.length; lane.head += 1) {
      const ready = lane.items[lane.head]!;
      if (isReady(ready)) return ready;
      lane.items[lane.head] = undefined;
      this.#dead -= 1;
    }
    return undefined;
  }

  #compact(): void {
    for (const lane of this.#order) {
      lane.items = lane.items.slice(lane.head).filter((ready) => isReady(ready!));
      lane.head = 0;
    }
    this.#dead = 0;
  }

  #tidy(lane: Lane): void {
    if (lane.head === lane.items.length) {
      lane.items = [];
      lane.head = 0;
      // callers choose priorities: a lane each would pile up
      if (this.#order.length > MAX_EMPTY_LANES) {
        this.#lanes.delete(lane.priority);
        this.#order = this.#order.filter((other) => other !== lane);
      }
    } else if (lane.head >= COMPACT_FROM && lane.head * 2 > lane.items.length) {
      lane.items = lane.items.slice(lane.head);
      lane.head = 0;
    }
  }
}

interface Lane {
  readonly priority: number;
  items: (ReadyStage | undefined)[];
  head: number;
}

function isReady({ run, stage }: ReadyStage): boolean {
  const state = run.states[stage];
  return run.phase !== 'ended' && (state === STAGE.READY || state === STAGE.UNDO_READY);
}

const MAX_EMPTY_LANES = 16;
/** Below this, moving items costs more than the places behind the head. */
const COMPACT_FROM = 1_024;
