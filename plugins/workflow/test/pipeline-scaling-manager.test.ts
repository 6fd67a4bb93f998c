import { DEFAULT_SCALING_LIMITS, REQUIRED_METRIC_KEYS, type ScalingLimits, silentLogger } from '@bellows/sdk';
import { checkSubsystem, FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type WorkflowConfig, workflowConfigSchema } from '../src/config.js';
import { PipelineScalingManager } from '../src/pipeline-scaling-manager.js';

function setUp(config: Partial<WorkflowConfig> = {}, cores = 4) {
  const clock = new FakeClock();
  const queue = { length: 0, oldestSinceMs: undefined as number | undefined };
  const applied: ScalingLimits[] = [];
  const manager = new PipelineScalingManager({
    config: workflowConfigSchema.parse(config),
    clock,
    machine: { latest: { cores, memoryTotalBytes: 2 ** 34 } as never },
    logger: silentLogger,
    queue,
    facts: () => ({
      activeRuns: 3,
      dormantRuns: 4,
      memoryBytes: 5,
      spilledTotal: 6,
      isStalled: true,
      cache: { size: 1, hits: 1, misses: 1, hitRate: 0.5, memoryBytes: 7 },
    }),
    apply: (limits) => applied.push(limits),
  });
  return { clock, queue, applied, manager };
}

const ceiling = (limits: Partial<ScalingLimits>): ScalingLimits => ({ ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 10_000, ...limits });
/** To which the governor has given what it came with. */
function echoed(config: Partial<WorkflowConfig>) {
  const set = setUp(config);
  void set.manager.reconfigureLimits({ ...set.manager.currentLimits });
  return { ...set, change: (next: Partial<WorkflowConfig>) => set.manager.configure(workflowConfigSchema.parse({ ...config, ...next })) };
}
const limitOf = ({ manager }: ReturnType<typeof setUp>) => manager.currentLimits.maxConcurrentOperations;

describe('PipelineScalingManager: options that change live', () => {
  const LIVE: Partial<Record<keyof WorkflowConfig, () => Promise<void>>> = {
    async maxConcurrentTransactions() {
      const set = setUp({ maxConcurrentTransactions: 3 });
      await set.manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 50 }));
      const held = await Promise.all([1, 2, 3].map(() => set.manager.acquireTransactionSlot()));
      expect(held).toEqual([true, true, true]);
      set.manager.configure(workflowConfigSchema.parse({ maxConcurrentTransactions: 2, slotTimeoutMs: 1_000 }));
      // those that execute go on; nobody else begins until there is room
      expect([limitOf(set), set.manager.getScalingMetrics().inUse]).toEqual([2, 3]);
      set.manager.configure(workflowConfigSchema.parse({ maxConcurrentTransactions: 5, slotTimeoutMs: 1_000 }));
      expect(limitOf(set)).toBe(5);
      expect(await set.manager.acquireTransactionSlot()).toBe(true);
      set.manager.configure(workflowConfigSchema.parse({ maxConcurrentTransactions: null, slotTimeoutMs: 1_000 }));
      expect(limitOf(set)).toBe(8);
    },
    async maxQueueDepth() {
      const set = echoed({ maxQueueDepth: 10 });
      set.queue.length = 10;
      expect(() => set.manager.refuseWhenFull()).toThrow('10 stages are ready');
      set.change({ maxQueueDepth: 11 });
      set.manager.refuseWhenFull();
      set.change({ maxQueueDepth: 2 });
      expect(() => set.manager.refuseWhenFull()).toThrow('10 stages are ready');
      expect(set.manager.currentBackpressureState).toBe('shedding');
    },
    async maxCacheEntries() {
      const set = echoed({ maxCacheEntries: 10 });
      for (const maxCacheEntries of [20, 5]) {
        set.change({ maxCacheEntries });
        expect(set.applied.at(-1)).toMatchObject({ maxCacheEntries });
        expect(set.manager.configuredLimits).toMatchObject({ maxCacheEntries });
      }
    },
    async maxMemoryBytes() {
      const set = echoed({ maxMemoryBytes: 100 });
      for (const [maxMemoryBytes, bytes] of [
        [200, 200],
        [null, Math.floor(2 ** 34 / 10)],
        [50, 50],
      ] as const) {
        set.change({ maxMemoryBytes });
        expect(set.applied.at(-1)).toMatchObject({ maxMemoryBytes: bytes });
      }
    },
    async slotTimeoutMs() {
      const { manager, clock } = setUp({ maxConcurrentTransactions: 1, slotTimeoutMs: 60_000 });
      expect(await manager.acquireTransactionSlot()).toBe(true);
      manager.configure(workflowConfigSchema.parse({ maxConcurrentTransactions: 1, slotTimeoutMs: 100 }));
      const waiting = manager.acquireTransactionSlot();
      await clock.advance(100);
      expect(await waiting).toBe(false);
    },
  };

  it('are tried here, each of them and no other', () => {
    const { properties } = workflowConfigSchema.toJSONSchema({ io: 'input' });
    const live = Object.entries(properties ?? {}).filter(([, schema]) => (schema as { change?: string }).change === 'live');
    expect(Object.keys(LIVE).sort()).toEqual(live.map(([name]) => name).sort());
  });

  it('raise the maximum also before the governor has spoken', () => {
    const set = setUp({ maxConcurrentTransactions: 1 });
    set.manager.configure(workflowConfigSchema.parse({ maxConcurrentTransactions: 6, slotTimeoutMs: 1_000 }));
    expect(limitOf(set)).toBe(6);
    expect(set.manager.currentLimitReason.limitedBy).toBe('configured');
  });

  it.each(Object.entries(LIVE))('%s takes effect at once', (_name, tried) => tried());
});

