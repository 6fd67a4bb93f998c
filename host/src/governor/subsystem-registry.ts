import {
  type BackpressureState,
  type IBackpressureAware,
  type IClock,
  type IEventBus,
  type ILogger,
  type IScalableSubsystem,
  limitProblems,
  messageOf,
  PluginError,
  type ScalingDefaults,
  type ScalingLimits,
  type ScalingMetrics,
  scalingDefaultProblems,
} from '@bellows/sdk';

/** One registered subsystem with what was last read of it. */
export interface SubsystemEntry {
  readonly plugin: string;
  readonly subsystem: IScalableSubsystem;
  /** The limits it came with. */
  readonly initialLimits: ScalingLimits;
  readonly scalingDefaults: ScalingDefaults;
  /** As last read, where they are good; those it came with where it does not say. */
  configuredLimits: ScalingLimits;
  /** Undefined until the first good reading. */
  metrics: ScalingMetrics | undefined;
  /** The last state that was published. */
  backpressure: BackpressureState;
  /** The last reading failed; it is logged when that begins, not every second while it lasts. */
  failing: boolean;
}

/** The subsystems of all plugins: reads their metrics every period and publishes them. */
export class SubsystemRegistry {
  readonly #entries = new Map<string, SubsystemEntry>();
  readonly #bus: IEventBus;
  readonly #logger: ILogger;

  constructor(options: { readonly bus: IEventBus; readonly logger: ILogger }) {
    this.#bus = options.bus;
    this.#logger = options.logger;
  }

  /** Known until disposed. `PluginError` for a name that is not the plugin's or is taken, and for defaults nothing can be computed from. */
  register(plugin: string, subsystem: IScalableSubsystem): Disposable {
    const { name } = subsystem;
    if (!name.startsWith(`${plugin}.`)) {
      throw new PluginError(
        'SUBSYSTEM_NAME_FOREIGN',
        `plugin ${plugin} registered the subsystem ${JSON.stringify(name)}: it must start with "${plugin}."`,
        { plugin },
      );
    }
    if (this.#entries.has(name)) {
      throw new PluginError('SUBSYSTEM_NAME_TAKEN', `the subsystem ${name} is registered already: give the second one its own name`, {
        plugin,
      });
    }
    const initialLimits = subsystem.currentLimits;
    const entry: SubsystemEntry = {
      plugin,
      subsystem,
      initialLimits,
      configuredLimits: initialLimits,
      scalingDefaults: usableDefaults(plugin, subsystem),
      metrics: undefined,
      backpressure: 'normal',
      failing: false,
    };
    const leave = isBackpressureAware(subsystem) ? subsystem.onBackpressureChanged(() => this.#read(entry)) : () => {};
    this.#entries.set(name, entry);
    return {
      [Symbol.dispose]: () => {
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
        leave();
      },
    };
  }

  entries(): readonly SubsystemEntry[] {
    return [...this.#entries.values()];
  }

  /** Starts reading every `periodMs`. */
  start(clock: IClock, periodMs: number): () => void {
    return clock.setRepeating(periodMs, () => this.readAll());
  }

  readAll(): void {
    for (const entry of this.#entries.values()) this.#read(entry);
  }

  /** The fullest subsystem's backpressure, 0 to 3: what load shedding looks at. */
  pressureOf(plugin: string): number {
    let level = 0;
    for (const entry of this.#entries.values()) {
      if (entry.plugin === plugin) level = Math.max(level, entry.metrics?.['backpressure.state'] ?? 0);
    }
    return level;
  }

  #read(entry: SubsystemEntry): void {
    const { subsystem } = entry;
    // a change of backpressure told while it is not, or no longer, registered
    if (this.#entries.get(subsystem.name) !== entry) return;
    try {
      const values = subsystem.getScalingMetrics();
      demandNumbers(values);
      const backpressure = subsystem.currentBackpressureState;
      const limits = subsystem.currentLimits;
      const configuredLimits = subsystem.configuredLimits ?? entry.initialLimits;
      demandLimits(configuredLimits);
      entry.configuredLimits = configuredLimits;
      entry.metrics = values;
      entry.failing = false;
      this.#bus.publish({ topic: 'metrics', payload: { subsystem: subsystem.name, values, backpressure, limits } });
      if (backpressure === entry.backpressure) return;
      const from = entry.backpressure;
      entry.backpressure = backpressure;
      this.#bus.publish({ topic: 'backpressure', payload: { subsystem: subsystem.name, from, to: backpressure } });
    } catch (error) {
      if (entry.failing) return;
      entry.failing = true;
      this.#logger.error(`reading the metrics of ${subsystem.name} failed: ${messageOf(error)}`, { error, plugin: entry.plugin });
    }
  }
}

/** Every subsystem's limits are computed from them: those of one must not spoil the others', so they are read once and kept. */
function usableDefaults(plugin: string, { name, scalingDefaults = {} }: IScalableSubsystem): ScalingDefaults {
  const problems = scalingDefaultProblems(scalingDefaults);
  if (problems.length === 0) return Object.freeze({ ...scalingDefaults });
  throw new PluginError(
    'SUBSYSTEM_DEFAULTS_INVALID',
    `the scaling defaults of the subsystem ${name} are not usable: ${problems.join('; ')}. Tell the author of ${plugin}.`,
    { plugin },
  );
}

/** Limits are computed from them: one that is no number would make every other one wrong. */
function demandNumbers(metrics: ScalingMetrics): void {
  const wrong = Object.entries({ ...metrics, demand: metrics.demand }).filter(([, value]) => !Number.isFinite(value));
  if (wrong.length > 0) throw new TypeError(wrong.map(([key, value]) => `${key} is ${String(value)}, not a finite number`).join('; '));
}

/** As they are now: a change may be younger than the last reading. Where they cannot be read or used that tells it, and what it had counts. */
export function configuredLimitsOf({ subsystem, configuredLimits }: SubsystemEntry): ScalingLimits {
  try {
    const { configuredLimits: now = configuredLimits } = subsystem;
    demandLimits(now);
    return now;
  } catch {
    return configuredLimits;
  }
}

/** It would refuse them itself, and with them every other limit. */
function demandLimits(configured: ScalingLimits): void {
  const problems = limitProblems(configured);
  if (problems.length > 0) throw new TypeError(`its configured limits are not usable: ${problems.join('; ')}`);
}

function isBackpressureAware(subsystem: IScalableSubsystem): subsystem is IScalableSubsystem & IBackpressureAware {
  return typeof (subsystem as Partial<IBackpressureAware>).onBackpressureChanged === 'function';
}
