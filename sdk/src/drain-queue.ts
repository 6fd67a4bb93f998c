import type { IClock } from './clock.js';
import { Ring } from './ring.js';

/** `again`: another event may follow at once; `waiting`: a handler's promise is under way; `empty`: nothing to do. */
export type DrainOutcome = 'again' | 'waiting' | 'empty';

export interface Drainable {
  /** `nowMs`: the monotonic time, read once for all who need it, because reading it costs as much as a delivery. */
  deliverNext(nowMs: number): DrainOutcome;
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
    if (this.#draining || this.#microtaskPlanned || (this.#turn !== undefined && isOver(this.#turn))) return;
    this.#microtaskPlanned = true;
    queueMicrotask(() => {
      this.#microtaskPlanned = false;
      this.#drain();
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
    const turn = (this.#turn ??= this.#beginTurn());
    turn.nowMs = this.#clock.monotonicMs();
    this.#draining = true;
    while (this.#ready.length > 0 && !isOver(turn)) {
      const next = this.#ready.shift() as Drainable;
      const outcome = this.#drainBatch(next, turn);
      if (outcome === 'again') this.#ready.push(next);
      else if (outcome === 'waiting') this.#awaited += 1;
    }
    this.#draining = false;
    this.#tellIdle();
  }

  #drainBatch(drainable: Drainable, turn: Turn): DrainOutcome {
    let outcome: DrainOutcome = 'again';
    for (let count = 0; count < BATCH && outcome === 'again' && !isOver(turn); count += 1) {
      outcome = drainable.deliverNext(turn.nowMs);
      turn.nowMs = this.#clock.monotonicMs();
      turn.deliveriesLeft -= 1;
    }
    return outcome;
  }

  #beginTurn(): Turn {
    setImmediate(() => {
      this.#turn = undefined;
      if (this.#ready.length > 0) this.#drain();
    });
    const nowMs = this.#clock.monotonicMs();
    return { endsAtMs: nowMs + BUDGET_MS, nowMs, deliveriesLeft: MAX_DELIVERIES };
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
  /** As of the last delivery. */
  nowMs: number;
  deliveriesLeft: number;
}

function isOver({ deliveriesLeft, nowMs, endsAtMs }: Turn): boolean {
  return deliveriesLeft <= 0 || nowMs >= endsAtMs;
}

/** Long enough to deliver some thousand events, short enough that no timer or request notices. */
const BUDGET_MS = 1;
/** Ends a turn under a clock that stands still. */
const MAX_DELIVERIES = 4_096;
/** One busy subscriber may not use the turn up alone. */
const BATCH = 64;