describe('PipelineScalingManager: limits', () => {
  it('keeps the promises of every subsystem', async () => {
    await checkSubsystem(() => setUp().manager);
  });

  it('begins with two slots for each core, or what is configured', () => {
    expect(limitOf(setUp())).toBe(8);
    expect(limitOf(setUp({ maxConcurrentTransactions: 20 }))).toBe(20);
    expect(limitOf(setUp({}, 0.5))).toBe(2);
  });

  it('stays below the governor and says what binds', async () => {
    const { manager, applied } = setUp();
    expect(manager.currentLimitReason.limitedBy).toBe('configured');
    await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 3 }));
    expect(manager.currentLimits.maxConcurrentOperations).toBe(3);
    expect(manager.currentLimitReason.limitedBy).toBe('ceiling');
    expect(applied.at(-1)?.maxConcurrentOperations).toBe(3);
    expect(manager.scalingDefaults).toEqual({ floor: 4, costCores: 0.25 });
  });

  it('shrinks to half the cores while idle, and grows when stages wait', async () => {
    const host = setUp();
    const { manager, clock, queue } = host;
    manager.start();
    manager.start();
    await clock.advance(20_000);
    expect(limitOf(host)).toBe(2);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'law', reason: expect.stringContaining('at half the cores') });
    queue.length = 11;
    await clock.advance(1_000);
    expect(limitOf(host)).toBe(3);
    queue.length = 4;
    await clock.advance(5_000);
    expect(limitOf(host)).toBe(3);
    // a short queue that does not move
    queue.oldestSinceMs = clock.monotonicMs();
    await clock.advance(4_000);
    expect(limitOf(host)).toBe(6);
    manager.stop();
    manager.stop();
    expect(clock.pending).toBe(0);
  });

  it('tells changes of its backpressure, and takes what is known outside into account', async () => {
    const { manager, queue, clock } = setUp({ maxQueueDepth: 100 });
    const seen: string[] = [];
    const leave = manager.onBackpressureChanged((from, to) => seen.push(`${from} ${to}`));
    manager.onBackpressureChanged(() => {
      throw new Error('a bad listener');
    });
    manager.start();
    queue.length = 60;
    await clock.advance(1_000);
    queue.length = 100;
    expect(() => manager.refuseWhenFull()).toThrow(expect.objectContaining({ code: 'CAPACITY', retryAfterMs: 100 }));
    expect(seen).toEqual(['normal warning', 'warning shedding']);
    queue.length = 0;
    expect(manager.applyBackpressure({ queueDepth: 85, maxQueueDepth: 100, memoryRatio: 0 })).toBe('critical');
    expect(manager.applyBackpressure({ queueDepth: 0, maxQueueDepth: 0, memoryRatio: 0 })).toBe('normal');
    leave();
    manager.applyBackpressure({ queueDepth: 100, maxQueueDepth: 100, memoryRatio: 0 });
    expect(seen).toHaveLength(4);
    manager.stop();
  });
});

