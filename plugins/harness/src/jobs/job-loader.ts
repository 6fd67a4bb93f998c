import { mkdir } from 'node:fs/promises';
import { backoffMs, type CancelTimer, isKind, messageOf } from '@bellows/sdk';
import { type HarnessServices, logFolder, PRIVATE_FOLDER } from './harness-services.js';
import type { JobBoard } from './job-board.js';
import type { JobSpec } from './job-records.js';
import type { JobStore } from './job-store.js';
import { LiveJob } from './live-job.js';
import { endOrphans, recoverJob, removeLeftovers } from './recover-sessions.js';
import type { IRepository } from './session-contracts.js';
import type { JobRecord, SessionRecord } from './stored-records.js';

/** A repository on a disk that is not mounted yet, or a branch another host still has: looked at again so often. */
const RETRY = Object.freeze({ initialMs: 2_000, factor: 2, maxMs: 30_000 });

export interface JobLoaderOptions {
  readonly services: HarnessServices;
  readonly store: JobStore;
  readonly board: JobBoard;
  /** A job of an earlier run may begin. */
  onReady(job: LiveJob): void;
}

/** Brings back the jobs of an earlier run, and holds the repositories and claims of those that run. */
export class JobLoader {
  readonly #options: JobLoaderOptions;
  readonly #open = new Map<string, Opened>();
  readonly #timers = new Map<string, CancelTimer>();
  readonly #attempts = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(options: JobLoaderOptions) {
    this.#options = options;
  }

  /**
   * Ends what earlier hosts left running, then settles the sessions of each job. A job whose repository cannot be opened, or whose branch
   * another host has, is held and tried again; the others go on.
   */
  async load(): Promise<void> {
    const { services, store, board } = this.#options;
    const sessions = store.sessions();
    await endOrphans(sessions, services);
    const records = store.runningJobs();
    const running = new Set(records.map(({ spec }) => spec.id));
    for (const repo of new Set(sessions.filter(({ jobId }) => !running.has(jobId)).map((session) => session.repo))) {
      await this.#tidyUp(
        repo,
        sessions.filter((session) => session.repo === repo && !running.has(session.jobId)),
      );
    }
    await Promise.all(
      records.map(async (record) => {
        const job = this.#live(record);
        board.add(job);
        board.hold(job.id, 'it is being brought back');
        await this.#attempt(job, sessions, 1);
      }),
    );
  }

  /** Takes the branch for a job and keeps its repository at hand. `BRANCH_IN_USE`. Then `release` must follow one day. */
  async claim({ id, branch }: JobSpec, repository: IRepository): Promise<void> {
    const claim = await this.#options.services.claims.claim(repository, branch);
    this.#open.set(id, { repository, release: () => claim.release() });
    await mkdir(logFolder(this.#options.services, id), PRIVATE_FOLDER);
  }

  /** Silent for a job that has no claim. */
  async release(id: string): Promise<void> {
    const opened = this.#open.get(id);
    this.#open.delete(id);
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    try {
      await opened?.release();
    } catch (error) {
      this.#options.services.logger.warn('The claim of a branch could not be given back', { job: id, error: messageOf(error) });
    }
  }

  async releaseAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.release(id)));
  }

  async repositoryOf({ id, spec }: LiveJob): Promise<IRepository> {
    return this.#open.get(id)?.repository ?? this.#options.services.openRepository(spec.repo);
  }

  /** Resolves when no attempt to bring the job back is under way. */
  async settled(id: string): Promise<void> {
    await this.#attempts.get(id);
  }

  /** Tries nothing again. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #live(record: JobRecord): LiveJob {
    const { store, services } = this.#options;
    return new LiveJob(record, store.issues(record.spec.id), services.clock.monotonicMs());
  }

  #attempt(job: LiveJob, sessions: readonly SessionRecord[], attempt: number): Promise<void> {
    const done = this.#reopen(job, sessions, attempt).finally(() => this.#attempts.delete(job.id));
    this.#attempts.set(job.id, done);
    return done;
  }

  async #reopen(job: LiveJob, sessions: readonly SessionRecord[], attempt: number): Promise<void> {
    const { services, store, board, onReady } = this.#options;
    try {
      const repository = await services.openRepository(job.spec.repo);
      // an earlier attempt may have decided what it could not write
      if (attempt > 1) await store.write(job.everything());
      await recoverJob(job, repository, { services, store, sessions });
      await this.claim(job.spec, repository);
      if (this.#isOver(job)) return await this.release(job.id);
      board.unhold(job.id);
      onReady(job);
    } catch (error) {
      if (!this.#isOver(job)) this.#tryLater(job, sessions, attempt, error);
    }
  }

  /** Stopped, or cancelled meanwhile. */
  #isOver(job: LiveJob): boolean {
    return this.#stopped || this.#options.board.get(job.id) !== job;
  }

  #tryLater(job: LiveJob, sessions: readonly SessionRecord[], attempt: number, error: unknown): void {
    const { services, board } = this.#options;
    const retryMs = backoffMs(attempt, { next: () => 1 }, RETRY);
    const level = isKind(error, 'refused') ? 'info' : 'warn';
    services.logger[level]('A job cannot go on yet', { job: job.id, error: messageOf(error), retryMs });
    board.hold(job.id, messageOf(error));
    const again = services.clock.setTimer(retryMs, () => {
      this.#timers.delete(job.id);
      if (!this.#isOver(job)) void this.#attempt(job, sessions, attempt + 1);
    });
    this.#timers.set(job.id, again);
  }

  async #tidyUp(repo: string, sessions: readonly SessionRecord[]): Promise<void> {
    const { services, store } = this.#options;
    try {
      await removeLeftovers(await services.openRepository(repo), sessions, { services, store });
    } catch (error) {
      services.logger.warn('A repository of ended jobs cannot be opened', { repo, error: messageOf(error) });
    }
  }
}

interface Opened {
  readonly repository: IRepository;
  release(): Promise<void>;
}
