import {
  type BackpressureContext,
  type BackpressureState,
  type CancelTimer,
  DEFAULT_SCALING_LIMITS,
  followConfigured,
  type IBackpressureAware,
  type IScalableSubsystem,
  type LimitReason,
  limitProblems,
  minLimits,
  type ScalingDefaults,
  type ScalingLimits,
  type ScalingMetrics,
} from '@bellows/sdk';
import type { ScaleConfig } from '../config.js';
import { harnessError } from '../errors.js';
import { limitReason } from './limit-reason.js';
import { PoolBackpressure } from './pool-backpressure.js';
import { scaleConfigFrom } from './scale-config.js';
import { type IMergeQueue, type ScaleDependencies, type ScaleServices, scaleServices } from './scale-dependencies.js';
import { formatScaleMetrics, type ScaleMetrics, scaleMetricsFrom } from './scale-metrics.js';
import { recommendedWorkers, scaleWorkers, type WorkerStep, workerBounds } from './scale-workers.js';
import { scalingMetrics } from './scaling-metrics.js';
import { SessionCounts } from './session-counts.js';
import { StallWatch } from './stall-watch.js';
import { tellAll } from './tell-all.js';
import type { WorkerPool } from './worker-pool.js';

/** An agent mostly waits for its model. */
const COST_CORES = 0.1;

/**
 * How many agents run at once, and whether each still gets somewhere. The number of workers is the smallest of the governor's ceiling,
 * `maxWorkers` and the threshold law of seed 001, and at least one. Only idle workers are removed; a busy one beyond a lower
 * ceiling finishes first. Backpressure throttles what comes in, never what is handed to workers.
 *
 * Nothing happens by itself before `start` and after `stop`; every other member may be used at any time.
 * `SCALE_CONFIG_INVALID` for a configuration that contradicts itself.
 */
export class ScaleManager implements IScalableSubsystem, IBackpressureAware {
  readonly name = 'harness.scale';
  readonly strategy = 'shedLoad';
  readonly cwd: string;
  readonly #pool: WorkerPool;
  readonly #mergeQueue: IMergeQueue | null;
  #config: ScaleConfig;
  readonly #services: ScaleServices;
  readonly #sessions: SessionCounts;
  readonly #stalls: StallWatch;
  readonly #capacityListeners = new Set<() => void>();
  readonly #backpressure: PoolBackpressure;
  #configured: ScalingLimits;
  #ceiling: ScalingLimits;
  /** What the law allows; more than there are while the ceiling is lower. */
  #law: number;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #lastScaleAt: string | null = null;
  #operations = 0;
  #rejected = 0;
  #timers: CancelTimer[] = [];
  #cooldownTimer: CancelTimer | null = null;

