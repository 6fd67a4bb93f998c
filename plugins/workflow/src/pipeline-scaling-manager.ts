import {
  type BackpressureContext,
  type BackpressureState,
  backpressureFor,
  backpressureLevel,
  type CancelTimer,
  DEFAULT_SCALING_POLICY,
  type DescribedMetrics,
  followConfigured,
  type IBackpressureAware,
  type IClock,
  type ILogger,
  type IMachine,
  type IScalableSubsystem,
  type LimitReason,
  limitProblems,
  messageOf,
  minLimits,
  PercentileSketch,
  type Permit,
  type ScalingDefaults,
  type ScalingLimits,
  Semaphore,
} from '@bellows/sdk';
import type { WorkflowConfig } from './config.js';
import type { Pipeline } from './definitions/pipeline.js';
import { checkPipelineDepth, type LookUpPipeline } from './definitions/pipeline-depth.js';
import type { TransactionSlots } from './engine/dispatcher.js';
import type { ReadyQueue } from './engine/ready-queue.js';
import { workflowError } from './errors.js';
import type { WORKFLOW_METRICS } from './metrics.js';
import { defaultStageWorkers, LAW_PERIOD_MS, scaleStageWorkers, stageWorkerBounds } from './scale-stage-workers.js';

const WAIT_WINDOW_MS = 60_000;
/** What is offered to a caller for whom there was no room, until a wait has been measured. */
const MIN_RETRY_AFTER_MS = 100;
/** A stage mostly waits for an operation that is counted where it runs. */
const COST_CORES = 0.25;

/** What the manager knows of the engine. */
export interface PipelineFacts {
  /** Runs that have not ended and are not dormant. */
  readonly activeRuns: number;
  readonly dormantRuns: number;
  readonly memoryBytes: number;
  readonly spilledTotal: number;
  readonly isStalled: boolean;
  readonly cache: {
    readonly size: number;
    readonly hits: number;
    readonly misses: number;
    readonly hitRate: number;
    readonly memoryBytes: number;
  };
}

type ConfiguredMaxima = Pick<WorkflowConfig, 'maxCacheEntries' | 'maxMemoryBytes' | 'maxConcurrentTransactions' | 'maxQueueDepth'>;

export interface PipelineScalingManagerOptions {
  readonly config: ConfiguredMaxima & Pick<WorkflowConfig, 'maxPipelineDepth' | 'slotTimeoutMs'>;
  readonly clock: IClock;
  readonly machine: IMachine;
  readonly logger: ILogger;
  /** Stages that are ready and wait for a slot. */
  readonly queue: Pick<ReadyQueue, 'length' | 'oldestSinceMs'>;
  readonly facts: () => PipelineFacts;
  /** Told when `maxPipelineDepth` changes. */
  readonly limitDepth?: (maxDepth: number) => void;
  /** Takes over limits other than the slots. */
  readonly apply: (limits: ScalingLimits) => void;
}

/**
 * How many stages execute at once (transaction slots). The limit is the smallest of the governor's ceiling, the configured maximum and its
 * own law, and at least one. Stages beyond it wait in the ready queue; runs are refused at the start only when that is full.
 */
export class PipelineScalingManager implements IScalableSubsystem, IBackpressureAware, TransactionSlots {
  readonly name = 'workflow.pipeline';
  readonly strategy = 'blockProducer';
  readonly #options: PipelineScalingManagerOptions;
  #configured: ScalingLimits;
  #slotTimeoutMs: number;
  readonly #slots: Semaphore;
  /** Permits that are out; which one goes back does not matter. */
  readonly #permits: Permit[] = [];
  readonly #waits: PercentileSketch;
  readonly #listeners = new Set<(from: BackpressureState, to: BackpressureState) => void>();
  readonly #totals = { completed: 0, failed: 0, rejected: 0, timeouts: 0 };
  #maxPipelineDepth: number;
  #ceiling: ScalingLimits;
  #lawLimit: number;
  #lawReason = `it starts at the configured maximum and has measured no queue yet (every ${LAW_PERIOD_MS / 1_000} s)`;
  #backpressure: BackpressureState = 'normal';
  #cancelTimer: CancelTimer | undefined;

  constructor(options: PipelineScalingManagerOptions) {
    const { config, clock, machine } = options;
    this.#options = options;
    this.#maxPipelineDepth = config.maxPipelineDepth;
    this.#slotTimeoutMs = config.slotTimeoutMs;
    this.#configured = configuredLimits(config, machine);
    this.#ceiling = this.#configured;
    // nothing is slow at first; it shrinks when slots stand empty
    this.#lawLimit = this.#configured.maxConcurrentOperations;
    this.#waits = new PercentileSketch({ windowMs: WAIT_WINDOW_MS, clock });
    this.#slots = new Semaphore({ permits: this.#lawLimit, clock });
  }

