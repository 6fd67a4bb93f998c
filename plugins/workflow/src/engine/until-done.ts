import { type CancelTimer, type IClock, type ILogger, messageOf } from '@bellows/sdk';

export interface UntilDoneOptions {
  readonly clock: Pick<IClock, 'setTimer'>;
  readonly logger: Pick<ILogger, 'warn'>;
}

/** What could not be read may be readable a moment later; what is damaged is not, and must not keep the machine busy. */
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

/**
 * Does work that nobody else would come back to, such as waking a run, until it succeeds: what throws is logged once and tried again after
 * growing pauses. After `close` nothing happens any more.
 */
export class UntilDone {
  readonly #options: UntilDoneOptions;
  readonly #failed = new Set<() => void>();
  #cancelTimer: CancelTimer | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #isClosed = false;

  constructor(options: UntilDoneOptions) {
    this.#options = options;
  }

  /** At once; what throws is done again later. `what` is for the log. */
  attempt(what: string, work: () => void): void {
    if (this.#isClosed || this.#succeeds(work, what)) return;
    this.#failed.add(work);
    this.#plan();
  }

  /** Twice is fine. */
  close(): void {
    this.#isClosed = true;
    this.#failed.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #succeeds(work: () => void, what?: string): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (what !== undefined) this.#options.logger.warn(`${what}: it is tried again`, { error: messageOf(error) });
      return false;
    }
  }

  #plan(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed) return;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    this.#cancelTimer = this.#options.clock.setTimer(pauseMs, () => {
      this.#cancelTimer = undefined;
      for (const work of [...this.#failed]) if (this.#succeeds(work)) this.#failed.delete(work);
      if (this.#failed.size > 0) this.#plan();
      else this.#pauseMs = FIRST_PAUSE_MS;
    });
  }
}
