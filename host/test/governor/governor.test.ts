import {
  DEFAULT_SCALING_LIMITS,
  type IScalableSubsystem,
  RefusedError,
  type ScalingLimits,
  type ScalingMetrics,
  silentLogger,
} from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { hostConfigSchema } from '../../src/config-schema.js';
import { Governor } from '../../src/governor/governor.js';
import { SubsystemRegistry } from '../../src/governor/subsystem-registry.js';

const MACHINE = {
  latest: {
    at: 0,
    cores: 2,
    cpuRatio: 0.1,
    memoryTotalBytes: 100,
    memoryUsedBytes: 10,
    memoryRatio: 0.1,
    eventLoopDelayP99Ms: 1,
    eventLoopUtilization: 0.1,
    heapUsedBytes: 1,
    rssBytes: 1,
  },
};

class FakeSubsystem implements IScalableSubsystem {
  readonly name = 'test.pool';
  readonly given: ScalingLimits[] = [];
  demand = 0;
  refuse = false;
  currentLimits = { ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: 2 };
  readonly currentBackpressureState = 'normal';

  getScalingMetrics(): ScalingMetrics {
    return { demand: this.demand, 'backpressure.state': 0 } as unknown as ScalingMetrics;
  }

  async reconfigureLimits(limits: ScalingLimits, _signal?: AbortSignal): Promise<void> {
    if (this.refuse) throw new RefusedError('LIMITS_INVALID', 'not now');
    this.given.push(limits);
    this.currentLimits = limits;
  }
}

function setUp(policy: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const bus = new RecordingBus({ clock });
  const registry = new SubsystemRegistry({ bus, logger: silentLogger });
  const config = hostConfigSchema.parse({ governor: { subsystems: { 'test.pool': policy } } }).governor;
  const governor = new Governor({ registry, machine: MACHINE, bus, clock, logger: silentLogger, config });
  const subsystem = new FakeSubsystem();
  const registration = registry.register('test', subsystem);
  registry.start(clock, 1_000);
  governor.start();
  return { clock, bus, registry, governor, subsystem, registration };
}