  /** Begins to follow the load. Twice is fine. */
  start(): void {
    this.#cancelTimer ??= this.#options.clock.setRepeating(LAW_PERIOD_MS, () => this.#followLoad());
  }

  /** Without `start` and twice is fine. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** The longest chain of stages that is taken; holds for definitions and starts from now on, never for runs that are under way. */
  get maxPipelineDepth(): number {
    return this.#maxPipelineDepth;
  }

  set maxPipelineDepth(depth: number) {
    if (!Number.isSafeInteger(depth) || depth < 1) {
      throw workflowError('LIMITS_INVALID', `maxPipelineDepth must be a whole number of at least 1, it is ${depth}. Nothing was changed`);
    }
    this.#maxPipelineDepth = depth;
    this.#options.limitDepth?.(depth);
  }

  /** `PIPELINE_TOO_DEEP`, with the longest chain, for a pipeline deeper than `maxPipelineDepth`; what child workflows add counts. */
  validatePipelineDepth(pipeline: Pipeline, lookUp: LookUpPipeline): void {
    checkPipelineDepth(pipeline, { maxDepth: this.#maxPipelineDepth, lookUp });
  }

  /** At once, and only when nobody waits for one. */
  tryAcquireTransactionSlot(): boolean {
    const permit = this.#slots.tryAcquire();
    if (permit === null) return false;
    this.#permits.push(permit);
    return true;
  }

  /** True: give the slot back when the stage has ended. False: the time was up first, which counts as backpressure. Never rejects for that. */
  async acquireTransactionSlot(timeoutMs: number = this.#slotTimeoutMs): Promise<boolean> {
    const permit = await this.#slots.acquire({ timeoutMs });
    if (permit === null) {
      this.#totals.timeouts += 1;
      this.#refreshBackpressure();
      return false;
    }
    this.#permits.push(permit);
    return true;
  }

  /** Once for each slot. Without one that is out it does nothing. */
  releaseTransactionSlot(): void {
    this.#permits.pop()?.release();
  }

  recordWait(waitedMs: number, nowMs: number): void {
    this.#waits.record(Math.max(0, waitedMs), nowMs);
  }

  /** A run has ended. */
  recordEnd(isCompleted: boolean): void {
    if (isCompleted) this.#totals.completed += 1;
    else this.#totals.failed += 1;
  }

  /** `CAPACITY` when the ready queue is full; for new runs only. */
  refuseWhenFull(): void {
    const { maxQueueDepth } = this.currentLimits;
    const ready = this.#options.queue.length;
    if (ready < maxQueueDepth) return;
    this.#totals.rejected += 1;
    this.#refreshBackpressure();
    const retryAfterMs = Math.max(MIN_RETRY_AFTER_MS, Math.ceil(this.#waits.percentile(0.5)));
    throw workflowError('CAPACITY', `${ready} stages are ready and wait for a slot already: start the run again in ${retryAfterMs} ms`, {
      retryAfterMs,
    });
  }

  getScalingMetrics(): DescribedMetrics<typeof WORKFLOW_METRICS> {
    const facts = this.#options.facts();
    const ready = this.#options.queue.length;
    const { completed, failed, rejected, timeouts } = this.#totals;
    const { cache } = facts;
    return {
      demand: this.#slots.inUse + ready,
      inUse: this.#slots.inUse,
      'queue.depth': ready,
      'queue.oldestMs': this.#oldestMs(),
      'wait.p95Ms': this.#waits.percentile(0.95),
      'rejected.total': rejected,
      'completed.total': completed,
      'failed.total': failed,
      memoryBytes: facts.memoryBytes,
      'cache.size': cache.size,
      'cache.hitRate': cache.hitRate,
      'cache.memoryBytes': cache.memoryBytes,
      'cache.hits.total': cache.hits,
      'cache.misses.total': cache.misses,
      'backpressure.state': backpressureLevel(this.#backpressure),
      'backpressure.queueDepth': ready,
      'slots.timeouts.total': timeouts,
      'runs.active': facts.activeRuns,
      'runs.dormant': facts.dormantRuns,
      'state.spilled.total': facts.spilledTotal,
      'law.limit': this.#lawLimit,
      'journal.stalled': facts.isStalled ? 1 : 0,
    };
  }

  /**
   * Takes over what of the configuration changes while stages run: those that execute or are ready go on. What is null is what the
   * machine has room for, as at the start.
   */
  configure(config: ConfiguredMaxima & Pick<WorkflowConfig, 'slotTimeoutMs'>): void {
    const configured = configuredLimits(config, this.#options.machine);
    // a law that stood at the maximum goes with it; one that had gone down finds its way by itself
    if (this.#lawLimit === this.#configured.maxConcurrentOperations) this.#lawLimit = configured.maxConcurrentOperations;
    this.#ceiling = followConfigured(this.#ceiling, this.#configured, configured);
    this.#configured = configured;
    this.#slotTimeoutMs = config.slotTimeoutMs;
    this.#apply();
  }

  get configuredLimits(): ScalingLimits {
    return { ...this.#configured };
  }

  async reconfigureLimits(limits: ScalingLimits, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const problems = limitProblems(limits);
    if (problems.length > 0) {
      throw workflowError('LIMITS_INVALID', `The limits of ${this.name} were not changed: ${problems.join('; ')}`, {
        phase: 'reconfigure',
      });
    }
    this.#ceiling = { ...limits };
    this.#apply();
  }

  get currentLimits(): ScalingLimits {
    const given = minLimits(this.#ceiling, this.#configured);
    return { ...given, maxConcurrentOperations: Math.max(1, Math.min(given.maxConcurrentOperations, this.#lawLimit)) };
  }

  get currentLimitReason(): LimitReason {
    const limit = this.currentLimits.maxConcurrentOperations;
    if (limit === this.#configured.maxConcurrentOperations) {
      return { limitedBy: 'configured', reason: `${this.name} is at its configured maximum, maxConcurrentTransactions ${limit}` };
    }
    if (limit === this.#ceiling.maxConcurrentOperations) {
      return { limitedBy: 'ceiling', reason: `${this.name} is at the ${limit} the governor allows` };
    }
    return { limitedBy: 'law', reason: `${this.name} stays at ${limit} by its own law: ${this.#lawReason}` };
  }

  /** A core each at least, because a stage that waits costs little: a quarter of a core is what its own work has come to. */
  get scalingDefaults(): ScalingDefaults {
    return { floor: Math.max(1, Math.floor(this.#options.machine.latest.cores)), costCores: COST_CORES };
  }

  get currentBackpressureState(): BackpressureState {
    return this.#backpressure;
  }

  get currentState(): BackpressureState {
    return this.#backpressure;
  }

  onBackpressureChanged(listener: (from: BackpressureState, to: BackpressureState) => void): () => void {
    // a function of its own, so that one listener given twice is two listeners
    const own = (from: BackpressureState, to: BackpressureState) => listener(from, to);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  applyBackpressure({ queueDepth, maxQueueDepth }: BackpressureContext): BackpressureState {
    const given = maxQueueDepth > 0 ? queueDepth / maxQueueDepth : 0;
    this.#become(backpressureFor(Math.max(given, this.#fill()), this.#backpressure));
    return this.#backpressure;
  }

  #apply(): void {
    const limits = this.currentLimits;
    this.#options.apply(limits);
    this.#slots.resize(limits.maxConcurrentOperations);
    this.#refreshBackpressure();
  }

  #followLoad(): void {
    const { machine, logger, queue } = this.#options;
    const bounds = stageWorkerBounds(machine.latest.cores, this.#configured.maxConcurrentOperations);
    const { limit, reason } = scaleStageWorkers(
      this.#lawLimit,
      { ready: queue.length, oldestMs: this.#oldestMs(), inUse: this.#slots.inUse },
      bounds,
    );
    this.#lawReason = reason;
    if (limit !== this.#lawLimit) {
      logger.debug('The law of workflow.pipeline changed its limit', { from: this.#lawLimit, to: limit, reason });
      this.#lawLimit = limit;
      this.#apply();
    }
    this.#refreshBackpressure();
  }

  #oldestMs(): number {
    const since = this.#options.queue.oldestSinceMs;
    return since === undefined ? 0 : Math.max(0, this.#options.clock.monotonicMs() - since);
  }

  #fill(): number {
    return this.#options.queue.length / this.currentLimits.maxQueueDepth;
  }

  #refreshBackpressure(): void {
    this.#become(backpressureFor(this.#fill(), this.#backpressure));
  }

  #become(to: BackpressureState): void {
    const from = this.#backpressure;
    if (from === to) return;
    this.#backpressure = to;
    for (const listener of [...this.#listeners]) {
      try {
        listener(from, to);
      } catch (error) {
        this.#options.logger.warn('A listener to the backpressure of workflow.pipeline threw', { error: messageOf(error) });
      }
    }
  }
}

function configuredLimits(config: ConfiguredMaxima, { latest }: IMachine): ScalingLimits {
  const { maxCacheEntries, maxMemoryBytes, maxConcurrentTransactions, maxQueueDepth } = config;
  return {
    maxCacheEntries,
    maxMemoryBytes: maxMemoryBytes ?? Math.max(1, Math.floor(latest.memoryTotalBytes * DEFAULT_SCALING_POLICY.ramPercentage)),
    maxConcurrentOperations: maxConcurrentTransactions ?? defaultStageWorkers(latest.cores),
    maxQueueDepth,
  };
}
