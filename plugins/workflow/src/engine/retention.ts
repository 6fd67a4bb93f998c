import { type CancelTimer, type IClock, type ILogger, messageOf } from '@bellows/sdk';
import type { ICapturedStates } from '../store/captured-states.js';

export interface RetentionOptions {
  readonly store: { removeEndedBefore(at: number, limit: number): readonly string[] };
  readonly captured: Pick<ICapturedStates, 'forget'>;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** null: nothing is removed. */
  readonly retentionMs: number | null;
}

const SWEEP_MS = 60_000;
/** Of one transaction, a few ms; then others get their turn. */
const REMOVED_AT_ONCE = 200;
/** Runs removed in one sweep at most: the next one goes on. */
const MAX_BATCHES = 500;

/** Removes runs, with their large values, when their time is over. */
export class Retention {
  readonly #options: RetentionOptions;
  #cancelTimer: CancelTimer | undefined;
  #sweeping: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** Twice is fine. */
  start(): void {
    if (this.#options.retentionMs === null) return;
    this.#cancelTimer ??= this.#options.clock.setRepeating(SWEEP_MS, () => void this.sweep());
  }

  /** Resolves when a sweep that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer?.();
    await this.#sweeping;
  }

  /** Never rejects: what could not be removed is tried again by the next sweep. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { store, captured, clock, logger, retentionMs } = this.#options;
    if (retentionMs === null) return;
    const before = clock.now() - retentionMs;
    try {
      for (let batch = 0; batch < MAX_BATCHES && !this.#isStopped; batch += 1) {
        const ids = store.removeEndedBefore(before, REMOVED_AT_ONCE);
        for (const id of ids) await captured.forget(id);
        if (ids.length < REMOVED_AT_ONCE) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      logger.warn('runs whose time of retention is over could not be removed', { error: messageOf(error) });
    }
  }
}
