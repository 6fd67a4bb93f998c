import type { LiveRun } from './live-run.js';

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

  get length(): number {
    return this.#length;
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
      const ready = lane.items[lane.head];
      if (ready === undefined) continue;
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
    for (const { items, head } of this.#order) {
      const since = items[head]?.sinceMs;
      if (since !== undefined && (oldest === undefined || since < oldest)) oldest = since;
    }
    return oldest;
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

const MAX_EMPTY_LANES = 16;
/** Below this, moving items costs more than the places behind the head. */
const COMPACT_FROM = 1_024;
