import {
  type BackpressureContext,
  type BackpressureState,
  backpressureFor,
  backpressureLevel,
  type CacheStats,
  type CancelTimer,
  DEFAULT_SCALING_POLICY,
  type DescribedMetrics,
  deadlineText,
  Ema,
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
  type ScalingLimits,
  Semaphore,
} from '@bellows/sdk';
import type { ComputeConfig } from './config.js';
import { computeError } from './errors.js';
import type { AnswerMessage } from './executor/protocol.js';
import type { ExecutorPool, PoolWork } from './executor-pool.js';
import type { COMPUTE_METRICS } from './metrics.js';
import { LAW_PERIOD_MS, LOAD_EMA_ALPHA, loadOf, scaleConcurrency } from './scale-concurrency.js';

const HOUSEKEEPING_MS = 1_000;
const WAIT_WINDOW_MS = 60_000;
/** What is offered to a caller for whom there was no room, until a wait has been measured. */
const MIN_RETRY_AFTER_MS = 100;
/** Two executors with warm pools need this much on any machine. */
const MIN_MEMORY_BYTES = 512 * 1024 * 1024;

export type ExecutorSlots = Pick<ExecutorPool, 'run' | 'setLimit' | 'trim' | 'endSilent' | 'stop' | 'metrics' | 'isFailing'>;

type ConfiguredMaxima = Pick<ComputeConfig, 'maxCacheEntries' | 'maxMemoryBytes' | 'maxConcurrentOperations' | 'maxQueueDepth'>;

export interface WasmScalingManagerOptions {
  readonly config: ConfiguredMaxima;
  readonly clock: IClock;
  readonly machine: IMachine;
  readonly logger: ILogger;
  readonly pool: ExecutorSlots;
  /** The cache of module records, which the limits size too. */
  readonly cache: { readonly stats: CacheStats; resize(maxEntries: number): void };
}

/**
 * How many guests run at once. Its limit is the smallest of the governor's ceiling, the configured maximum and its own
 * law, and at least one; calls beyond it wait in order, calls beyond the queue are refused.
 */
export class WasmScalingManager implements IScalableSubsystem, IBackpressureAware {
  readonly name = 'compute.wasm';
  readonly strategy = 'shedLoad';
  readonly #options: WasmScalingManagerOptions;
  #configured: ScalingLimits;
  readonly #slots: Semaphore;
  readonly #load = new Ema(LOAD_EMA_ALPHA);
  readonly #waits: PercentileSketch;
  readonly #listeners = new Set<(from: BackpressureState, to: BackpressureState) => void>();
  readonly #totals = { completed: 0, failed: 0, rejected: 0, warm: 0, cold: 0, overflow: 0 };
  #ceiling: ScalingLimits;
  #lawLimit: number;
  #lawReason: string;
  #backpressure: BackpressureState = 'normal';
  #timers: CancelTimer[] = [];

  constructor(options: WasmScalingManagerOptions) {
    const { config, clock, machine } = options;
    this.#options = options;
    this.#configured = configuredLimits(config, machine);
    this.#ceiling = this.#configured;
    this.#lawLimit = Math.max(1, Math.floor(machine.latest.cores));
    this.#lawReason = `it starts at one call per core and has measured no load yet (every ${LAW_PERIOD_MS / 1_000} s)`;
    this.#waits = new PercentileSketch({ windowMs: WAIT_WINDOW_MS, clock });
    this.#slots = new Semaphore({ permits: 1, clock });
    this.#apply();
  }