  constructor(
    workerPool: WorkerPool,
    cwd: string,
    mergeQueue: IMergeQueue | null = null,
    config: Partial<ScaleConfig> = {},
    dependencies: ScaleDependencies = {},
  ) {
    this.cwd = cwd;
    this.#pool = workerPool;
    this.#mergeQueue = mergeQueue;
    this.#config = scaleConfigFrom(config);
    this.#services = scaleServices(dependencies);
    const { clock, logger } = this.#services;
    const { maxWorkers, minWorkers, maxQueueDepth, maxSessionsPerWorker, workerStallTimeoutMs, healthCheckIntervalMs } = this.#config;
    this.#backpressure = new PoolBackpressure(logger);
    this.#sessions = new SessionCounts(clock);
    this.#stalls = new StallWatch({
      pool: workerPool,
      stallTimeoutMs: workerStallTimeoutMs,
      boundMs: healthCheckIntervalMs,
      clock,
      logger,
    });
    this.#configured = { ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: maxWorkers, maxQueueDepth };
    this.#ceiling = this.#configured;
    this.#law = Math.max(minWorkers, Math.min(maxWorkers, workerPool.getAllWorkers().length));
    workerPool.setMaxSessionsPerWorker(maxSessionsPerWorker);
  }

  /** Makes `minWorkers` workers, then follows the load and looks at agents. Twice is fine. */
  async start(): Promise<void> {
    if (this.#timers.length > 0) return;
    const { clock, logger } = this.#services;
    this.#timers = [clock.setRepeating(this.#config.healthCheckIntervalMs, () => void this.checkHealth())];
    this.fit();
    logger.debug('Scaling of agents began', { minWorkers: this.#config.minWorkers, maxWorkers: this.#config.maxWorkers });
  }

  /** Ends following and looking; running sessions go on. Without `start` and twice is fine. */
  async stop(): Promise<void> {
    for (const cancel of this.#timers.splice(0)) cancel();
    this.#cooldownTimer?.();
    this.#cooldownTimer = null;
    await this.#stalls.idle();
  }

  /** Whether new work should be held back, because more than `maxQueueDepth` issues wait. Work that is in goes on. */
  shouldApplyBackpressure(): boolean {
    return this.#services.queue.waiting > this.currentLimits.maxQueueDepth;
  }

  recordSessionStart(workerId: string, issueId: string): void {
    this.#sessions.start(sessionKey(workerId, issueId));
  }

  /** A completion without its start, or the same one twice, is not counted. */
  recordSessionComplete(workerId: string, issueId: string, success: boolean): void {
    this.#sessions.end(sessionKey(workerId, issueId), success);
  }

  /** A session that was cut off from outside, by a stop or a cancellation: neither a success nor a failure. */
  forgetSession(workerId: string, issueId: string): void {
    this.#sessions.forget(sessionKey(workerId, issueId));
  }

  /** How long an issue that got a worker had waited for it. */
  recordWait(waitMs: number): void {
    this.#sessions.recordWait(waitMs);
  }

  /** A job that was refused for want of room. */
  recordRejection(): void {
    this.#rejected += 1;
  }

  getMetrics(): ScaleMetrics {
    return scaleMetricsFrom({
      workers: this.#pool.getMetrics(),
      sessions: this.#sessions,
      stalledWorkers: this.#stalls.stalledWorkers,
      queueDepth: this.#services.queue.ready,
      mergeQueueDepth: this.#mergeQueue?.depth ?? 0,
      backpressureActive: this.shouldApplyBackpressure(),
      scaleOperations: this.#operations,
      lastScaleAt: this.#lastScaleAt,
    });
  }

  /** Writes the metrics for people: to the log of the host, to standard output where there is none. */
  displayMetrics(): void {
    this.#services.display(formatScaleMetrics(this.getMetrics()));
  }

  /** Whether the worker was given `maxSessionsPerWorker` sessions; it gets work last, and is replaced when idle. */
  hasExceededQuota(workerId: string): boolean {
    return this.#pool.hasExceededQuota(workerId);
  }

  getRecommendedWorkerCount(): number {
    return recommendedWorkers(this.#services.queue.ready, this.#config);
  }

  /** How many sessions were found stalled since the start. */
  get totalStalls(): number {
    return this.#stalls.total;
  }

  /** Called after workers were added. Returns how to leave. */
  onCapacity(listener: () => void): () => void {
    const own = () => listener();
    this.#capacityListeners.add(own);
    return () => this.#capacityListeners.delete(own);
  }

  /** Applies the law now. To be called after issues became ready or a worker became idle; cheap. Nothing before `start`. */
  refresh(): void {
    if (this.#timers.length === 0) return;
    this.#backpressure.update(this.#fill());
    const before = this.#effective();
    const step = this.#step();
    if (step.workers !== before) this.#change(before, step);
    else if (step.limitedBy === 'cooldown') this.#wakeAfterCooldown();
    this.#pool.replaceTired();
    this.fit();
  }

  /** Makes as many workers as are allowed now; removes idle ones beyond that. Nothing before `start`. */
  fit(): void {
    if (this.#timers.length === 0) return;
    const allowed = this.#effective();
    const before = this.#pool.getAllWorkers();
    for (let count = before.length; count < allowed; count += 1) this.#pool.addWorker();
    let surplus = before.length - allowed;
    for (const worker of surplus > 0 ? before.toReversed() : []) {
      if (surplus > 0 && this.#pool.removeWorker(worker.id)) surplus -= 1;
    }
    if (before.length < allowed) tellAll(this.#capacityListeners, (listener) => listener(), this.#services.logger);
  }

  /** Looks at every busy worker now and ends the sessions of stalled ones; then applies the law. Never rejects. */
  async checkHealth(): Promise<void> {
    await this.#stalls.look();
    this.refresh();
  }

  getScalingMetrics(): ScalingMetrics {
    const { queue, cache } = this.#services;
    return scalingMetrics({
      metrics: this.getMetrics(),
      queue,
      cache: cache?.stats(),
      backpressure: this.#backpressure.state,
      waitP95Ms: this.#sessions.waitP95Ms,
      rejected: this.#rejected,
      stalls: this.#stalls.total,
      law: this.#law,
    });
  }

  async reconfigureLimits(limits: ScalingLimits, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const problems = limitProblems(limits);
    if (problems.length > 0) {
      throw harnessError('LIMITS_INVALID', `The limits of ${this.name} were not changed: ${problems.join('; ')}`, { phase: 'reconfigure' });
    }
    this.#ceiling = { ...limits };
    this.refresh();
  }

  /**
   * Other numbers from now on. Busy workers beyond a lower maximum finish first, issues that wait beyond a lower queue go on waiting; what
   * the governor allows stays, and so do how and when stalls are looked for. `SCALE_CONFIG_INVALID`: then nothing was changed.
   */
  configure(config: Partial<ScaleConfig>): void {
    const { workerStallTimeoutMs, healthCheckIntervalMs } = this.#config;
    const next = scaleConfigFrom({ ...config, workerStallTimeoutMs, healthCheckIntervalMs });
    const { maxWorkers: maxConcurrentOperations, maxQueueDepth } = next;
    const configured = { ...this.#configured, maxConcurrentOperations, maxQueueDepth };
    this.#ceiling = followConfigured(this.#ceiling, this.#configured, configured);
    this.#configured = configured;
    this.#config = next;
    this.#pool.setMaxSessionsPerWorker(next.maxSessionsPerWorker);
    // it waits for the end of another cool-down
    this.#cooldownTimer?.();
    this.#cooldownTimer = null;
    this.refresh();
  }

  get currentLimits(): ScalingLimits {
    return { ...minLimits(this.#ceiling, this.#configured), maxConcurrentOperations: this.#effective() };
  }

  get configuredLimits(): ScalingLimits {
    return { ...this.#configured };
  }

  get scalingDefaults(): ScalingDefaults {
    return { floor: this.#config.minWorkers, costCores: COST_CORES };
  }

  get currentLimitReason(): LimitReason {
    return limitReason(this.#step(), { name: this.name, workers: this.#effective(), unavailable: this.#services.queue.unavailable });
  }

  get currentBackpressureState(): BackpressureState {
    return this.#backpressure.state;
  }

  get currentState(): BackpressureState {
    return this.#backpressure.state;
  }

  onBackpressureChanged(listener: (from: BackpressureState, to: BackpressureState) => void): () => void {
    return this.#backpressure.onChanged(listener);
  }

  applyBackpressure({ queueDepth, maxQueueDepth }: BackpressureContext): BackpressureState {
    return this.#backpressure.update(Math.max(maxQueueDepth > 0 ? queueDepth / maxQueueDepth : 0, this.#fill()));
  }

  /** What the governor and the law allow; there may be more while busy ones finish. */
  #effective(): number {
    return Math.min(this.#law, workerBounds(this.#config, this.#ceiling.maxConcurrentOperations).max);
  }

  #step(): WorkerStep {
    const demand = {
      workers: this.#effective(),
      idleWorkers: this.#pool.getMetrics().availableWorkers,
      readyIssues: this.#services.queue.ready,
      sinceChangeMs: this.#services.clock.monotonicMs() - this.#changedAtMs,
      ceiling: this.#ceiling.maxConcurrentOperations,
    };
    return scaleWorkers(demand, this.#config);
  }

  #change(from: number, { workers, reason }: WorkerStep): void {
    const { clock, logger } = this.#services;
    this.#law = workers;
    this.#changedAtMs = clock.monotonicMs();
    this.#lastScaleAt = new Date(clock.now()).toISOString();
    this.#operations += 1;
    logger.info('The number of agents changed', { from, to: workers, reason });
  }

  #wakeAfterCooldown(): void {
    if (this.#cooldownTimer !== null) return;
    const { clock } = this.#services;
    const left = this.#config.scaleCooldownMs - (clock.monotonicMs() - this.#changedAtMs);
    this.#cooldownTimer = clock.setTimer(Math.max(1, left), () => {
      this.#cooldownTimer = null;
      this.refresh();
    });
  }

  #fill(): number {
    return this.#services.queue.waiting / this.currentLimits.maxQueueDepth;
  }
}

function sessionKey(workerId: string, issueId: string): string {
  return `${workerId} ${issueId}`;
}
