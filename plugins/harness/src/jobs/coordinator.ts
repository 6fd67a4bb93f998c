import path from 'node:path';
import { FULL_AUTHORITY, isKind, type LimitReason, messageOf } from '@bellows/sdk';
import type { HarnessConfig, ScaleConfig } from '../config.js';
import { harnessError } from '../errors.js';
import { healthReason } from '../scaling/health-reason.js';
import { scaleConfigFrom } from '../scaling/scale-config.js';
import type { ScaleManager } from '../scaling/scale-manager.js';
import type { ScaleMetrics } from '../scaling/scale-metrics.js';
import { assembleParts, type CoordinatorParts, reconfigureParts } from './coordinator-parts.js';
import { harnessServices, logFolder, type ServiceOverrides } from './harness-services.js';
import { type JobReport, jobReport } from './job-report.js';
import type { JobCaller, JobRequest } from './job-requests.js';
import { type JobPage, JobStore } from './job-store.js';
import { keepProcessAlive } from './keep-process-alive.js';
import type { LiveJob } from './live-job.js';
import type { SessionObserver } from './session-runner.js';
import { sweepJobs } from './sweep-jobs.js';

const SWEEP_EVERY_MS = 3_600_000;
/** How often `run` looks whether there is room for the next of its jobs. */
const ROOM_EVERY_MS = 1_000;

/** Where a coordinator keeps what it knows, and what it is to do. */
export interface HarnessState {
  /** Its database, logs and workspaces; made when missing. One coordinator at a time. */
  readonly dataDir: string;
  /** Begun by `run`. */
  readonly jobs?: readonly JobRequest[];
}

export interface CoordinatorOptions {
  /** What relative paths of repositories start from. */
  readonly cwd: string;
  /** Agents at once; the smaller of this and `scaleConfig.maxWorkers`. Default: 1 without scale manager, else that of `scaleConfig`. */
  readonly maxWorkers?: number;
  /** Whether the number of workers follows the load. Without, it is `maxWorkers`. Default false. */
  readonly enableScaleManager?: boolean;
  readonly scaleConfig?: Partial<ScaleConfig>;
  readonly services?: ServiceOverrides;
  readonly observer?: SessionObserver;
}

export interface CoordinatorMetrics extends ScaleMetrics {
  /** Why `health` is what it is: a sentence. */
  readonly healthReason: string;
  readonly runningJobs: number;
  /** How many workers are allowed now, and what holds the number there. */
  readonly workers: { readonly limit: number } & LimitReason;
}

/**
 * Runs jobs: hands each issue that is ready to an agent in a workspace of its own, verifies what the agent committed and lands it. Jobs share
 * the workers in turn. Everything is kept before it is done, so that after a crash at any moment the next coordinator on the same
 * data folder goes on and every issue ends exactly once.
 *
 * `initialize` first, then `run` (does `state.jobs` and stops) or `start` any number of times, then `stop`. All but `initialize` and
 * `run` may be called at the same time any number of times.
 */
export class Coordinator {
  readonly #state: HarnessState;
  readonly #options: CoordinatorOptions;
  readonly #scaleConfig: ScaleConfig;
  readonly #stopping = new AbortController();
  #parts: CoordinatorParts | null = null;
  #initialized: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  /** `SCALE_CONFIG_INVALID` for numbers that contradict each other. */
  constructor(state: HarnessState, options: CoordinatorOptions) {
    this.#state = state;
    this.#options = options;
    this.#scaleConfig = scaleConfigOf(options);
  }

  /** Opens the data folder, settles what an earlier run left, and goes on with its jobs. Twice is once. `HARNESS_STOPPING` after `stop`. */
  initialize(): Promise<void> {
    this.#initialized ??= this.#initialize();
    return this.#initialized;
  }

