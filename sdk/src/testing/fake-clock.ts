import { type CancelTimer, type IClock, sleepOn } from '../clock.js';
import { InputError } from '../errors.js';
import { kindOfValue } from '../kind-of-value.js';

/**
 * A clock that moves only when told. Wall clock and monotonic time move together; the former starts at `startMs`.
 * `advance` runs the timers that come due in the order of their times (of equal times: in the order they were set), and lets promises
 * and the turns of the event loop that they cause settle before each timer and at the end.
 */
export class FakeClock implements IClock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #lastId = 0;
  readonly #timers = new Map<number, Timer>();

  /** Default: 2026-01-01, 00:00 UTC. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** How many timers are set. 0 after a stop means that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    return this.#add({ dueMs: this.#elapsedMs + atLeastZero(delayMs), periodMs: null, callback });
  }

  setRepeating(periodMs: number, callback: () => void): CancelTimer {
    // like setInterval: a period below 1 ms is 1 ms, else advancing would never end
    const every = Math.max(1, atLeastZero(periodMs));
    return this.#add({ dueMs: this.#elapsedMs + every, periodMs: every, callback });
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /**
   * Rejects with what a timer's callback threw; the clock then stands at that timer's time. Two at once run the same timers, each once, and
   * end at the later time: time never goes back. Rejects with `InputError` (`CLOCK_ADVANCE_INVALID`), and does not move, for what is no finite
   * number of at least 0.
   */
  async advance(ms: number): Promise<void> {
    demandAdvance(ms);
    const endMs = this.#elapsedMs + ms;
    await settle();
    for (let due = this.#nextDue(endMs); due !== undefined; due = this.#nextDue(endMs)) {
      const [id, timer] = due;
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
      if (timer.periodMs === null) this.#timers.delete(id);
      else this.#timers.set(id, { ...timer, dueMs: timer.dueMs + timer.periodMs });
      timer.callback();
      await settle();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, endMs);
  }

  #add(timer: Timer): CancelTimer {
    const id = (this.#lastId += 1);
    this.#timers.set(id, timer);
    return () => this.#timers.delete(id);
  }

  #nextDue(endMs: number): [number, Timer] | undefined {
    let next: [number, Timer] | undefined;
    for (const entry of this.#timers) {
      if (entry[1].dueMs <= endMs && (next === undefined || entry[1].dueMs < next[1].dueMs)) next = entry;
    }
    return next;
  }
}

interface Timer {
  readonly dueMs: number;
  /** `null`: fires once. */
  readonly periodMs: number | null;
  readonly callback: () => void;
}

/** Three turns of the event loop: a delivery of the bus that starts in a microtask may go on in the next turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function demandAdvance(ms: unknown): void {
  if (typeof ms === 'number' && ms >= 0 && ms < Number.POSITIVE_INFINITY) return;
  const given = typeof ms === 'number' ? String(ms) : kindOfValue(ms);
  throw new InputError('CLOCK_ADVANCE_INVALID', `A FakeClock was to be moved by ${given}: give a finite number of ms of at least 0`);
}

function atLeastZero(ms: number): number {
  return ms > 0 ? ms : 0;
}
