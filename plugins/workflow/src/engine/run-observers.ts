import type { IClock } from '@bellows/sdk';
import type { LiveRun } from './live-run.js';

type Tell = (run: LiveRun | null) => void;

export interface ObserverOptions {
  readonly clock: Pick<IClock, 'setTimer'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Who waits for the end of which run. Everybody leaves at the end of the run, of the time or of the call: nothing stays behind. */
export class RunObservers {
  /** Mostly one waits for a run: only a second one makes a set. */
  readonly #waiting = new Map<number, Tell | Set<Tell>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Resolves with the run when it has ended, with null when the time is up; rejects with the reason of `signal` when that aborts first. */
  ended(key: number, { clock, timeoutMs, signal }: ObserverOptions): Promise<LiveRun | null> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        this.#remove(key, tell);
      };
      const tell: Tell = (run) => {
        leave();
        resolve(run);
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      const cancelTimer = clock.setTimer(Math.max(0, timeoutMs), () => tell(null));
      signal.addEventListener('abort', onAbort, { once: true });
      this.#add(key, tell);
    });
  }

  /** The end of the run is durable. */
  tell(key: number, run: LiveRun | null): void {
    const waiting = this.#waiting.get(key);
    if (typeof waiting === 'function') waiting(run);
    else for (const tell of [...(waiting ?? [])]) tell(run);
  }

  /** Everybody hears of it as if their time were up. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.tell(key, null);
  }

  #add(key: number, tell: Tell): void {
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, tell);
    else if (typeof others === 'function') this.#waiting.set(key, new Set([others, tell]));
    else others.add(tell);
    this.#size += 1;
  }

  #remove(key: number, tell: Tell): void {
    const all = this.#waiting.get(key);
    const isThere = typeof all === 'function' ? all === tell : all?.delete(tell) === true;
    if (!isThere) return;
    this.#size -= 1;
    if (typeof all === 'function' || all?.size === 0) this.#waiting.delete(key);
  }
}