describe('Governor', () => {
  it('takes another configuration over: its policies from the next round on, its period at once', async () => {
    const { clock, governor, subsystem } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(4);
    const config = { periodMs: 100, subsystems: { 'test.pool': { ceiling: 3, floor: 1 } } };
    governor.setConfig(hostConfigSchema.parse({ governor: config }).governor);
    await clock.advance(100);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(3);
    expect(governor.policyOf('test.pool')).toMatchObject({ ceiling: 3 });
  });

  it('gives other ceilings than that of concurrent operations as they are configured now, also at rest', async () => {
    const { clock, bus, governor, subsystem } = setUp();
    const configured = { ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 50 };
    Object.assign(subsystem, { configuredLimits: configured });
    await clock.advance(3_000);
    const { maxConcurrentOperations } = subsystem.currentLimits;
    expect(subsystem.currentLimits).toMatchObject({ maxQueueDepth: 50 });
    const asked = subsystem.given.length;
    await clock.advance(5_000);
    expect(subsystem.given).toHaveLength(asked);
    Object.assign(subsystem, {
      configuredLimits: { ...configured, maxQueueDepth: 5_000, maxCacheEntries: 1, maxConcurrentOperations: 999 },
    });
    await clock.advance(1_000);
    expect(subsystem.currentLimits).toEqual({ ...configured, maxQueueDepth: 5_000, maxCacheEntries: 1, maxConcurrentOperations });
    expect(subsystem.given).toHaveLength(asked + 1);
    expect(bus.of('reconfigure').at(-1)?.payload).toMatchObject({ from: { maxQueueDepth: 50 }, to: { maxQueueDepth: 5_000 } });
    expect(governor.decisions({ limit: 1 })[0]).toMatchObject({
      from: maxConcurrentOperations,
      to: maxConcurrentOperations,
      outcome: 'applied',
      reason: expect.stringContaining('; other limits as they are configured now'),
    });
  });

  it('gives what is configured now, not what it was at the last reading', async () => {
    const { clock, governor, subsystem } = setUp();
    Object.assign(subsystem, { configuredLimits: DEFAULT_SCALING_LIMITS });
    await clock.advance(2_000);
    Object.assign(subsystem, { configuredLimits: { ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 5 } });
    governor.setConfig(hostConfigSchema.parse({ governor: { subsystems: { 'test.pool': { floor: 3 } } } }).governor);
    await governor.decide();
    expect(subsystem.currentLimits).toEqual({ ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 5, maxConcurrentOperations: 3 });
  });

  it.each([
    [
      'cannot be read',
      () => {
        throw new Error('not readable');
      },
    ],
    ['are no numbers', () => ({ ...DEFAULT_SCALING_LIMITS, maxQueueDepth: Number.NaN })],
  ])('goes on with what was configured when configured limits %s', async (_what, get) => {
    const { clock, governor, subsystem } = setUp();
    await clock.advance(1_000);
    Object.defineProperty(subsystem, 'configuredLimits', { get, configurable: true });
    governor.setConfig(hostConfigSchema.parse({ governor: { subsystems: { 'test.pool': { floor: 3 } } } }).governor);
    await clock.advance(3_000);
    expect(subsystem.currentLimits).toEqual({ ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: 3 });
  });

  it('forgets high demand sooner when its window is set shorter', async () => {
    const { clock, governor, subsystem } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    subsystem.demand = 1;
    await clock.advance(5_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(4);
    governor.setConfig(hostConfigSchema.parse({ governor: { downWindowMs: 1_000 } }).governor);
    await clock.advance(2_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(1);
  });

  it('raises under demand, reports after acceptance, and says why', async () => {
    const { clock, bus, governor, subsystem } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(4);
    expect(bus.of('reconfigure').at(-1)?.payload).toMatchObject({
      subsystem: 'test.pool',
      to: { maxConcurrentOperations: 4 },
      revision: 1,
    });
    expect(governor.decisions({ subsystem: 'test.pool', limit: 1 })[0]).toMatchObject({
      from: 2,
      to: 4,
      limitedBy: 'demand',
      outcome: 'applied',
    });
    expect(bus.of('decision').at(-1)?.payload).toEqual(governor.decisions({ limit: 1 })[0]);
  });

  it('falls when the window of high demand has left, and not before', async () => {
    const { clock, subsystem } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    subsystem.demand = 0;
    await clock.advance(20_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(4);
    await clock.advance(15_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(1);
  });

  it('keeps the operator’s floor and ceiling', async () => {
    const { clock, governor, subsystem } = setUp({ floor: 2, ceiling: 3 });
    subsystem.demand = 50;
    await clock.advance(2_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(3);
    expect(governor.decisions({ limit: 1 })[0]).toMatchObject({ limitedBy: 'ceiling' });
    subsystem.demand = 0;
    await clock.advance(60_000);
    expect(subsystem.currentLimits.maxConcurrentOperations).toBe(2);
  });

  it('records a refusal, changes nothing and reports no reconfigure', async () => {
    const { clock, bus, governor, subsystem } = setUp();
    subsystem.refuse = true;
    subsystem.demand = 4;
    await clock.advance(2_000);
    expect(governor.decisions({ limit: 1 })[0]).toMatchObject({ outcome: 'refused', error: 'not now', to: 4 });
    expect(governor.account('test.pool')?.ceiling).toBe(2);
    expect(bus.of('reconfigure')).toEqual([]);
    await clock.advance(60_000);
    expect(governor.decisions({ limit: 100 }).filter(({ to }) => to === 4)).toHaveLength(1);
    subsystem.refuse = false;
    await clock.advance(1_000);
    expect(governor.decisions({ limit: 1 })[0]).toMatchObject({ outcome: 'applied', to: 4 });
  });

  it('gives its ceiling again to a subsystem that was registered anew between two periods', async () => {
    const { clock, bus, registry, subsystem, registration } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    registration[Symbol.dispose]();
    const second = new FakeSubsystem();
    second.demand = 4;
    registry.register('test', second);
    await clock.advance(2_000);
    expect(second.currentLimits.maxConcurrentOperations).toBe(4);
    expect(bus.of('reconfigure').map(({ payload }) => payload.revision)).toEqual([1, 2]);
  });

  it('gives up on a subsystem that does not answer, says so, and asks again', async () => {
    const { clock, governor, subsystem } = setUp();
    const asked: AbortSignal[] = [];
    subsystem.reconfigureLimits = (_limits: ScalingLimits, signal?: AbortSignal) => {
      asked.push(signal as AbortSignal);
      return new Promise(() => {});
    };
    subsystem.demand = 4;
    await clock.advance(8_000);
    expect(governor.decisions({ limit: 1 })[0]).toMatchObject({ outcome: 'refused', error: 'test.pool did not answer within 5000 ms' });
    expect(asked.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  it('writes no line when nothing changes, hour after hour', async () => {
    const { clock, governor } = setUp();
    await clock.advance(60_000);
    const count = governor.decisions({ limit: 100 }).length;
    await clock.advance(3_600_000);
    expect(governor.decisions({ limit: 100 }).length).toBe(count);
  });

  it('changes only the concurrent operations', async () => {
    const { clock, subsystem } = setUp();
    subsystem.demand = 4;
    await clock.advance(2_000);
    expect(subsystem.given.at(-1)).toEqual({ ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: 4 });
  });

  it('forgets a subsystem that has left', async () => {
    const { clock, governor, registration } = setUp();
    await clock.advance(2_000);
    registration[Symbol.dispose]();
    await clock.advance(2_000);
    expect(governor.account('test.pool')).toBeUndefined();
  });
});

describe('SubsystemRegistry', () => {
  it('publishes metrics every period, and a change of backpressure as a signal', async () => {
    const { clock, bus } = setUp();
    await clock.advance(3_000);
    expect(bus.of('metrics').map(({ payload }) => payload.subsystem)).toEqual(['test.pool', 'test.pool', 'test.pool']);
    expect(bus.of('backpressure')).toEqual([]);
  });

  it('refuses a name of another plugin, and one that is taken', () => {
    const { registry, subsystem } = setUp();
    expect(() => registry.register('other', subsystem)).toThrow(expect.objectContaining({ code: 'SUBSYSTEM_NAME_FOREIGN' }));
    expect(() => registry.register('test', subsystem)).toThrow(expect.objectContaining({ code: 'SUBSYSTEM_NAME_TAKEN' }));
  });

  it('goes on with the others when reading one fails', async () => {
    const { clock, bus, registry } = setUp();
    const broken = new FakeSubsystem();
    Object.defineProperty(broken, 'name', { value: 'bad.pool' });
    broken.getScalingMetrics = () => {
      throw new Error('kaputt');
    };
    registry.register('bad', broken);
    await clock.advance(1_000);
    expect(bus.of('metrics').length).toBe(1);
  });

  it.each([[{ demand: Number.NaN }], [{ demand: 1, 'cache.size': Number.POSITIVE_INFINITY }], [{}]])(
    'takes metrics such as %j for none, says so once, and takes good ones again',
    async (metrics) => {
      const lines: string[] = [];
      const clock = new FakeClock();
      const bus = new RecordingBus({ clock });
      const logger = { ...silentLogger, error: (message: string) => void lines.push(message) };
      const registry = new SubsystemRegistry({ bus, logger });
      const subsystem = new FakeSubsystem();
      const good = subsystem.getScalingMetrics;
      subsystem.getScalingMetrics = () => metrics as unknown as ScalingMetrics;
      registry.register('test', subsystem);
      registry.readAll();
      registry.readAll();
      expect(lines).toEqual([expect.stringMatching(/test\.pool failed: .* is .*not a finite number/)]);
      expect(bus.of('metrics')).toEqual([]);
      subsystem.getScalingMetrics = good;
      registry.readAll();
      expect(bus.of('metrics')).toHaveLength(1);
    },
  );
});