  /**
   * Begins the jobs of the state, each when there is room for it, waits until no job runs any more, stops, and answers what became of each.
   * The process does not end by itself meanwhile.
   */
  async run(): Promise<readonly JobReport[]> {
    const letGo = keepProcessAlive();
    try {
      const ids = new Set(this.#ready().board.jobs.map(({ id }) => id));
      for (const job of this.#state.jobs ?? []) ids.add(await this.#startWhenThereIsRoom(job));
      return await Promise.all([...ids].map((id) => this.wait(id)));
    } finally {
      await this.stop().finally(letGo);
    }
  }

  /**
   * Accepts a job; its issues are begun as workers become free. The same id with the same request answers the job there is; so does the
   * same idempotency key. `CAPACITY` when more issues than `maxQueueDepth` would wait; a job that finds nobody waiting is accepted
   * however large. Rejects too with what is wrong with the request, `JOB_CONFLICT`, `BRANCH_IN_USE`, `HARNESS_STOPPING`.
   */
  async start(request: JobRequest, caller: JobCaller = HOST): Promise<{ readonly id: string; readonly created: boolean }> {
    const { admission, runner } = this.#running();
    const started = await admission.admit(request, caller);
    runner.dispatch();
    return started;
  }

  /** `JOB_UNKNOWN`. */
  get(id: string): JobReport {
    const { board, store, services } = this.#ready();
    const logs = logFolder(services, id);
    const live = board.get(id);
    const job = live?.record ?? store.job(id);
    if (job === null) throw unknown(id);
    return jobReport(job, live?.issues.map(({ record }) => record) ?? store.issues(id), logs);
  }

  /** Whether somebody asked to cancel it, also while its agents are still being ended. False where there is no such job. */
  isCancelled(id: string): boolean {
    const { board, store } = this.#ready();
    return (board.get(id)?.record ?? store.job(id))?.cancelled === true;
  }

  /** Resolves with the job as it is when it has ended or the time is up. Rejects with the reason of `signal`; the job goes on. */
  async wait(id: string, { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions = {}): Promise<JobReport> {
    const { waiters, board } = this.#running();
    const report = this.get(id);
    if (board.get(id) === undefined) return report;
    await waiters.wait(id, timeoutMs, signal);
    return this.get(id);
  }

  /** Newest first. */
  list(page: { readonly limit: number; readonly cursor: number | null }): JobPage {
    return this.#ready().store.list(page);
  }

  /** Ends its agents; what has landed stays. Resolves when none of it runs any more. `JOB_UNKNOWN`, `JOB_ENDED`, `HARNESS_STOPPING`. */
  async cancel(id: string): Promise<JobReport> {
    const { board, runner, changes, services, waiters, loader } = this.#running();
    await loader.settled(id);
    const job = board.get(id);
    if (job === undefined || job.record.endedAt !== null) {
      const { status } = this.get(id);
      throw harnessError('JOB_ENDED', `The job ${id} has ended, ${status}: there is nothing to cancel`);
    }
    const ended = waiters.wait(id, Number.POSITIVE_INFINITY, undefined);
    // a stop meanwhile is heard of below, and must not be an unhandled rejection before that
    ended.catch(() => {});
    const at = services.clock.now();
    // one that is held has no agents, and its repository may never be there again to tell what landed
    const lost = board.isHeld(id) ? job.abandon({ at, nowMs: services.clock.monotonicMs() }) : [];
    const event = { jobId: id, issueId: null, type: 'job.cancelled', at, data: {} };
    await changes.keep([...job.cancel(at), ...lost, { kind: 'event', event }]);
    await runner.endJob(id);
    await runner.settleJob(job);
    await ended;
    return this.get(id);
  }

  /**
   * Other numbers for what begins from now on: sessions and verifications that run keep theirs. Meant for a change of options that are
   * marked `live`; the others keep what they were until the next coordinator. `SCALE_CONFIG_INVALID`, `HARNESS_STOPPING`: then nothing was changed.
   */
  reconfigure(config: HarnessConfig): void {
    const parts = this.#running();
    reconfigureParts(parts, { ...config, scale: scaleConfigOf({ ...this.#options, scaleConfig: config.scale }) });
    this.#sweep();
    parts.runner.dispatch();
  }

  getMetrics(): CoordinatorMetrics {
    const { board, scale } = this.#ready();
    const metrics = scale.getMetrics();
    return {
      ...metrics,
      healthReason: healthReason(metrics),
      runningJobs: board.jobs.length,
      workers: { limit: scale.currentLimits.maxConcurrentOperations, ...scale.currentLimitReason },
    };
  }

  /** After `initialize`. */
  get scaleManager(): ScaleManager {
    return this.#ready().scale;
  }

  /** Ends every agent and gives its issue back for the next start; jobs are not ended. Twice and before `initialize` is fine. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #initialize(): Promise<void> {
    this.#assertNotStopping();
    const { dataDir } = this.#state;
    // what a scale config says counts for everybody who asks
    const services = await harnessServices(dataDir, this.#options.services, this.#scaleConfig);
    const store = await JobStore.open(path.join(dataDir, 'harness.db'));
    this.#parts = assembleParts(services, store, {
      cwd: this.#options.cwd,
      scaleConfig: this.#scaleConfig,
      displaysMetrics: this.#options.enableScaleManager === true,
      observer: this.#options.observer,
      onReady: (job) => this.#onReady(job),
      onJobEnded: (job) => this.#onJobEnded(job),
    });
    this.#assertNotStopping();
    const { scale, loader, runner, timers } = this.#parts;
    this.#sweep();
    timers.push(services.clock.setRepeating(SWEEP_EVERY_MS, () => this.#sweep()));
    await scale.start();
    await loader.load();
    this.#assertNotStopping();
    scale.onCapacity(() => runner.dispatch());
    runner.dispatch();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(stopping());
    // nothing to end before there is a store
    if (this.#parts === null) await this.#initialized?.catch(() => {});
    if (this.#parts === null) return;
    const { timers, changes, runner, scale, loader, store, waiters, admission } = this.#parts;
    for (const cancel of timers.splice(0)) cancel();
    changes.close();
    loader.stop();
    waiters.rejectAll(stopping());
    await admission.idle();
    await runner.stop();
    await scale.stop();
    await this.#initialized?.catch(() => {});
    await loader.releaseAll();
    store.close();
  }

  async #startWhenThereIsRoom(request: JobRequest): Promise<string> {
    const { admission, runner, services } = this.#running();
    for (;;) {
      try {
        const { id } = await admission.admit(request, HOST, { patient: true });
        runner.dispatch();
        return id;
      } catch (error) {
        if (!isKind(error, 'capacity')) throw error;
        await services.clock.sleep(ROOM_EVERY_MS, this.#stopping.signal);
      }
    }
  }

  #onReady(job: LiveJob): void {
    const { runner } = this.#ready();
    void runner.settleJob(job);
    runner.dispatch();
  }

  #onJobEnded(job: LiveJob): void {
    const { board, loader, waiters, services } = this.#ready();
    services.logger.info('A job ended', { job: job.id, status: job.record.status });
    board.remove(job.id);
    void loader.release(job.id);
    waiters.tell(job.id);
  }

  #sweep(): void {
    const { services, store } = this.#ready();
    sweepJobs(store, services).catch((error: unknown) => {
      services.logger.warn('Old jobs could not be removed', { error: messageOf(error) });
    });
  }

  #ready(): CoordinatorParts {
    if (this.#parts === null) throw harnessError('HARNESS_STOPPING', 'The coordinator is not initialized: call initialize first');
    return this.#parts;
  }

  /** What is asked after a stop would never be answered. */
  #running(): CoordinatorParts {
    this.#assertNotStopping();
    return this.#ready();
  }

  #assertNotStopping(): void {
    if (this.#stopping.signal.aborted) throw stopping();
  }
}

export interface WaitOptions {
  /** Default: for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const HOST: JobCaller = Object.freeze({ tenant: 'default', user: 'default', authority: FULL_AUTHORITY });

function scaleConfigOf({ enableScaleManager = false, maxWorkers, scaleConfig = {} }: CoordinatorOptions): ScaleConfig {
  if (!enableScaleManager) return scaleConfigFrom({ ...scaleConfig, minWorkers: maxWorkers ?? 1, maxWorkers: maxWorkers ?? 1 });
  const most = Math.min(maxWorkers ?? Number.POSITIVE_INFINITY, scaleConfig.maxWorkers ?? Number.POSITIVE_INFINITY);
  return scaleConfigFrom({ ...scaleConfig, ...(most === Number.POSITIVE_INFINITY ? {} : { maxWorkers: most }) });
}

function stopping() {
  return harnessError('HARNESS_STOPPING', 'The harness is being stopped: what was started goes on after the next start');
}

function unknown(id: string) {
  return harnessError('JOB_UNKNOWN', `There is no job ${id}: it never was, or was removed after its time of retention`);
}
