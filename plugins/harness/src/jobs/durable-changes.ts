import { type IClock, type ILogger, isBellowsError, messageOf } from '@bellows/sdk';
import type { Change } from './job-changes.js';
import type { JobStore } from './job-store.js';

/** A disk that was full a moment ago may have room again; no agent should be lost for that. */
const RETRY_MS = 1_000;

export interface DurableChangesOptions {
  readonly store: JobStore;
  readonly clock: IClock;
  readonly logger: ILogger;
}

/** Writes what has happened, again and again until it is kept. */
export class DurableChanges {
  readonly #options: DurableChangesOptions;
  readonly #closing = new AbortController();

  constructor(options: DurableChangesOptions) {
    this.#options = options;
  }

  /** Resolves when `changes` are durable. Rejects with `HARNESS_STORE_FAILED` after `close`, and for what no time mends. */
  async keep(changes: readonly Change[]): Promise<void> {
    const { store, clock, logger } = this.#options;
    for (;;) {
      try {
        return await store.write(changes);
      } catch (error) {
        if (this.#closing.signal.aborted || !isBellowsError(error) || error.data?.mayPass !== true) throw error;
        logger.error('What became of a job could not be written; it is tried again', { error: messageOf(error) });
        await clock.sleep(RETRY_MS, this.#closing.signal).catch(() => {});
      }
    }
  }

  /** What cannot be written from now on is given up; the next start finds the state before it. */
  close(): void {
    this.#closing.abort();
  }
}
