import type { CancelTimer, IClock } from '@bellows/sdk';
import { TimerHeap } from './timer-heap.js';

export interface TimerQueueOptions {
  readonly clock: IClock;
  /** Called once for each time that has come. May add and cancel. What it throws reaches the process; the queue goes on. */
  onDue(run: number, stage: number): void;
}

/** The wall clock may be set: a wait is looked at again after so long, so this is how late a jump forward is noticed. */
const MAX_SLEEP_MS = 5_000;
/** Many times may come at once after a jump or a start; the event loop has other work between. */
const MAX_FIRED_AT_ONCE = 1_000;

/**
 * Wakes runs at wall-clock times with one timer for all, in the order of the times. Never early: a time fires only once the wall
 * clock shows it, however the clock was set meanwhile. At most 100 bytes an entry.
 */
export class TimerQueue {
  readonly #options: TimerQueueOptions;
  readonly #heap = new TimerHeap();
  #cancelTimer: CancelTimer | undefined;
  /** Wall clock for which the timer was set. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: TimerQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#heap.size;
  }

  get memoryBytes(): number {
    return this.#heap.memoryBytes;
  }

  /** The earliest time; null when there is none. */
  get nextDueAt(): number | null {
    return this.#heap.size === 0 ? null : this.#heap.firstDueAt;
  }

  /** One time for each stage of a run: a second one replaces it. A time that has passed fires soon, never before this returned. */
  add(run: number, stage: number, dueAt: number): void {
    if (this.#closed) return;
    // what is no time cannot be sorted; it is due at once
    this.#heap.set(run, stage, Number.isNaN(dueAt) ? 0 : dueAt);
    if (this.#heap.firstDueAt < this.#wakeAt) this.#arm();
  }

  /** False when there was none. */
  cancel(run: number, stage: number): boolean {
    const found = this.#heap.delete(run, stage);
    if (this.#heap.size === 0) this.#disarm();
    return found;
  }

  /** Nothing fires any more. Twice is fine. */
  close(): void {
    this.#closed = true;
    this.#disarm();
  }

  #fire(): void {
    this.#disarm();
    try {
      for (let fired = 0; fired < MAX_FIRED_AT_ONCE && !this.#closed; fired += 1) {
        if (this.#heap.firstDueAt > this.#options.clock.now()) break;
        const entry = this.#heap.takeFirst();
        if (entry === null) break;
        this.#options.onDue(entry.run, entry.stage);
      }
    } finally {
      if (!this.#closed) this.#arm();
    }
  }

  #arm(): void {
    this.#disarm();
    if (this.#heap.size === 0) return;
    const now = this.#options.clock.now();
    const delayMs = Math.min(Math.max(0, this.#heap.firstDueAt - now), MAX_SLEEP_MS);
    this.#wakeAt = now + delayMs;
    this.#cancelTimer = this.#options.clock.setTimer(Math.ceil(delayMs), () => this.#fire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }
}
