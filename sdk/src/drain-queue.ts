import type { IClock } from './clock.js';
import { Fifo } from './fifo.js';

/** `again`: another event may follow at once; `waiting`: a handler's promise is under way; `empty`: nothing to do. */
export type DrainOutcome = 'again' | 'waiting' | 'empty';

export interface Drainable {
  /** Delivers up to `limit` events, one after the other; fewer when there are no more or a handler's promise is under way. */
  deliver(limit: number): DrainOutcome;
  /** After some calls of `deliver`. `startedMs` is the monotonic time before the first of them. */
  batchEnded(startedMs: number): void;
}

/**
 * Empties mailboxes in turns of the event loop. What becomes ready is served in the same turn (a microtask later), one batch per
 * subscriber in rotation, until the turn has cost about 1 ms; the rest waits for the next turn, after timers and I/O. The budget is
 * one for the whole turn: handlers that publish and await cannot stretch it by coming back as microtasks.
 *
 * The clock is read after the first event that a subscriber is given in a turn, and then after as many as should fit into the rest of the
 * turn if they take as long as the last ones did, at most {@link MAX_STRIDE}. So a slow handler ends the turn with its first call, and one
 * that turns slow in the middle is noticed after that many calls.
 */
export class DrainQueue {
  readonly #clock: Pick<IClock, 'monotonicMs'>;
  readonly #ready = new Fifo<Ready>();
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
    // in this order: at the end of a stack either can fail, and who is in the queue must be served
    this.#planMicrotask();
    this.#ready.push({ drainable, stride: 1, turn: undefined });
  }

  /** Whether someone could be served at once. */
  get isBehind(): boolean {
    return this.#ready.length > 0;
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

  #planMicrotask(): void {
    if (this.#draining || this.#microtaskPlanned || (this.#turn !== undefined && isOver(this.#turn))) return;
    queueMicrotask(() => {
      this.#microtaskPlanned = false;
      this.#drain();
    });
    this.#microtaskPlanned = true;
  }

  #drain(): void {
    const turn = (this.#turn ??= this.#beginTurn());
    turn.nowMs = this.#clock.monotonicMs();
    this.#draining = true;
    while (this.#ready.length > 0 && !isOver(turn)) {
      const next = this.#ready.shift() as Ready;
      const outcome = this.#drainBatch(next, turn);
      if (outcome === 'again') this.#ready.push(next);
      else if (outcome === 'waiting') this.#awaited += 1;
    }
    this.#draining = false;
    this.#tellIdle();
  }

  #drainBatch(ready: Ready, turn: Turn): DrainOutcome {
    const { drainable } = ready;
    const batchStartedMs = turn.nowMs;
    let outcome: DrainOutcome;
    let left = BATCH;
    if (ready.turn !== turn) ready.stride = 1;
    ready.turn = turn;
    do {
      const startedMs = turn.nowMs;
      const stride = Math.min(ready.stride, left);
      outcome = drainable.deliver(stride);
      turn.nowMs = this.#clock.monotonicMs();
      turn.deliveriesLeft -= stride;
      left -= stride;
      ready.stride = nextStride(stride, startedMs, turn);
    } while (outcome === 'again' && left > 0 && !isOver(turn));
    drainable.batchEnded(batchStartedMs);
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

interface Ready {
  readonly drainable: Drainable;
  /** Of its next deliveries; what one batch of a turn has earned holds for the next one of the same turn. */
  stride: number;
  turn: Turn | undefined;
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

function nextStride(last: number, startedMs: number, { nowMs, endsAtMs }: Turn): number {
  const fitting = Math.floor(((endsAtMs - nowMs) * last) / (nowMs - startedMs));
  // no time has passed as far as the clock can tell: x / 0
  return fitting < MAX_STRIDE ? Math.max(fitting, 1) : MAX_STRIDE;
}

/** Long enough to deliver some thousand events, short enough that no timer or request notices. */
const BUDGET_MS = 1;
/** Ends a turn under a clock that stands still. */
const MAX_DELIVERIES = 4_096;
/** One busy subscriber may not use the turn up alone. */
const BATCH = 64;
/** Reading the clock costs as much as a delivery: this makes it a twentieth of the work. */
const MAX_STRIDE = 32;
