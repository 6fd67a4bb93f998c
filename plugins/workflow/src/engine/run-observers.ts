import type { IClock } from '@bellows/sdk';

export interface ObserverOptions {
  readonly clock: Pick<IClock, 'setTimer'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Who waits for the end of which run. Everybody leaves at the end of the run, of the time or of the call: nothing stays behind. */
export class RunObservers {
  readonly #waiting = new Map<number, Set<() => void>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Resolves when the run has ended or the time is up; rejects with the reason of `signal` when that aborts first. */
  ended(key: number, { clock, timeoutMs, signal }: ObserverOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        this.#remove(key, tell);
      };
      const tell = () => {
        leave();
        resolve();
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      const cancelTimer = clock.setTimer(Math.max(0, timeoutMs), tell);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(key, tell);
    });
  }

  tell(key: number): void {
    for (const tell of [...(this.#waiting.get(key) ?? [])]) tell();
  }

  /** Everybody hears of it as if their time were up. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.tell(key);
  }

  #add(key: number, tell: () => void): void {
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, new Set([tell]));
    else others.add(tell);
    this.#size += 1;
  }

  #remove(key: number, tell: () => void): void {
    const all = this.#waiting.get(key);
    if (!all?.delete(tell)) return;
    this.#size -= 1;
    if (all.size === 0) this.#waiting.delete(key);
  }
}
