import type { IClock } from '@bellows/sdk';

/** Those who wait for the end of a job. */
export class JobWaiters {
  readonly #clock: IClock;
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(clock: IClock) {
    this.#clock = clock;
  }

  /** Resolves when the job is told of or the time is up. Rejects with the reason of `signal`, or with that of `rejectAll`. */
  wait(jobId: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(jobId) ?? new Set();
      this.#waiters.set(jobId, waiters);
      const leave = () => {
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#waiters.get(jobId) === waiters) this.#waiters.delete(jobId);
      };
      const waiter: Waiter = {
        resolve: () => {
          leave();
          resolve();
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      const onAbort = () => waiter.reject(signal?.reason);
      const cancelTimer = timeoutMs === Number.POSITIVE_INFINITY ? () => {} : this.#clock.setTimer(timeoutMs, waiter.resolve);
      signal?.addEventListener('abort', onAbort, { once: true });
      waiters.add(waiter);
    });
  }

  tell(jobId: string): void {
    for (const { resolve } of [...(this.#waiters.get(jobId) ?? [])]) resolve();
  }

  rejectAll(reason: unknown): void {
    for (const waiters of [...this.#waiters.values()]) for (const { reject } of [...waiters]) reject(reason);
  }
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}