describe('PipelineScalingManager: slots', () => {
  it('answer false when the time is up, and count it', async () => {
    const { manager, clock } = setUp({ maxConcurrentTransactions: 1 });
    expect(await manager.acquireTransactionSlot()).toBe(true);
    const late = manager.acquireTransactionSlot();
    await clock.advance(30_000);
    expect(await late).toBe(false);
    expect(manager.getScalingMetrics()['slots.timeouts.total']).toBe(1);
    expect(manager.tryAcquireTransactionSlot()).toBe(false);
    manager.releaseTransactionSlot();
    manager.releaseTransactionSlot();
    expect(manager.tryAcquireTransactionSlot()).toBe(true);
    expect(manager.tryAcquireTransactionSlot()).toBe(false);
  });

  it('are neither lost nor made, whatever is acquired, given back and reconfigured', async () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('try' as const) }),
      fc.record({ kind: fc.constant('acquire' as const), timeoutMs: fc.constantFrom(0, 5, 50) }),
      fc.record({ kind: fc.constant('release' as const) }),
      fc.record({ kind: fc.constant('limit' as const), limit: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
        const { manager, clock } = setUp({ maxConcurrentTransactions: 10 });
        let out = 0;
        const count = (isOurs: boolean) => {
          if (isOurs) out += 1;
        };
        for (const one of actions) {
          if (one.kind === 'try') count(manager.tryAcquireTransactionSlot());
          if (one.kind === 'acquire') void manager.acquireTransactionSlot(one.timeoutMs).then(count);
          if (one.kind === 'limit') await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: one.limit }));
          if (one.kind === 'release' && out > 0) {
            out -= 1;
            manager.releaseTransactionSlot();
          }
          await clock.advance(one.kind === 'time' ? one.ms : 0);
          expect(manager.getScalingMetrics().inUse).toBe(out);
        }
        while (out > 0) {
          out -= 1;
          manager.releaseTransactionSlot();
          await clock.advance(0);
        }
        await clock.advance(100);
        while (out > 0) {
          out -= 1;
          manager.releaseTransactionSlot();
          await clock.advance(0);
        }
        await manager.reconfigureLimits(ceiling({ maxConcurrentOperations: 7 }));
        let free = 0;
        while (manager.tryAcquireTransactionSlot()) free += 1;
        expect(free).toBe(7);
      }),
      { numRuns: 40 },
    );
  });
});

describe('PipelineScalingManager: metrics', () => {
  it('hold every required key and its own, as finite numbers', () => {
    const { manager } = setUp();
    manager.recordWait(12, 0);
    manager.recordEnd(true);
    manager.recordEnd(false);
    const metrics = manager.getScalingMetrics();
    for (const key of REQUIRED_METRIC_KEYS) expect(metrics).toHaveProperty([key]);
    for (const value of Object.values(metrics)) expect(Number.isFinite(value)).toBe(true);
    expect(metrics).toMatchObject({
      'completed.total': 1,
      'failed.total': 1,
      'runs.active': 3,
      'runs.dormant': 4,
      'state.spilled.total': 6,
      'journal.stalled': 1,
      'law.limit': 8,
    });
    expect(metrics['wait.p95Ms']).toBeCloseTo(12, 0);
  });
});
