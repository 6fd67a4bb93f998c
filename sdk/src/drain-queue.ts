import type { IClock } from './clock.js';
import { Ring } from './ring.js';

/** `again`: another event may follow at once; `waiting`: a handler's promise is under way; `empty`: nothing to do. */
export type DrainOutcome = 'again' | 'waiting' | 'empty';

export interface Drainable {
  deliverNext(): DrainOutcome;
}

/**
 * Empties mailboxes in turns of the event loop. What becomes ready is served in the same turn (a microtask later), one batch per
 * subscriber in rotation, until the turn has cost about 1 ms; the rest waits for the next turn, after timers and I/O. The budget is
 * one for the whole turn: handlers that publish and await cannot stretch it by coming back as microtasks.
 */
export class DrainQueue {
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  readonly #ready = new Ring<Drainable>();
  /** From the first delivery of a turn until the event loop has gone round. */
  #turn: Turn | undefined;
  #microtaskPlanned = false;
  #draining = false;
  /** Handler calls whose promise is under way. */
  #awaited = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(clock: Pick<IClock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  add(drainable: Drainable): void {
    this.#ready.push(drainable);
    if (this.#draining || this.#microtaskPlanned || this.#turnIsOver()) return;
    this.#microtaskPlanned = true;
    queueMicrotask(() => {
      this.#microtaskPlanned = false;
      if (!this.#turnIsOver()) this.#drain();
    });
  }

  /** To be called once for every `waiting`, when that handler call has ended and the subscriber was added again if need be. */
  awaitedEnded(): void {
    this.#awaited -= 1;
    this.#tellIdle();
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve);
      this.#tellIdle();
    });
  }

  #drain(): void {
    this.#turn ??= this.#beginTurn();
    this.#draining = true;
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      const outcome = this.#drainBatch(next, this.#turn);
      if (outcome === 'again') this.#ready.push(next);
      else if (outcome === 'waiting') this.#awaited += 1;
      if (this.#turnIsOver()) break;
    }
    this.#draining = false;
    this.#tellIdle();
  }

  #drainBatch(drainable: Drainable, turn: Turn): DrainOutcome {
    let outcome: DrainOutcome = 'again';
    for (let count = 0; count < BATCH && outcome === 'again' && !this.#turnIsOver(); count += 1) {
      outcome = drainable.deliverNext();
      turn.deliveriesLeft -= 1;
    }
    return outcome;
  }

  #beginTurn(): Turn {
    setImmediate(() => {
      this.#turn = undefined;
      if (this.#ready.length > 0) this.#drain();
    });
    return { endsAtMs: this.#clock.monotonicMs() + BUDGET_MS, deliveriesLeft: MAX_DELIVERIES };
  }

  #turnIsOver(): boolean {
    const turn = this.#turn;
    return turn !== undefined && (turn.deliveriesLeft <= 0 || this.#clock.monotonicMs() >= turn.endsAtMs);
  }

  #tellIdle(): void {
    if (this.#idleWaiters.length === 0 || this.#ready.length > 0 || this.#awaited > 0 || this.#draining) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

interface Turn {
  readonly endsAtMs: number;
  deliveriesLeft: number;
}

/** Long enough to deliver some thousand events, short enough that no timer or request notices. */
const BUDGET_MS = 1;
/** Ends a turn under a clock that stands still. */
const MAX_DELIVERIES = 4_096;
/** One busy subscriber may not use the turn up alone. */
const BATCH = 64;
