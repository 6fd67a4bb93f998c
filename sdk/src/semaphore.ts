import type { CancelTimer, IClock } from './clock.js';
import { demandOptionNames } from './demand-option-names.js';
import { CapacityError, InputError } from './errors.js';
import { optionNames } from './known-options.js';

export interface SemaphoreOptions {
  /** How many permits may be out at once; 0 lets nobody in. */
  readonly permits: number;
  readonly clock: Pick<IClock, 'monotonicMs' | 'setTimer'>;
  /** How many callers may wait; one more is refused with `CapacityError` (`QUEUE_FULL`). Default: no bound. */
  readonly maxWaiting?: number;
}

export interface AcquireOptions {
  /** 0 or less: do not wait. Default: wait for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The right to run. Give it back exactly when the work has ended; giving it back twice does nothing. */
export interface Permit extends Disposable {
  release(): void;
}

/**
 * Lets a changeable number of callers in, first come first served: nobody overtakes, also not through `tryAcquire`.
 * A permit is never lost: whatever mixture of time-outs, aborts and resizing, `inUse` is the number of permits handed out and not
 * yet released.
 */
export class Semaphore {
  readonly #clock: Pick<IClock, 'monotonicMs' | 'setTimer'>;
  #permits: number;
  #maxWaiting: number;
  #inUse = 0;
  #waiting = 0;
  /** A doubly linked list: waiters leave from the middle when they time out. */
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  /** `InputError`: `SEMAPHORE_OPTIONS_INVALID` for options that are unknown, `SEMAPHORE_SIZE_INVALID` for a number that is none. */
  constructor(options: SemaphoreOptions) {
    demandOptionNames(options, {
      known: OPTIONS,
      fault: (text) => new InputError('SEMAPHORE_OPTIONS_INVALID', `A Semaphore cannot work: ${text}`),
    });
    const { permits, clock, maxWaiting = Number.POSITIVE_INFINITY } = options;
    this.#clock = clock;
    this.#permits = checkedCount('permits', permits);
    this.#maxWaiting = checkedCount('maxWaiting', maxWaiting);
  }

  /** How many may be out at once; fewer than `inUse` while a shrink drains. */
  get permits(): number {
    return this.#permits;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** How long the one at the head of the queue has waited; 0 when nobody waits. */
  get oldestWaitMs(): number {
    return this.#first === undefined ? 0 : this.#clock.monotonicMs() - this.#first.since;
  }

  /**
   * Resolves with a permit, or with `null` when the time is up first.
   * Rejects with the reason of `signal` when that aborts first (then no permit is taken), and with `CapacityError`
   * (`QUEUE_FULL`) when `maxWaiting` callers wait already.
   */
  acquire({ timeoutMs = Number.POSITIVE_INFINITY, signal }: AcquireOptions = {}): Promise<Permit | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const permit = this.tryAcquire();
    // NaN does not wait either: a caller that lost count must not hang
    if (permit !== null || !(timeoutMs > 0)) return Promise.resolve(permit);
    if (this.#waiting >= this.#maxWaiting) return Promise.reject(this.#queueFull());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        since: this.#clock.monotonicMs(),
        previous: this.#last,
        next: undefined,
        settle: resolve,
        cancel: undefined,
      };
      this.#append(waiter);
      const onAbort = () => {
        this.#leave(waiter);
        reject(signal?.reason);
      };
      const cancelTimer = this.#timeout(waiter, timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      waiter.cancel = () => {
        cancelTimer?.();
        signal?.removeEventListener('abort', onAbort);
      };
    });
  }

  /** A permit when one is free and nobody waits for it, else `null`. */
  tryAcquire(): Permit | null {
    return this.#inUse < this.#permits && this.#first === undefined ? this.#take() : null;
  }

  /** Growing lets waiters in before it returns; shrinking takes no permit back: it lets nobody in until enough were released. */
  resize(permits: number): void {
    this.#permits = checkedCount('permits', permits);
    this.#admit();
  }

  /** Those who wait already may go on waiting. */
  setMaxWaiting(maxWaiting: number): void {
    this.#maxWaiting = checkedCount('maxWaiting', maxWaiting);
  }

  #take(): Permit {
    this.#inUse += 1;
    let out = true;
    const release = () => {
      if (!out) return;
      out = false;
      this.#inUse -= 1;
      this.#admit();
    };
    return { release, [Symbol.dispose]: release };
  }

  #admit(): void {
    while (this.#first !== undefined && this.#inUse < this.#permits) {
      const waiter = this.#first;
      this.#leave(waiter);
      waiter.settle(this.#take());
    }
  }

  #timeout(waiter: Waiter, timeoutMs: number): CancelTimer | undefined {
    if (timeoutMs === Number.POSITIVE_INFINITY) return undefined;
    return this.#clock.setTimer(timeoutMs, () => {
      this.#leave(waiter);
      waiter.settle(null);
    });
  }

  #append(waiter: Waiter): void {
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#waiting += 1;
  }

  #leave(waiter: Waiter): void {
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    this.#waiting -= 1;
    waiter.cancel?.();
  }

  #queueFull(): CapacityError {
    return new CapacityError(
      'QUEUE_FULL',
      `The queue for a permit is full: ${this.#waiting} callers wait for ${this.#permits} permits. Try again later, or call less at once`,
    );
  }
}

const OPTIONS = optionNames<SemaphoreOptions>({ permits: true, clock: true, maxWaiting: true });

interface Waiter {
  readonly since: number;
  readonly settle: (permit: Permit | null) => void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
  /** Ends the timer and the listening. */
  cancel: (() => void) | undefined;
}

function checkedCount(name: string, value: number): number {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new InputError(
    'SEMAPHORE_SIZE_INVALID',
    `A Semaphore got ${name} ${String(value)}: give a whole number of at least 0, or Infinity`,
  );
}
