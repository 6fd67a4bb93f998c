import path from 'node:path';
import { type CancelTimer, FULL_AUTHORITY, type LimitReason, messageOf } from '@bellows/sdk';
import type { ScaleConfig } from '../config.js';
import { harnessError } from '../errors.js';
import { scaleConfigFrom } from '../scaling/scale-config.js';
import { ScaleManager } from '../scaling/scale-manager.js';
import type { ScaleMetrics } from '../scaling/scale-metrics.js';
import { WorkerPool } from '../scaling/worker-pool.js';
import { DurableChanges } from './durable-changes.js';
import { type HarnessServices, harnessServices, type ServiceOverrides } from './harness-services.js';
import { JobBoard } from './job-board.js';
import { type LocatedRequest, locateRequest, newJobRecord, prepareBranch, specOf } from './job-intake.js';
import { JobLoader } from './job-loader.js';
import type { JobSpec } from './job-records.js';
import { type JobReport, jobReport } from './job-report.js';
import { checkedRequest, type JobCaller, type JobRequest, jobIdFor } from './job-requests.js';
import { type JobPage, JobStore } from './job-store.js';
import { JobWaiters } from './job-waiters.js';
import { LiveJob } from './live-job.js';
import { type SessionObserver, SessionRunner } from './session-runner.js';
import { sweepJobs } from './sweep-jobs.js';
import { Verifier } from './verifier.js';

