import { REQUIRED_METRIC_KEYS } from '@bellows/sdk';
import { checkSubsystem, FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { DEFAULT_SCALE_CONFIG, type ScaleConfig } from '../../src/config.js';
import { createScaleManager } from '../../src/scaling/create-scale-manager.js';
import { judgeHealth } from '../../src/scaling/judge-health.js';
import type { Evidence } from '../../src/scaling/judge-stall.js';
import { ScaleManager } from '../../src/scaling/scale-manager.js';
import type { WorkerSession } from '../../src/scaling/worker.js';
import { WorkerPool } from '../../src/scaling/worker-pool.js';

const HEALTHY: Evidence = { progressAgeMs: 0, lifeAgeMs: 0 };
const DEAD: Evidence = { progressAgeMs: 11 * 60_000, lifeAgeMs: 11 * 60_000 };

function setUp(config: Partial<ScaleConfig> = {}) {
  const clock = new FakeClock();
  const pool = new WorkerPool('/nowhere');
  const queue = { ready: 0, waiting: 0, oldestReadyMs: 0 };
  const shown: string[] = [];
  const manager = new ScaleManager(pool, '/nowhere', { depth: 2 }, config, { clock, queue, display: (text) => shown.push(text) });
  return { clock, pool, queue, shown, manager };
}

/** Gives a worker a session whose evidence can be changed; answers what was done to it. */
function busy(pool: WorkerPool, evidence: { now: Evidence } = { now: HEALTHY }) {
  const worker = pool.getAvailableWorker();
  if (worker === undefined) throw new Error('there is no idle worker');
  const seen = { worker, ended: 0, evidence };
  const session: WorkerSession = {
    id: `s-${worker.id}-${worker.sessions}`,
    issueId: 'an-issue',
    evidence: async () => evidence.now,
    endStalled: async () => {
      seen.ended += 1;
    },
  };
  worker.claim(session);
  return { ...seen, session, state: seen, free: () => worker.release(session) };
}

async function recorded(manager: ScaleManager, clock: FakeClock, outcomes: readonly boolean[], durationMs = 1_000) {
  for (const [index, success] of outcomes.entries()) {
    manager.recordSessionStart('worker-1', `i${index}`);
    await clock.advance(durationMs);
    manager.recordSessionComplete('worker-1', `i${index}`, success);
  }
}

describe('a scale manager', () => {
  it('works in the documented forms, on the clock of the system', async () => {
    const workerPool = new WorkerPool(process.cwd());
    const scaleManager = new ScaleManager(workerPool, process.cwd(), null, { minWorkers: 4, maxWorkers: 30 });
    await scaleManager.start();
    expect(scaleManager.getMetrics()).toEqual({
      currentWorkers: 4,
      activeWorkers: 0,
      idleWorkers: 4,
      stalledWorkers: 0,
      queueDepth: 0,
      mergeQueueDepth: 0,
      throughputPerMinute: 0,
      avgSessionDurationMs: 0,
      p95SessionDurationMs: 0,
      successRate: 1,
      totalSessionsCompleted: 0,
      totalSessionsFailed: 0,
      health: 'healthy',
      backpressureActive: false,
      scaleOperations: 0,
      lastScaleAt: null,
    });
    expect(scaleManager.hasExceededQuota('worker-1')).toBe(false);
    expect(scaleManager.getRecommendedWorkerCount()).toBe(4);
    await scaleManager.stop();
    await scaleManager.stop();
    expect(createScaleManager(workerPool, process.cwd()).shouldApplyBackpressure()).toBe(false);
  });

  it('has the documented defaults', () => {
    expect(DEFAULT_SCALE_CONFIG).toEqual({
      minWorkers: 4,
      maxWorkers: 30,
      targetQueueDepth: 10,
      maxQueueDepth: 100,
      workerStallTimeoutMs: 600_000,
      healthCheckIntervalMs: 30_000,
      scaleUpThreshold: 2,
      scaleDownThreshold: 0.5,
      scaleCooldownMs: 60_000,
      maxSessionsPerWorker: 50,
    });
  });

  it('keeps the promises of a subsystem', async () => {
    await checkSubsystem(
      async () => {
        const { manager } = setUp();
        await manager.start();
        return manager;
      },
      { close: (subsystem) => (subsystem as ScaleManager).stop() },
    );
    await checkSubsystem(() => setUp().manager);
  });

  it.each([
    [{ minWorkers: 9, maxWorkers: 8 }, /minWorkers 9 is above maxWorkers 8/],
    [{ scaleDownThreshold: 2 }, /scaleDownThreshold 2 is not below/],
    [{ maxWorkers: 0 }, /maxWorkers/],
    [{ scaleUpThreshold: Number.NaN }, /scaleUpThreshold/],
  ])('refuses %j', (config, message) => {
    expect(() => setUp(config)).toThrow(expect.objectContaining({ code: 'SCALE_CONFIG_INVALID', message: expect.stringMatching(message) }));
  });

  it('lets the default of minWorkers follow a lower maxWorkers', () => {
    expect(setUp({ maxWorkers: 2 }).manager.scalingDefaults).toEqual({ floor: 2, costCores: 0.1 });
  });

  it('grows with what waits, once per cool-down, and by itself when the cool-down is over', async () => {
    const { clock, pool, queue, manager } = setUp();
    let told = 0;
    manager.onCapacity(() => {
      told += 1;
    });
    await manager.start();
    const before = told;
    queue.ready = 30;
    manager.refresh();
    manager.refresh();
    expect(pool.getAllWorkers()).toHaveLength(7);
    expect(told).toBe(before + 1);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'law', reason: expect.stringMatching(/60 s of the cool-down are left/) });
    await clock.advance(59_000);
    expect(pool.getAllWorkers()).toHaveLength(7);
    await clock.advance(1_000);
    expect(pool.getAllWorkers()).toHaveLength(10);
    expect(manager.getMetrics()).toMatchObject({ scaleOperations: 2, lastScaleAt: '2026-01-01T00:01:00.000Z' });
    await manager.stop();
    expect(clock.pending).toBe(0);
  });

  it('shrinks by one idle worker per cool-down to minWorkers, and counts no step that changes nothing', async () => {
    const { clock, pool, queue, manager } = setUp({ minWorkers: 2 });
    await manager.start();
    queue.ready = 20;
    manager.refresh();
    queue.ready = 0;
    expect(pool.getAllWorkers()).toHaveLength(4);
    await clock.advance(10 * 60_000);
    expect(pool.getAllWorkers()).toHaveLength(2);
    expect(manager.getMetrics().scaleOperations).toBe(3);
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'demand', reason: expect.stringMatching(/no issue is ready/) });
  });

  it('stops no busy worker when the ceiling falls, hands it out no more, and grows back at once', async () => {
    const { pool, queue, manager } = setUp();
    await manager.start();
    const sessions = [busy(pool), busy(pool), busy(pool)];
    queue.ready = 7;
    const limits = manager.currentLimits;
    await manager.reconfigureLimits({ ...limits, maxConcurrentOperations: 1 });
    expect(manager.currentLimits.maxConcurrentOperations).toBe(1);
    expect(pool.getMetrics()).toMatchObject({ totalWorkers: 3, workingWorkers: 3 });
    expect(manager.currentLimitReason).toMatchObject({ limitedBy: 'ceiling' });
    sessions[0]?.free();
    sessions[1]?.free();
    manager.fit();
    expect(pool.getAvailableWorker()).toBeUndefined();
    sessions[2]?.free();
    manager.fit();
    expect(pool.getMetrics()).toMatchObject({ totalWorkers: 1, availableWorkers: 1 });
    await manager.reconfigureLimits({ ...limits, maxConcurrentOperations: 30 });
    expect(pool.getAllWorkers()).toHaveLength(4);
    expect(manager.getMetrics().scaleOperations).toBe(0);
  });

  it('names the cap when it is what holds the number', async () => {
    const { queue, manager } = setUp({ maxWorkers: 4 });
    await manager.start();
    queue.ready = 50;
    manager.refresh();
    expect(manager.currentLimitReason).toEqual({
      limitedBy: 'configured',
      reason: 'harness.scale is at 4 workers: the configured maximum is reached (maxWorkers 4)',
    });
  });

  it('applies backpressure past maxQueueDepth, and steps through the states', async () => {
    const { queue, manager } = setUp();
    const seen: string[] = [];
    manager.onBackpressureChanged((from, to) => seen.push(`${from}>${to}`));
    await manager.start();
    for (const waiting of [100, 101, 75, 49, 30]) {
      queue.waiting = waiting;
      manager.refresh();
      expect(manager.shouldApplyBackpressure()).toBe(waiting > 100);
    }
    expect(seen).toEqual(['normal>shedding', 'shedding>critical', 'critical>warning', 'warning>normal']);
    expect(manager.applyBackpressure({ queueDepth: 9, maxQueueDepth: 10, memoryRatio: 0 })).toBe('critical');
  });

  it('ends a stalled session once, shows it until the next look, and leaves healthy ones alone', async () => {
    const { clock, pool, manager } = setUp();
    await manager.start();
    const healthy = busy(pool);
    const dead = busy(pool, { now: DEAD });
    await clock.advance(30_000);
    expect([healthy.state.ended, dead.state.ended]).toEqual([0, 1]);
    expect(dead.worker.getState().status).toBe('stalled');
    expect(manager.getMetrics()).toMatchObject({ stalledWorkers: 1, activeWorkers: 2, health: 'degraded' });
    await clock.advance(1_000);
    dead.free();
    expect(manager.getMetrics().stalledWorkers).toBe(1);
    await clock.advance(30_000);
    expect(dead.state.ended).toBe(1);
    expect(manager.getMetrics()).toMatchObject({ stalledWorkers: 0, health: 'healthy' });
    expect(manager.totalStalls).toBe(1);
    await manager.stop();
  });

  it('goes on looking when one session cannot be looked at', async () => {
    const { clock, pool, manager } = setUp();
    await manager.start();
    const broken = pool.getAvailableWorker();
    broken?.claim({
      id: 'b',
      issueId: 'b',
      evidence: () => Promise.reject(new Error('no /proc')),
      endStalled: async () => {},
    });
    const dead = busy(pool, { now: DEAD });
    await clock.advance(30_000);
    expect(dead.state.ended).toBe(1);
    expect(broken?.getState().status).toBe('working');
  });

  it('goes on looking at others, and stops, while one session does not answer', async () => {
    const { clock, pool, manager } = setUp();
    await manager.start();
    let answer = (_evidence: Evidence) => {};
    let ended = 0;
    pool.getAvailableWorker()?.claim({
      id: 'h',
      issueId: 'h',
      evidence: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
      endStalled: async () => {
        ended += 1;
      },
    });
    await clock.advance(30_000);
    const first = answer;
    const dead = busy(pool, { now: DEAD });
    await clock.advance(60_000);
    expect(dead.state.ended).toBe(1);
    for (const late of [first, answer]) late(DEAD);
    await clock.advance(0);
    expect(ended).toBe(1);
    expect(manager.totalStalls).toBe(2);
    const stopped = manager.stop();
    await clock.advance(30_000);
    await stopped;
    expect(clock.pending).toBe(0);
  });

  it('tells durations, throughput and success of the last half hour, so that health recovers', async () => {
    const { clock, manager } = setUp();
    await recorded(manager, clock, [true, false, false, false], 15_000);
    const bad = manager.getMetrics();
    expect(bad).toMatchObject({ successRate: 0.25, health: 'unhealthy', avgSessionDurationMs: 15_000, totalSessionsFailed: 3 });
    expect(bad.p95SessionDurationMs).toBeCloseTo(15_000, -3);
    expect(bad.throughputPerMinute).toBeCloseTo(4);
    await clock.advance(29 * 60_000);
    await recorded(
      manager,
      clock,
      Array.from({ length: 10 }, () => true),
      10_000,
    );
    await clock.advance(60_000);
    expect(manager.getMetrics()).toMatchObject({ health: 'healthy', successRate: 1, totalSessionsCompleted: 11, totalSessionsFailed: 3 });
    manager.recordSessionComplete('worker-1', 'never-begun', false);
    expect(manager.getMetrics().totalSessionsFailed).toBe(3);
  });

  it.each([
    [1, 0, 'healthy'],
    [0.8, 0, 'healthy'],
    [0.799, 0, 'degraded'],
    [0.5, 0, 'degraded'],
    [0.499, 0, 'unhealthy'],
    [1, 1, 'degraded'],
    [1, 2, 'degraded'],
    [1, 3, 'unhealthy'],
  ] as const)('calls %d success with %i stalled workers %s', (rate, stalled, health) => {
    expect(judgeHealth(rate, stalled)).toBe(health);
  });

  it('gives work to workers past their quota last, and replaces them when idle', async () => {
    const { pool, manager } = setUp({ minWorkers: 2, maxSessionsPerWorker: 2 });
    await manager.start();
    for (let session = 0; session < 2; session += 1) busy(pool).free();
    expect(manager.hasExceededQuota('worker-1')).toBe(true);
    expect(pool.getAvailableWorker()?.id).toBe('worker-2');
    manager.refresh();
    expect(pool.getAllWorkers().map(({ id }) => id)).toEqual(['worker-2', 'worker-3']);
    expect(manager.getMetrics().scaleOperations).toBe(0);
  });

  it('reports the required metrics and its own', async () => {
    const { pool, queue, manager } = setUp();
    await manager.start();
    busy(pool);
    Object.assign(queue, { ready: 3, waiting: 5, oldestReadyMs: 9 });
    manager.recordRejection();
    const metrics = manager.getScalingMetrics();
    for (const key of REQUIRED_METRIC_KEYS) expect(metrics).toHaveProperty([key]);
    expect(metrics).toMatchObject({
      demand: 4,
      inUse: 1,
      'queue.depth': 3,
      'queue.oldestMs': 9,
      'rejected.total': 1,
      'backpressure.queueDepth': 5,
      'workers.idle': 3,
      health: 0,
      'merge.queueDepth': 2,
    });
  });

  it('shows its metrics to people', async () => {
    const { clock, shown, manager } = setUp();
    await recorded(manager, clock, [true]);
    manager.displayMetrics();
    expect(shown.join('\n')).toMatch(/Workers: +0\/0 active[\s\S]*100\.0 % \(1 completed, 0 failed\)[\s\S]*healthy/);
  });
});

describe('a worker', () => {
  it('takes one session at a time, and a late release of an earlier one does nothing', () => {
    const pool = new WorkerPool('/nowhere');
    const worker = pool.addWorker();
    const first = busy(pool);
    expect(() => worker.claim(first.session)).toThrow(expect.objectContaining({ code: 'WORKER_BUSY' }));
    expect(pool.removeWorker(worker.id)).toBe(false);
    expect(first.free()).toBe(true);
    const second = busy(pool);
    expect(first.free()).toBe(false);
    worker.markStalled(first.session);
    expect(worker.getState()).toEqual({ id: 'worker-1', status: 'working', sessions: 2, issueId: 'an-issue' });
    second.free();
    expect(pool.removeWorker(worker.id)).toBe(true);
    expect(pool.removeWorker('unknown')).toBe(false);
  });
});
