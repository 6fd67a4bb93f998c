import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { judgeStall } from './judge-stall.js';
import type { Worker } from './worker.js';
import type { WorkerPool } from './worker-pool.js';

export interface StallWatchOptions {
  readonly pool: WorkerPool;
  readonly stallTimeoutMs: number;
  /** How long one look may take; who has not answered by then is looked at again by the next. */
  readonly boundMs: number;
  readonly clock: Pick<IClock, 'sleep'>;
  readonly logger: ILogger;
}

/** Finds sessions that get nowhere and ends them. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #found = 0;
  #total = 0;
  #looking: Promise<void> | null = null;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** Looks at every busy worker once. A call during a look is answered by that look. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    await this.#looking;
  }

  /** Those the latest look found, and those that still end: each stays visible from one look to the next. */
  get stalledWorkers(): number {
    return Math.max(this.#found, this.#options.pool.getMetrics().stalledWorkers);
  }

  get total(): number {
    return this.#total;
  }

  async #lookAtAll(): Promise<void> {
    const { pool, clock, boundMs } = this.#options;
    const over = new AbortController();
    // a file system that hangs under one session must not end the looks at all others
    const late = clock.sleep(boundMs, over.signal).then(
      () => false,
      () => false,
    );
    const found = await Promise.all(pool.getAllWorkers().map((worker) => Promise.race([this.#isStalled(worker), late])));
    over.abort();
    this.#found = found.filter(Boolean).length;
  }

  async #isStalled(worker: Worker): Promise<boolean> {
    const { session } = worker;
    if (session === null || worker.getState().status !== 'working') return false;
    try {
      const evidence = await session.evidence();
      // it has gone on, or another look was quicker
      if (worker.session !== session || worker.getState().status !== 'working') return false;
      if (judgeStall(evidence, this.#options.stallTimeoutMs) === 'healthy') return false;
      this.#total += 1;
      this.#options.logger.warn('An agent has stalled and is ended', { worker: worker.id, issue: session.issueId, ...evidence });
      worker.markStalled(session);
      // not awaited: one that is slow to end must not keep others from being looked at
      session.endStalled().catch((error: unknown) => this.#warn(worker, error));
      return true;
    } catch (error) {
      this.#warn(worker, error);
      return false;
    }
  }

  #warn(worker: Worker, error: unknown): void {
    this.#options.logger.warn('A worker could not be checked', { worker: worker.id, error: messageOf(error) });
  }
}
