import { DEFAULT_SCALING_LIMITS, REQUIRED_METRIC_KEYS, type ScalingLimits, silentLogger } from '@bellows/sdk';
import { checkSubsystem, FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { type ComputeConfig, computeConfigSchema } from '../src/config.js';
import type { AnswerMessage } from '../src/executor/protocol.js';
import type { PoolWork } from '../src/executor-pool.js';
import { type ExecutorSlots, WasmScalingManager } from '../src/wasm-scaling-manager.js';
import { rejection } from './running-compute.js';

type Answer = Pick<AnswerMessage, 'outcome' | 'durationMs'>;

/** Executors that answer when the test says so. */
class FakeSlots implements ExecutorSlots {
  limit = 0;
  trims = 0;
  looks = 0;
  stops = 0;
  rssBytes = 0;
  isFailing = false;
  readonly running: ((answer: Answer | Error) => void)[] = [];

  run(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.running.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  setLimit(limit: number): void {
    this.limit = limit;
  }

  endSilent(): void {
    this.looks += 1;
  }

  trim(): void {
    this.trims += 1;
  }

  async stop(): Promise<void> {
    this.stops += 1;
  }

  get metrics() {
    return { executors: 1, threads: 2, rssBytes: this.rssBytes, lost: 0, waiting: 0 };
  }
}

const CACHE_STATS = { size: 3, hits: 1, misses: 1, loads: 0, evictions: 0, memoryBytes: 99, hitRate: 0.5 };
const DONE: Answer = { outcome: { ok: true, result: { results: [], wasi: undefined, pool: 'warm' } }, durationMs: 1 };
const TRAPPED: Answer = { outcome: { ok: false, fault: { code: 'TRAP', message: 'unreachable' } }, durationMs: 1 };

function setUp(config: Partial<ComputeConfig> = {}) {
  const clock = new FakeClock();
  const pool = new FakeSlots();
  const sizes: number[] = [];
  const machine = { latest: { cores: 4, memoryRatio: 0, memoryTotalBytes: 2 ** 34 } as never as { cores: number; memoryRatio: number } };
  const manager = new WasmScalingManager({
    config: computeConfigSchema.parse(config),
    clock,
    machine: machine as never,
    logger: silentLogger,
    pool,
    cache: { stats: CACHE_STATS, resize: (size: number) => sizes.push(size) },
  });
  const run = (deadlineMs = 1_000_000, signal?: AbortSignal) =>
    manager.run({ work: {} as PoolWork['work'], deadlineAt: clock.monotonicMs() + deadlineMs, signal });
  return { clock, pool, sizes, machine, manager, run };
}

/** Lets promises settle. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const ceiling = (limits: Partial<ScalingLimits>): ScalingLimits => ({ ...DEFAULT_SCALING_LIMITS, ...limits });

describe('WasmScalingManager: limits', () => {
  it('raises and lowers its configured maximum also before the governor has spoken, and never what the governor allows', async () => {
    const { manager, pool } = setUp({ maxConcurrentOperations: 1 });
    manager.configure(computeConfigSchema.parse({ maxConcurrentOperations: 3 }));
    expect([manager.currentLimits.maxConcurrentOperations, pool.limit]).toEqual([3, 3]);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'configured' });
    await manager.reconfigureLimits({ ...manager.currentLimits, maxConcurrentOperations: 2 });
    manager.configure(computeConfigSchema.parse({}));
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'ceiling' });
    expect(pool.limit).toBe(2);
  });

  it('takes queue, cache and memory over while it runs, up and down, also after the governor has repeated what they were', async () => {
    const { manager, sizes, run } = setUp({ maxQueueDepth: 3, maxCacheEntries: 30, maxMemoryBytes: 2 ** 20, maxConcurrentOperations: 1 });
    await manager.reconfigureLimits({ ...manager.currentLimits });
    const calls = Array.from({ length: 4 }, () => rejection(run()));
    const full = { maxConcurrentOperations: 1, maxCacheEntries: 300, maxMemoryBytes: null };
    manager.configure(computeConfigSchema.parse({ ...full, maxQueueDepth: 5 }));
    expect(manager.currentLimits).toMatchObject({ maxQueueDepth: 5, maxCacheEntries: 300, maxMemoryBytes: Math.floor(2 ** 34 / 10) });
    expect(manager.configuredLimits).toEqual(manager.currentLimits);
    calls.push(...Array.from({ length: 2 }, () => rejection(run())));
    expect(await rejection(run())).toMatchObject({ code: 'CAPACITY' });
    manager.configure(computeConfigSchema.parse({ ...full, maxQueueDepth: 2, maxCacheEntries: 3 }));
    // who waits goes on waiting
    expect(manager.getScalingMetrics()).toMatchObject({ 'queue.depth': 5, 'backpressure.state': 3 });
    expect(manager.currentLimits.maxQueueDepth).toBe(2);
    expect(sizes.slice(-2)).toEqual([300, 3]);
  });

  it('sheds load while no executor stays up, and says so to those who listen', async () => {
    const { clock, manager, pool } = setUp();
    const changes: string[] = [];
    manager.onBackpressureChanged((from, to) => changes.push(`${from} ${to}`));
    manager.start();
    pool.isFailing = true;
    await clock.advance(1_000);
    expect(manager.getScalingMetrics()).toMatchObject({ 'executors.failing': 1, 'backpressure.state': 3 });
    pool.isFailing = false;
    await clock.advance(1_000);
    expect(manager.getScalingMetrics()).toMatchObject({ 'executors.failing': 0, 'backpressure.state': 0 });
    expect(changes).toEqual(['normal shedding', 'shedding normal']);
    await manager.stop();
  });

  it('keeps the promises of every subsystem', async () => {
    await checkSubsystem(() => setUp().manager);
  });

  it('begins with one slot for each core', () => {
    const { manager, pool } = setUp();
    expect(manager.currentLimits.maxConcurrentOperations).toBe(4);
    expect(pool.limit).toBe(4);
  });

  it('is in force at the smallest of ceiling, configured maximum and law', async () => {
    const { manager } = setUp({ maxConcurrentOperations: 3 });
    expect(manager.currentLimits.maxConcurrentOperations).toBe(3);
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 2 }));
    expect(manager.currentLimits.maxConcurrentOperations).toBe(2);
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 64 }));
    expect(manager.currentLimits.maxConcurrentOperations).toBe(3);
  });

  it('says which of the three binds', async () => {
    const { clock, manager } = setUp({ maxConcurrentOperations: 6 });
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'law', reason: expect.stringContaining('one call per core') });
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 2 }));
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'ceiling' });
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 64 }));
    manager.start();
    await clock.advance(10_000);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'law', reason: expect.stringContaining('below 50 %: one step up') });
    await clock.advance(10_000);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'configured' });
    await manager.stop();
  });

  it('resizes executors and cache when it accepts limits', async () => {
    const { manager, pool, sizes } = setUp();
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 1, maxCacheEntries: 7 }));
    expect(pool.limit).toBe(1);
    expect(sizes.at(-1)).toBe(7);
  });

  it.each([{ maxConcurrentOperations: 0 }, { maxQueueDepth: -1 }, { maxMemoryBytes: 1.5 }, { maxCacheEntries: Number.NaN }])(
    'refuses %j and changes nothing',
    async (bad) => {
      const { manager, pool } = setUp();
      const before = manager.currentLimits;
      expect(await rejection(manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 2, ...bad })))).toMatchObject({
        code: 'LIMITS_INVALID',
        kind: 'refused',
      });
      expect(manager.currentLimits).toEqual(before);
      expect(pool.limit).toBe(4);
    },
  );

  it('drains when the limit falls: nothing running is stopped, nobody new comes in until there is room', async () => {
    const { manager, pool, run } = setUp();
    const calls = [run(), run(), run()];
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 1 }));
    const waiting = run();
    expect(manager.getScalingMetrics()).toMatchObject({ inUse: 3, 'queue.depth': 1, demand: 4 });
    for (const [index, call] of calls.entries()) {
      expect(pool.running.length).toBe(3);
      pool.running[index]?.(DONE);
      await call;
    }
    await turn();
    expect(pool.running.length).toBe(4);
    pool.running[3]?.(DONE);
    await waiting;
  });
});

describe('WasmScalingManager: the law', () => {
  it('rises by one every ten seconds while there is little to do, up to twice the cores', async () => {
    const { clock, manager } = setUp();
    manager.start();
    const seen: number[] = [];
    for (let step = 0; step < 6; step += 1) {
      await clock.advance(10_000);
      seen.push(manager.currentLimits.maxConcurrentOperations);
    }
    expect(seen).toEqual([5, 6, 7, 8, 8, 8]);
  });

  it('falls to half the cores while slots and memory are full, smoothed by the average', async () => {
    const { clock, manager, machine, run } = setUp();
    manager.start();
    await clock.advance(10_000);
    machine.latest.memoryRatio = 1;
    for (let n = 0; n < 20; n += 1) void run();
    const seen: number[] = [];
    for (let step = 0; step < 10; step += 1) {
      await clock.advance(10_000);
      seen.push(manager.currentLimits.maxConcurrentOperations);
    }
    // average: 0, 0.3, 0.51, 0.657, 0.76, 0.83, …: one more step up, then a pause, then down
    expect(seen).toEqual([6, 6, 6, 6, 5, 4, 3, 2, 2, 2]);
    expect(manager.getScalingMetrics()['law.load']).toBeGreaterThan(0.9);
  });

  it('leaves no timer behind, stops twice and stops without a start', async () => {
    const { clock, manager, pool } = setUp();
    manager.start();
    manager.start();
    expect(clock.pending).toBe(2);
    await manager.stop();
    await manager.stop();
    expect(clock.pending).toBe(0);
    expect(pool.stops).toBe(2);
  });
});

describe('WasmScalingManager: queue and backpressure', () => {
  it('refuses a call beyond the queue at once', async () => {
    const { manager, run } = setUp({ maxConcurrentOperations: 1, maxQueueDepth: 2 });
    void run();
    void run();
    void run();
    expect(await rejection(run())).toMatchObject({ code: 'CAPACITY', retryAfterMs: 100 });
    expect(manager.getScalingMetrics()).toMatchObject({ 'rejected.total': 1, 'queue.depth': 2 });
  });

  it('tells each change of its state once, in order, and survives a listener that throws', async () => {
    const { manager, pool, run } = setUp({ maxConcurrentOperations: 1, maxQueueDepth: 4 });
    const changes: string[] = [];
    manager.onBackpressureChanged(() => {
      throw new Error('a bad listener');
    });
    const leave = manager.onBackpressureChanged((from, to) => changes.push(`${from}>${to}`));
    const calls = Array.from({ length: 5 }, () => run());
    await turn();
    expect(changes).toEqual(['normal>warning', 'warning>shedding']);
    for (const [index, call] of calls.entries()) {
      pool.running[index]?.(DONE);
      await call;
      await turn();
    }
    expect(changes.at(-1)).toMatch(/>normal$/);
    expect(manager.currentBackpressureState).toBe('normal');
    leave();
    void run();
    for (let n = 0; n < 4; n += 1) void run();
    expect(changes.at(-1)).toMatch(/>normal$/);
    expect(manager.currentBackpressureState).toBe('shedding');
  });

  it('takes what is known outside into account, and gives memory back when that is short', () => {
    const { manager, pool } = setUp();
    expect(manager.applyBackpressure({ queueDepth: 85, maxQueueDepth: 100, memoryRatio: 1 })).toBe('critical');
    expect(pool.trims).toBe(1);
    expect(manager.applyBackpressure({ queueDepth: 0, maxQueueDepth: 0, memoryRatio: 0 })).toBe('normal');
  });

  it('gives a call up whose time ends while it waits', async () => {
    const { clock, manager, run } = setUp({ maxConcurrentOperations: 1 });
    void run();
    const late = rejection(run(500));
    await clock.advance(500);
    expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(manager.getScalingMetrics()).toMatchObject({ 'queue.depth': 0, 'failed.total': 1, inUse: 1 });
  });

  it('looks every second for executors that say nothing, until it is stopped', async () => {
    const { clock, manager, pool } = setUp();
    manager.start();
    await clock.advance(3_000);
    expect(pool.looks).toBe(3);
    await manager.stop();
    await clock.advance(3_000);
    expect(pool.looks).toBe(3);
  });

  it('gives instances made ahead of time up when executors have too much memory', async () => {
    const { clock, manager, pool } = setUp({ maxMemoryBytes: 1_000 });
    manager.start();
    pool.rssBytes = 1_001;
    await clock.advance(1_000);
    expect(pool.trims).toBe(1);
    pool.rssBytes = 1_000;
    await clock.advance(1_000);
    expect(pool.trims).toBe(1);
  });
});

describe('WasmScalingManager: metrics', () => {
  it('reports every required key as a finite number at any time', async () => {
    const { manager, run, pool, clock } = setUp();
    const check = () => {
      const metrics = manager.getScalingMetrics();
      for (const key of REQUIRED_METRIC_KEYS) expect(metrics).toHaveProperty([key]);
      for (const value of Object.values(metrics)) expect(Number.isFinite(value)).toBe(true);
    };
    check();
    const call = run();
    await turn();
    check();
    pool.running[0]?.(DONE);
    await call;
    await clock.advance(10_000);
    check();
  });

  it('counts completed, failed and lost calls, and where instances came from', async () => {
    const { manager, pool, run } = setUp();
    const calls = [run(), run(), run()].map((call) => call.catch(() => 'lost'));
    await turn();
    pool.running[0]?.(DONE);
    pool.running[1]?.(TRAPPED);
    pool.running[2]?.(new Error('lost'));
    await Promise.all(calls);
    expect(manager.getScalingMetrics()).toMatchObject({ 'completed.total': 1, 'failed.total': 2, 'pool.hits.total': 1, inUse: 0 });
  });
});