  /** Begins to follow the load. Twice is fine. */
  start(): void {
    if (this.#timers.length > 0) return;
    const { clock } = this.#options;
    this.#timers = [
      clock.setRepeating(LAW_PERIOD_MS, () => this.#followLoad()),
      clock.setRepeating(HOUSEKEEPING_MS, () => this.#keepHouse()),
    ];
  }

  /** Ends timers and executors; resolves when no process is left. Without `start` and twice is fine. */
  async stop(): Promise<void> {
    for (const cancel of this.#timers.splice(0)) cancel();
    await this.#options.pool.stop();
  }

  /**
   * Runs work on an executor as soon as there is a slot. Rejects with `CAPACITY` when the queue is full, with
   * `DEADLINE_EXCEEDED` when the time, waiting included, is used up, and with what {@link ExecutorPool.run} rejects with.
   */
  async run(work: PoolWork): Promise<Pick<AnswerMessage, 'outcome' | 'durationMs'>> {
    const permit = await this.#slot(work);
    try {
      const answer = await this.#options.pool.run(work);
      this.#count(answer);
      return answer;
    } catch (error) {
      this.#totals.failed += 1;
      throw error;
    } finally {
      permit.release();
      this.#refreshBackpressure();
    }
  }

  getScalingMetrics(): DescribedMetrics<typeof COMPUTE_METRICS> {
    const { pool, cache } = this.#options;
    const executors = pool.metrics;
    const { completed, failed, rejected, warm, cold, overflow } = this.#totals;
    const cacheStats = cache.stats;
    const depth = this.#slots.waiting;
    return {
      demand: this.#slots.inUse + depth,
      inUse: this.#slots.inUse,
      'queue.depth': depth,
      'queue.oldestMs': this.#slots.oldestWaitMs,
      'wait.p95Ms': this.#waits.percentile(0.95),
      'rejected.total': rejected,
      'completed.total': completed,
      'failed.total': failed,
      memoryBytes: executors.rssBytes,
      'cache.size': cacheStats.size,
      'cache.hitRate': cacheStats.hitRate,
      'cache.memoryBytes': cacheStats.memoryBytes,
      'cache.hits.total': cacheStats.hits,
      'cache.misses.total': cacheStats.misses,
      'backpressure.state': backpressureLevel(this.#backpressure),
      'backpressure.queueDepth': depth,
      'pool.hits.total': warm,
      'pool.misses.total': cold + overflow,
      'pool.overflow.total': overflow,
      'executors.running': executors.executors,
      'executors.lost.total': executors.lost,
      'executors.failing': pool.isFailing ? 1 : 0,
      'executors.waiting': executors.waiting,
      'threads.running': executors.threads,
      'law.limit': this.#lawLimit,
      'law.load': this.#load.value ?? 0,
    };
  }

  async reconfigureLimits(limits: ScalingLimits, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const problems = limitProblems(limits);
    if (problems.length > 0) {
      throw computeError('LIMITS_INVALID', `The limits of ${this.name} were not changed: ${problems.join('; ')}`, { phase: 'reconfigure' });
    }
    this.#ceiling = { ...limits };
    this.#apply();
  }

  /** Other configured maxima. Calls that run or wait go on; the governor's ceiling of calls at once and the law stay what they are. */
  configure(config: ConfiguredMaxima): void {
    const configured = configuredLimits(config, this.#options.machine);
    this.#ceiling = followConfigured(this.#ceiling, this.#configured, configured);
    this.#configured = configured;
    this.#apply();
  }

  get configuredLimits(): ScalingLimits {
    return { ...this.#configured };
  }

  get currentLimits(): ScalingLimits {
    const given = minLimits(this.#ceiling, this.#configured);
    return { ...given, maxConcurrentOperations: Math.max(1, Math.min(given.maxConcurrentOperations, this.#lawLimit)) };
  }

  get currentLimitReason(): LimitReason {
    const limit = this.currentLimits.maxConcurrentOperations;
    const isGoverned = this.#ceiling !== this.#configured;
    if (isGoverned && limit === this.#ceiling.maxConcurrentOperations) {
      return { limitedBy: 'ceiling', reason: `${this.name} is at the ${limit} the governor allows` };
    }
    if (limit === this.#configured.maxConcurrentOperations) {
      return { limitedBy: 'configured', reason: `${this.name} is at its configured maximum, maxConcurrentOperations ${limit}` };
    }
    return { limitedBy: 'law', reason: `${this.name} stays at ${limit} by its own law: ${this.#lawReason}` };
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

  applyBackpressure({ queueDepth, maxQueueDepth, memoryRatio }: BackpressureContext): BackpressureState {
    const fill = Math.max(maxQueueDepth > 0 ? queueDepth / maxQueueDepth : 0, this.#fill());
    if (memoryRatio >= 1) this.#options.pool.trim();
    this.#follow(fill);
    return this.#backpressure;
  }

  async #slot({ deadlineAt, signal }: PoolWork): Promise<Permit> {
    const { clock } = this.#options;
    const { maxQueueDepth } = this.currentLimits;
    const free = this.#slots.tryAcquire();
    if (free !== null) {
      this.#waits.record(0);
      return free;
    }
    if (this.#slots.waiting >= maxQueueDepth) throw this.#noRoom(maxQueueDepth);
    const since = clock.monotonicMs();
    const waiting = this.#slots.acquire({ timeoutMs: Math.max(0, deadlineAt - since), ...(signal === undefined ? {} : { signal }) });
    this.#refreshBackpressure();
    const permit = await waiting;
    this.#waits.record(clock.monotonicMs() - since);
    if (permit !== null) return permit;
    this.#totals.failed += 1;
    throw computeError('DEADLINE_EXCEEDED', deadlineText('The call', 'it waited for a slot'));
  }

  #noRoom(maxQueueDepth: number) {
    this.#totals.rejected += 1;
    this.#refreshBackpressure();
    const retryAfterMs = Math.max(MIN_RETRY_AFTER_MS, Math.ceil(this.#waits.percentile(0.5)));
    return computeError('CAPACITY', `All slots are taken and ${maxQueueDepth} calls wait already: try again in ${retryAfterMs} ms`, {
      retryAfterMs,
    });
  }

  #count({ outcome }: Pick<AnswerMessage, 'outcome'>): void {
    if (outcome === null || outcome.ok) this.#totals.completed += 1;
    else this.#totals.failed += 1;
    if (outcome?.ok) this.#totals[outcome.result.pool] += 1;
  }

  #apply(): void {
    const { maxConcurrentOperations, maxCacheEntries } = this.currentLimits;
    this.#options.cache.resize(maxCacheEntries);
    this.#options.pool.setLimit(maxConcurrentOperations);
    this.#slots.resize(maxConcurrentOperations);
    this.#refreshBackpressure();
  }

  #followLoad(): void {
    const { machine, logger } = this.#options;
    const { cores, memoryRatio } = machine.latest;
    const utilisation = this.#slots.inUse / this.currentLimits.maxConcurrentOperations;
    const load = this.#load.update(loadOf({ utilisation, memoryRatio }));
    const { limit, reason } = scaleConcurrency(this.#lawLimit, load, cores);
    this.#lawReason = reason;
    if (limit === this.#lawLimit) return;
    logger.debug('The law of compute.wasm changed its limit', { from: this.#lawLimit, to: limit, reason });
    this.#lawLimit = limit;
    this.#apply();
  }

  #keepHouse(): void {
    this.#options.pool.endSilent();
    if (this.#options.pool.metrics.rssBytes > this.currentLimits.maxMemoryBytes) this.#options.pool.trim();
    this.#refreshBackpressure();
  }

  #fill(): number {
    return this.#slots.waiting / this.currentLimits.maxQueueDepth;
  }

  #refreshBackpressure(): void {
    this.#follow(this.#fill());
  }

  /** Without executors every call is refused, however few wait. */
  #follow(fill: number): void {
    this.#become(this.#options.pool.isFailing ? 'shedding' : backpressureFor(fill, this.#backpressure));
  }

  #become(to: BackpressureState): void {
    const from = this.#backpressure;
    if (from === to) return;
    this.#backpressure = to;
    for (const listener of [...this.#listeners]) {
      try {
        listener(from, to);
      } catch (error) {
        this.#options.logger.warn('A listener to the backpressure of compute.wasm threw', { error: messageOf(error) });
      }
    }
  }
}

function configuredLimits(config: ConfiguredMaxima, { latest }: IMachine): ScalingLimits {
  const tenth = Math.floor(latest.memoryTotalBytes * DEFAULT_SCALING_POLICY.ramPercentage);
  const { maxCacheEntries, maxMemoryBytes, maxConcurrentOperations, maxQueueDepth } = config;
  return {
    maxCacheEntries,
    maxMemoryBytes: maxMemoryBytes ?? Math.max(MIN_MEMORY_BYTES, tenth),
    maxConcurrentOperations,
    maxQueueDepth,
  };
}
