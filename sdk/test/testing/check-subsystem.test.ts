import { describe, expect, it } from '@jest/globals';
import type { BackpressureState } from '../../src/backpressure.js';
import { RefusedError } from '../../src/errors.js';
import { REQUIRED_METRIC_KEYS } from '../../src/metric-descriptions.js';
import type { IScalableSubsystem, ScalingMetrics } from '../../src/scalable-subsystem.js';
import { DEFAULT_SCALING_LIMITS, limitProblems, minLimits, type ScalingLimits } from '../../src/scaling-limits.js';
import { checkSubsystem } from '../../src/testing/check-subsystem.js';
import { promisesOf } from './promises-of.js';

class GoodSubsystem implements IScalableSubsystem {
  name = 'example.pool';
  limits: ScalingLimits = DEFAULT_SCALING_LIMITS;
  last: Promise<void> = Promise.resolve();

  get currentLimits(): ScalingLimits {
    return { ...this.limits };
  }

  get currentBackpressureState(): BackpressureState {
    return 'normal';
  }

  getScalingMetrics(): ScalingMetrics {
    return Object.fromEntries(REQUIRED_METRIC_KEYS.map((key) => [key, 0])) as ScalingMetrics;
  }

  async reconfigureLimits(limits: ScalingLimits): Promise<void> {
    if (limitProblems(limits).length > 0) throw new RefusedError('RECONFIGURE_REFUSED', limitProblems(limits).join());
    this.last = this.last.then(() => this.apply(limits));
    return this.last;
  }

  async apply(limits: ScalingLimits): Promise<void> {
    this.limits = minLimits(limits, DEFAULT_SCALING_LIMITS);
  }
}

const broken: Record<string, { readonly promise: string; make(): IScalableSubsystem }> = {
  'has no plugin in its name': { promise: 'its name', make: () => Object.assign(new GoodSubsystem(), { name: 'pool' }) },
  'leaves out a metric': {
    promise: 'its metrics',
    make: () =>
      new (class extends GoodSubsystem {
        override getScalingMetrics() {
          const { demand: _, ...rest } = super.getScalingMetrics();
          return rest as never;
        }
      })(),
  },
  'reports NaN': {
    promise: 'its metrics',
    make: () =>
      new (class extends GoodSubsystem {
        override getScalingMetrics() {
          return { ...super.getScalingMetrics(), 'own.rate': 0 / 0 };
        }
      })(),
  },
  'begins with a limit of nothing': {
    promise: 'its limits are whole numbers',
    make: () => Object.assign(new GoodSubsystem(), { limits: { ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 0 } }),
  },
  'is above what it says is configured': {
    promise: 'its limits are whole numbers',
    make: () => Object.assign(new GoodSubsystem(), { configuredLimits: { ...DEFAULT_SCALING_LIMITS, maxQueueDepth: 10 } }),
  },
  'says that nothing is configured': {
    promise: 'its limits are whole numbers',
    make: () => Object.assign(new GoodSubsystem(), { configuredLimits: { ...DEFAULT_SCALING_LIMITS, maxMemoryBytes: Number.NaN } }),
  },
  'says one state and reports another': {
    promise: 'its backpressure state',
    make: () =>
      new (class extends GoodSubsystem {
        override get currentBackpressureState() {
          return 'critical' as const;
        }
      })(),
  },
  'has a floor of no operation': {
    promise: 'its scaling defaults',
    make: () => Object.assign(new GoodSubsystem(), { scalingDefaults: { floor: 0 } }),
  },
  'has operations that cost nothing': {
    promise: 'its scaling defaults',
    make: () => Object.assign(new GoodSubsystem(), { scalingDefaults: { costCores: 0 } }),
  },
  'changes what its operations cost': {
    promise: 'its scaling defaults',
    make: () =>
      new (class extends GoodSubsystem {
        reads = 0;
        get scalingDefaults() {
          return { costCores: (this.reads += 1) };
        }
      })(),
  },
  'hands out its inside': {
    promise: 'reading it changes nothing',
    make: () =>
      new (class extends GoodSubsystem {
        override limits = { ...DEFAULT_SCALING_LIMITS };
        override get currentLimits() {
          return this.limits;
        }
      })(),
  },
  'hands out what is configured': {
    promise: 'reading it changes nothing',
    make: () => Object.assign(new GoodSubsystem(), { configuredLimits: { ...DEFAULT_SCALING_LIMITS } }),
  },
  'ignores a ceiling': {
    promise: 'it stays below given limits',
    make: () =>
      new (class extends GoodSubsystem {
        override apply(limits: ScalingLimits) {
          return super.apply({ ...limits, maxQueueDepth: 1_000 });
        }
      })(),
  },
  'halves with every call': {
    promise: 'the same limits twice',
    make: () =>
      new (class extends GoodSubsystem {
        override apply(limits: ScalingLimits) {
          return super.apply({
            ...limits,
            maxCacheEntries: Math.max(1, Math.floor(Math.min(limits.maxCacheEntries, this.limits.maxCacheEntries) / 2)),
          });
        }
      })(),
  },
  'takes nonsense': {
    promise: 'limits it cannot take are refused',
    make: () =>
      new (class extends GoodSubsystem {
        override async reconfigureLimits(limits: ScalingLimits) {
          if (limits.maxMemoryBytes !== 1.5) await super.reconfigureLimits(limits);
        }
      })(),
  },
  'applies before it refuses': {
    promise: 'limits it cannot take are refused',
    make: () =>
      new (class extends GoodSubsystem {
        override async reconfigureLimits(limits: ScalingLimits) {
          if (limits.maxQueueDepth < 1) this.limits = { ...this.limits, maxCacheEntries: 1 };
          await super.reconfigureLimits(limits);
        }
      })(),
  },
  'lets concurrent changes overtake': {
    promise: 'concurrent changes',
    make: () =>
      new (class extends GoodSubsystem {
        override async reconfigureLimits(limits: ScalingLimits) {
          if (limits.maxQueueDepth > 1_000) for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
          await super.reconfigureLimits(limits);
        }
      })(),
  },
};

describe('checkSubsystem', () => {
  it('accepts one that keeps its promises', async () => {
    let closed = 0;
    await checkSubsystem(() => new GoodSubsystem(), { close: () => void (closed += 1) });
    expect(closed).toBe(10);
  });

  it('accepts one that says what its operations cost', async () => {
    await checkSubsystem(() => Object.assign(new GoodSubsystem(), { scalingDefaults: { floor: 1, costCores: 0.1 } }));
  });

  it('accepts one that says what is configured', async () => {
    class Configured extends GoodSubsystem {
      get configuredLimits() {
        return { ...DEFAULT_SCALING_LIMITS };
      }
    }
    await checkSubsystem(() => new Configured());
  });

  it.each(Object.entries(broken))('finds one that %s', async (_name, { make, promise }) => {
    await expect(checkSubsystem(make)).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining(`"${promise}`) });
  });

  it('has a broken subsystem for each of its promises', () => {
    const known = Object.values(broken).map(({ promise }) => promise);
    const promises = promisesOf('check-subsystem');
    expect(promises.length).toBe(10);
    expect(promises.filter((promise) => !known.some((beginning) => promise.startsWith(beginning)))).toEqual([]);
  });
});