const SWEEP_EVERY_MS = 3_600_000;
/** What a caller who was refused is told to wait at least and at most. */
const MIN_RETRY_AFTER_MS = 100;
const MAX_RETRY_AFTER_MS = 5 * 60_000;

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
  #parts: Parts | null = null;
  #stopping = false;

  /** `SCALE_CONFIG_INVALID` for numbers that contradict each other. */
  constructor(state: HarnessState, options: CoordinatorOptions) {
    this.#state = state;
    this.#options = options;
    this.#scaleConfig = scaleConfigOf(options);
  }

  /** Opens the data folder, settles what an earlier run left, and goes on with its jobs. Once. */
  async initialize(): Promise<void> {
    if (this.#parts !== null) return;
    const services = await harnessServices(this.#state.dataDir, this.#options.services);
    const store = await JobStore.open(path.join(this.#state.dataDir, 'harness.db'));
    this.#parts = this.#assemble(services, store);
    const { scale, loader, runner } = this.#parts;
    this.#sweep();
    this.#parts.timers.push(services.clock.setRepeating(SWEEP_EVERY_MS, () => this.#sweep()));
    await scale.start();
    await loader.load();
    scale.onCapacity(() => runner.dispatch());
    runner.dispatch();
  }

  /** Begins the jobs of the state, waits until no job runs any more, stops, and answers what became of each. */
  async run(): Promise<readonly JobReport[]> {
    try {
      const ids = new Set(this.#ready().board.jobs.map(({ id }) => id));
      for (const job of this.#state.jobs ?? []) ids.add((await this.start(job)).id);
      return await Promise.all([...ids].map((id) => this.wait(id)));
    } finally {
      await this.stop();
    }
  }

  /**
   * Accepts a job; its issues are begun as workers become free. The same id with the same request answers the job there is; so does the
   * same idempotency key. `CAPACITY` when more issues than `maxQueueDepth` would wait; a job that finds nobody waiting is accepted
   * however large. Rejects too with what is wrong with the request, `JOB_CONFLICT`, `BRANCH_IN_USE`, `HARNESS_STOPPING`.
   */
  async start(request: JobRequest, caller: JobCaller = HOST): Promise<{ readonly id: string; readonly created: boolean }> {
    const { services, starting } = this.#ready();
    if (this.#stopping) throw stopping();
    const checked = checkedRequest(request);
    const id = jobIdFor(checked, caller, services.random);
    // two at once must not both find nothing
    const before = starting.get(id) ?? Promise.resolve();
    const started = before.then(async () =>
      this.#start(await locateRequest({ id, request: checked, caller }, this.#options.cwd, services)),
    );
    const turn = started.then(
      () => {},
      () => {},
    );
    starting.set(id, turn);
    try {
      return { id, created: await started };
    } finally {
      if (starting.get(id) === turn) starting.delete(id);
    }
  }

  /** `JOB_UNKNOWN`. */
  get(id: string): JobReport {
    const { board, store } = this.#ready();
    const live = board.get(id);
    if (live !== undefined)
      return jobReport(
        live.record,
        live.issues.map(({ record }) => record),
      );
    const job = store.job(id);
    if (job === null) throw unknown(id);
    return jobReport(job, store.issues(id));
  }

  /** Resolves with the job as it is when it has ended or the time is up. Rejects with the reason of `signal`; the job goes on. */
  async wait(id: string, { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions = {}): Promise<JobReport> {
    const { waiters, board } = this.#ready();
    const report = this.get(id);
    if (board.get(id) === undefined) return report;
    await waiters.wait(id, timeoutMs, signal);
    return this.get(id);
  }

  /** Newest first. */
  list(page: { readonly limit: number; readonly cursor: number | null }): JobPage {
    return this.#ready().store.list(page);
  }

  /** Ends its agents; what has landed stays. Resolves when none of it runs any more. `JOB_UNKNOWN`, `JOB_ENDED`. */
  async cancel(id: string): Promise<JobReport> {
    const { board, runner, changes, services, waiters } = this.#ready();
    const job = board.get(id);
    if (job === undefined || job.record.endedAt !== null) {
      const { status } = this.get(id);
      throw harnessError('JOB_ENDED', `The job ${id} has ended, ${status}: there is nothing to cancel`);
    }
    const ended = waiters.wait(id, Number.POSITIVE_INFINITY, undefined);
    // a stop meanwhile is heard of below, and must not be an unhandled rejection before that
    ended.catch(() => {});
    const at = services.clock.now();
    await changes.keep([...job.cancel(at), { kind: 'event', event: { jobId: id, issueId: null, type: 'job.cancelled', at, data: {} } }]);
    await runner.endJob(id);
    await runner.settleJob(job);
    await ended;
    return this.get(id);
  }

  getMetrics(): CoordinatorMetrics {
    const { board, scale } = this.#ready();
    return {
      ...scale.getMetrics(),
      runningJobs: board.jobs.length,
      workers: { limit: scale.currentLimits.maxConcurrentOperations, ...scale.currentLimitReason },
    };
  }

  /** After `initialize`. */
  get scaleManager(): ScaleManager {
    return this.#ready().scale;
  }

  /** Ends every agent and gives its issue back for the next start; jobs are not ended. Twice and before `initialize` is fine. */
  async stop(): Promise<void> {
    if (this.#parts === null || this.#stopping) return;
    this.#stopping = true;
    const { timers, changes, runner, scale, loader, store, waiters, starting } = this.#parts;
    for (const cancel of timers.splice(0)) cancel();
    changes.close();
    loader.stop();
    waiters.rejectAll(stopping());
    await Promise.all([...starting.values()]);
    await runner.stop();
    await scale.stop();
    await loader.releaseAll();
    store.close();
  }

  #assemble(services: HarnessServices, store: JobStore): Parts {
    const { clock, logger, config, commands, display, cores } = services;
    const board = new JobBoard(clock);
    const pool = new WorkerPool(this.#options.cwd);
    const verifier = new Verifier({
      commands,
      clock,
      permits: config.maxConcurrentVerifications ?? Math.max(1, Math.floor(cores)),
      timeoutMs: config.verifyTimeoutMs,
      graceMs: config.killGraceMs,
      maxOutputBytes: config.maxOutputBytes,
    });
    const dependencies = { clock, logger, queue: board, cache: verifier, display };
    const scale = new ScaleManager(
      pool,
      this.#options.cwd,
      {
        get depth() {
          return runner.depth;
        },
      },
      this.#scaleConfig,
      dependencies,
    );
    const changes = new DurableChanges({ store, clock, logger });
    const waiters = new JobWaiters(clock);
    const loader: JobLoader = new JobLoader({ services, store, board, onReady: (job) => this.#onReady(job) });
    const runner: SessionRunner = new SessionRunner({
      services,
      board,
      pool,
      scale,
      verifier,
      changes,
      displaysMetrics: this.#options.enableScaleManager === true,
      observer: this.#options.observer,
      repositoryOf: (job) => loader.repositoryOf(job),
      onJobEnded: (job) => this.#onJobEnded(job),
    });
    return { services, store, board, scale, changes, waiters, loader, runner, starting: new Map(), timers: [], reserved: 0 };
  }

  /** Whether it is a new one. */
  async #start(located: LocatedRequest): Promise<boolean> {
    const parts = this.#ready();
    const { store, board, services, loader } = parts;
    const present = board.get(located.id)?.record ?? store.job(located.id);
    if (present !== null) {
      if (present.requestHash === located.hash) return false;
      throw harnessError('JOB_CONFLICT', `There is another job ${located.id}, of another request: use another id`);
    }
    const spec = await specOf(located);
    this.#reserve(spec);
    try {
      const warnings = await prepareBranch(spec, located.repository);
      await loader.claim(spec, located.repository);
      const at = services.clock.now();
      const job = new LiveJob(newJobRecord(located, spec, { warnings, createdAt: at }), [], services.clock.monotonicMs());
      const event = { jobId: spec.id, issueId: null, type: 'job.started', at, data: { issues: spec.issues.length } };
      await store.write([...job.everything(), { kind: 'event', event }]);
      board.add(job);
    } catch (error) {
      await loader.release(spec.id);
      throw error;
    } finally {
      parts.reserved -= spec.issues.length;
    }
    parts.runner.dispatch();
    return true;
  }

  /** Counts the issues of a job that is being accepted, so that many at once cannot slip in together. */
  #reserve({ id, issues }: JobSpec): void {
    const parts = this.#ready();
    const { board, scale } = parts;
    const { maxQueueDepth } = scale.currentLimits;
    const waiting = board.waiting + parts.reserved;
    if (waiting > 0 && waiting + issues.length > maxQueueDepth) {
      scale.recordRejection();
      const retryAfterMs = this.#retryAfterMs(waiting + issues.length - maxQueueDepth);
      const message = `${waiting} issues wait, and ${issues.length} more of ${id} would be past maxQueueDepth ${maxQueueDepth}`;
      throw harnessError('CAPACITY', `${message}: try again in ${retryAfterMs} ms`, { retryAfterMs });
    }
    parts.reserved += issues.length;
  }

  /** When so many sessions will have ended, by what was seen of late. */
  #retryAfterMs(surplus: number): number {
    const { throughputPerMinute } = this.#ready().scale.getMetrics();
    const expected = throughputPerMinute > 0 ? (surplus / throughputPerMinute) * 60_000 : this.#scaleConfig.healthCheckIntervalMs;
    return Math.ceil(Math.min(MAX_RETRY_AFTER_MS, Math.max(MIN_RETRY_AFTER_MS, expected)));
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

  #ready(): Parts {
    if (this.#parts === null) throw harnessError('HARNESS_STOPPING', 'The coordinator is not initialized: call initialize first');
    return this.#parts;
  }
}

export interface WaitOptions {
  /** Default: for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

interface Parts {
  readonly services: HarnessServices;
  readonly store: JobStore;
  readonly board: JobBoard;
  readonly scale: ScaleManager;
  readonly changes: DurableChanges;
  readonly waiters: JobWaiters;
  readonly loader: JobLoader;
  readonly runner: SessionRunner;
  /** The last start of each id that is under way. */
  readonly starting: Map<string, Promise<void>>;
  readonly timers: CancelTimer[];
  /** Issues of jobs that are being accepted. */
  reserved: number;
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
