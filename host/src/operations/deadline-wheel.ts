import type { CancelTimer, IClock } from '@bellows/sdk';

/** How late a deadline may be noticed. Finer costs wake-ups, coarser costs callers their time; both were invisible at 5 ms. */
const TICK_MS = 5;

/**
 * Deadlines of many calls on one timer: `AbortSignal.timeout` per call costs 16 µs, an entry here well under one.
 * A callback runs at its deadline or up to 5 ms later, never before. Nothing wakes up while no deadline waits.
 * `callback` must not throw; it may add and cancel.
 */
export class DeadlineWheel {
  readonly #clock: IClock;
  readonly #slots = new Map<number, Set<() => void>>();
  #armedTick = Number.POSITIVE_INFINITY;
  #disarm: CancelTimer | undefined;

  constructor(clock: IClock) {
    this.#clock = clock;
  }

  /** `deadlineAt` is on `IClock.monotonicMs`; `Infinity` never comes. Cancelling twice, or too late, does nothing. */
  add(deadlineAt: number, callback: () => void): CancelTimer {
    if (deadlineAt === Number.POSITIVE_INFINITY) return () => {};
    const tick = Math.ceil(deadlineAt / TICK_MS);
    let slot = this.#slots.get(tick);
    if (!slot) this.#slots.set(tick, (slot = new Set()));
    // An entry of its own: the same function may be added twice.
    const entry = () => callback();
    slot.add(entry);
    if (tick < this.#armedTick) this.#arm(tick);
    return () => this.#remove(tick, entry);
  }

  /** How many deadlines wait. */
  get size(): number {
    let size = 0;
    for (const slot of this.#slots.values()) size += slot.size;
    return size;
  }

  #remove(tick: number, entry: () => void): void {
    const slot = this.#slots.get(tick);
    if (!slot?.delete(entry) || slot.size > 0) return;
    this.#slots.delete(tick);
    // With nothing left the timer goes too; else it fires once for nothing, which is cheaper than looking for the next.
    if (this.#slots.size === 0) this.#stop();
  }

  #arm(tick: number): void {
    this.#disarm?.();
    this.#armedTick = tick;
    const delayMs = Math.max(0, tick * TICK_MS - this.#clock.monotonicMs());
    this.#disarm = this.#clock.setTimer(delayMs, () => this.#fire());
  }

  #fire(): void {
    this.#stop();
    const nowTick = Math.floor(this.#clock.monotonicMs() / TICK_MS);
    for (const [tick, slot] of [...this.#slots]) {
      if (tick > nowTick) continue;
      this.#slots.delete(tick);
      for (const entry of slot) entry();
    }
    let next = Number.POSITIVE_INFINITY;
    for (const tick of this.#slots.keys()) next = Math.min(next, tick);
    if (next < this.#armedTick) this.#arm(next);
  }

  #stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedTick = Number.POSITIVE_INFINITY;
  }
}
