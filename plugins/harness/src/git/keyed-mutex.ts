import { type IClock, Semaphore, systemClock } from '@bellows/sdk';

/** One caller at a time per key, in the order of the calls. A key that nobody uses costs no memory. */
export class KeyedMutex {
  readonly #locks = new Map<string, { readonly semaphore: Semaphore; users: number }>();
  readonly #clock: Pick<IClock, 'monotonicMs' | 'setTimer'>;

  constructor(clock: Pick<IClock, 'monotonicMs' | 'setTimer'> = systemClock) {
    this.#clock = clock;
  }

  /** Calls `work` when it is the turn of the caller. Rejects with the reason of `signal` when that aborts while it waits. */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const lock = this.#locks.get(key) ?? { semaphore: new Semaphore({ permits: 1, clock: this.#clock }), users: 0 };
    this.#locks.set(key, lock);
    lock.users += 1;
    try {
      const permit = await lock.semaphore.acquire(signal === undefined ? {} : { signal });
      try {
        return await work();
      } finally {
        permit?.release();
      }
    } finally {
      lock.users -= 1;
      if (lock.users === 0) this.#locks.delete(key);
    }
  }
}
