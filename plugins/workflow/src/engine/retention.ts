import { type CancelTimer, type IClock, type ILogger, messageOf } from '@bellows/sdk';
import type { ICapturedStates } from '../store/captured-states.js';
import type { FlowStore } from '../store/flow-store.js';

export interface RetentionOptions {
  readonly store: Pick<FlowStore, 'endedBefore' | 'removeRuns'>;
  readonly captured: Pick<ICapturedStates, 'forget'>;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** null: nothing is removed. */
  readonly retentionMs: number | null;
}

const SWEEP_MS = 60_000;
/** Of one transaction, a few ms; then others get their turn. One run may have more events than all others together. */
const RUNS_AT_ONCE = 200;
const EVENTS_AT_ONCE = 5_000;
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
        const runs = store.endedBefore(before, RUNS_AT_ONCE);
        // large values first: after a failure or crash the run is still there to be found by the next sweep, and while it is, no new
        // run of the same id can have values in the same place
        for (const { id } of runs) await captured.forget(id);
        let left = runs.map(({ key }) => key);
        while (left.length > 0 && !this.#isStopped) {
          left = left.slice(store.removeRuns(left, EVENTS_AT_ONCE));
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (runs.length < RUNS_AT_ONCE) return;
      }
    } catch (error) {
      logger.warn('runs whose time of retention is over could not be removed', { error: messageOf(error) });
    }
  }
}
