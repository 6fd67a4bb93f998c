import {
  DEFAULT_SCALING_LIMITS,
  type IScalableSubsystem,
  RefusedError,
  type ScalingDecision,
  type ScalingDefaults,
  type ScalingLimits,
  type ScalingMetrics,
  silentLogger,
} from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { hostConfigSchema } from '../../src/config-schema.js';
import { Governor } from '../../src/governor/governor.js';
import { SubsystemRegistry } from '../../src/governor/subsystem-registry.js';

export interface GovernedOptions {
  readonly cores?: number;
  readonly overcommit?: number;
  readonly downWindowMs?: number;
  /** `governor.subsystems`. */
  readonly policies?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A subsystem that wants what a test says and takes, refuses or leaves open what it is given. */
export class FakeSubsystem implements IScalableSubsystem {
  readonly name: string;
  readonly scalingDefaults?: ScalingDefaults;
  readonly currentBackpressureState = 'normal';
  demand = 0;
  answers: 'takes' | 'refuses falls' | 'refuses' | 'never' = 'takes';
  asked = 0;
  ceiling: number;

  constructor(name: string, { ceiling = 2, ...defaults }: ScalingDefaults & { readonly ceiling?: number } = {}) {
    this.name = name;
    this.ceiling = ceiling;
    if (Object.keys(defaults).length > 0) this.scalingDefaults = defaults;
  }

  get currentLimits(): ScalingLimits {
    return { ...DEFAULT_SCALING_LIMITS, maxConcurrentOperations: this.ceiling };
  }

  getScalingMetrics(): ScalingMetrics {
    return { demand: this.demand, 'backpressure.state': 0 } as unknown as ScalingMetrics;
  }

  async reconfigureLimits({ maxConcurrentOperations }: ScalingLimits): Promise<void> {
    this.asked += 1;
    if (this.answers === 'never') return new Promise(() => {});
    const refuses = this.answers === 'refuses' || (this.answers === 'refuses falls' && maxConcurrentOperations < this.ceiling);
    if (refuses) throw new RefusedError('LIMITS_INVALID', 'not now');
    this.ceiling = maxConcurrentOperations;
  }
}

/** The real registry and governor on a fake clock, reading and deciding every second. */
export class Governed<S extends IScalableSubsystem = FakeSubsystem> {
  readonly clock = new FakeClock();
  readonly bus = new RecordingBus({ clock: this.clock });
  readonly registry = new SubsystemRegistry({ bus: this.bus, logger: silentLogger });
  readonly governor: Governor;
  readonly subsystems: readonly S[];
  readonly machine = {
    latest: {
      at: 0,
      cores: 4,
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

  constructor(subsystems: readonly S[], { cores = 4, overcommit = 2, downWindowMs = 30_000, policies = {} }: GovernedOptions = {}) {
    this.subsystems = subsystems;
    this.machine.latest.cores = cores;
    const { governor: config } = hostConfigSchema.parse({ governor: { overcommit, downWindowMs, subsystems: policies } });
    const { clock, bus, registry, machine } = this;
    this.governor = new Governor({ registry, machine, bus, clock, logger: silentLogger, config });
    for (const subsystem of subsystems) registry.register(subsystem.name.slice(0, subsystem.name.indexOf('.')), subsystem);
    registry.start(clock, 1_000);
    this.governor.start();
  }

  /** Reads and decides so many times. */
  async periods(count: number): Promise<void> {
    await this.clock.advance(count * 1_000);
  }

  /** What the governor gave, in the order of the subsystems. */
  get ceilings(): number[] {
    return this.subsystems.map(({ name }) => this.governor.account(name)?.ceiling ?? Number.NaN);
  }

  last(name: string): ScalingDecision | undefined {
    return this.governor.decisions({ subsystem: name, limit: 1 })[0];
  }
}
