import { BACKPRESSURE_STATES, backpressureLevel } from '../backpressure.js';
import { isKind, messageOf } from '../errors.js';
import { REQUIRED_METRIC_KEYS } from '../metric-descriptions.js';
import type { IScalableSubsystem } from '../scalable-subsystem.js';
import { scalingDefaultProblems } from '../scaling-defaults.js';
import { limitProblems, type ScalingLimits } from '../scaling-limits.js';
import { checkPromises, demand, rejectionOf } from './promise-check.js';

export interface CheckSubsystemOptions {
  close?(subsystem: IScalableSubsystem): void | Promise<void>;
}

/**
 * Checks the promises of {@link IScalableSubsystem} on idle subsystems that `make` makes. Resolves when all hold; rejects with
 * `PluginError` (`CHECK_FAILED`) that names the first broken one. Needs no test runner. It does not put load on the subsystem: that
 * running work survives a lower limit must be tested where the work is known.
 */
export async function checkSubsystem(
  make: () => IScalableSubsystem | Promise<IScalableSubsystem>,
  options: CheckSubsystemOptions = {},
): Promise<void> {
  const fresh = (check: (subsystem: IScalableSubsystem) => void | Promise<void>) => async () => {
    const subsystem = await make();
    try {
      await check(subsystem);
    } finally {
      await options.close?.(subsystem);
    }
  };
  await checkPromises('The subsystem', {
    'its name is <plugin id>.<subsystem> and stays': fresh(checkName),
    'its metrics are flat finite numbers with the required keys': fresh(checkMetrics),
    'its limits are whole numbers of at least 1, and not above the configured ones': fresh(checkLimits),
    'its backpressure state is one of the four and is the one in the metrics': fresh(checkBackpressure),
    'its scaling defaults are numbers the governor can use, and stay': fresh(checkDefaults),
    'reading it changes nothing': fresh(checkReading),
    'it stays below given limits': fresh(checkCeilings),
    'the same limits twice change nothing': fresh(checkTwice),
    'limits it cannot take are refused and change nothing': fresh(checkRefusal),
    'concurrent changes apply in the order of the calls': fresh(checkOrder),
  });
}

const LIMIT_KEYS = ['maxCacheEntries', 'maxMemoryBytes', 'maxConcurrentOperations', 'maxQueueDepth'] as const;

function checkName(subsystem: IScalableSubsystem): void {
  const { name } = subsystem;
  demand(/^[a-z][a-z0-9-]*\.[A-Za-z0-9._-]+$/.test(name), `its name is ${JSON.stringify(name)}`);
  demand(subsystem.name === name, 'its name changed');
}

function checkMetrics(subsystem: IScalableSubsystem): void {
  const metrics = subsystem.getScalingMetrics();
  for (const key of REQUIRED_METRIC_KEYS) demand(Object.hasOwn(metrics, key), `the key ${key} is missing`);
  for (const [key, value] of Object.entries(metrics)) demand(Number.isFinite(value), `${key} is ${String(value)}`);
  const rate = metrics['cache.hitRate'];
  demand(rate >= 0 && rate <= 1, `cache.hitRate is ${rate}, outside of 0 to 1`);
  for (const key of REQUIRED_METRIC_KEYS) demand(metrics[key] >= 0, `${key} is ${metrics[key]}`);
  demand(metrics.demand >= metrics.inUse, `demand (${metrics.demand}) is below inUse (${metrics.inUse})`);
}

function checkLimits(subsystem: IScalableSubsystem): void {
  const { currentLimits, configuredLimits = currentLimits } = subsystem;
  demandUsable(currentLimits);
  demandUsable(configuredLimits);
  demandBelow(currentLimits, configuredLimits);
}

function checkBackpressure(subsystem: IScalableSubsystem): void {
  const state = subsystem.currentBackpressureState;
  demand(BACKPRESSURE_STATES.includes(state), `its state is ${JSON.stringify(state)}`);
  const level = subsystem.getScalingMetrics()['backpressure.state'];
  demand(level === backpressureLevel(state), `its state is ${state} and its metrics say ${level}`);
}

function checkDefaults(subsystem: IScalableSubsystem): void {
  const { scalingDefaults = {} } = subsystem;
  const problems = scalingDefaultProblems(scalingDefaults);
  demand(problems.length === 0, problems.join('; '));
  const [first, again] = [scalingDefaults, subsystem.scalingDefaults ?? {}].map((read) => JSON.stringify(read));
  demand(first === again, `first ${first}, then ${again}`);
}

function checkReading(subsystem: IScalableSubsystem): void {
  const read = () =>
    JSON.stringify([
      subsystem.getScalingMetrics(),
      subsystem.currentLimits,
      subsystem.configuredLimits,
      subsystem.currentBackpressureState,
    ]);
  const before = JSON.parse(read()) as unknown;
  const kept = subsystem.currentLimits;
  // a caller that writes into what it was given must not reach the inside
  Reflect.set(kept, 'maxQueueDepth', -1);
  Reflect.set(subsystem.configuredLimits ?? {}, 'maxQueueDepth', -1);
  Reflect.set(subsystem.getScalingMetrics(), 'demand', -1);
  const after = JSON.parse(read()) as unknown;
  demand(JSON.stringify(before) === JSON.stringify(after), `before ${JSON.stringify(before)}, after ${JSON.stringify(after)}`);
}

async function checkCeilings(subsystem: IScalableSubsystem): Promise<void> {
  for (const key of LIMIT_KEYS) {
    const given = { ...subsystem.currentLimits, [key]: Math.max(1, Math.floor(subsystem.currentLimits[key] / 2)) };
    if (await refuses(subsystem, given)) continue;
    demandBelow(subsystem.currentLimits, given);
  }
  await subsystem.reconfigureLimits(generous(subsystem.currentLimits));
  demandUsable(subsystem.currentLimits);
}

async function checkTwice(subsystem: IScalableSubsystem): Promise<void> {
  const given = { ...subsystem.currentLimits };
  await subsystem.reconfigureLimits(given);
  const once = JSON.stringify(subsystem.currentLimits);
  await subsystem.reconfigureLimits(given);
  demand(JSON.stringify(subsystem.currentLimits) === once, `once ${once}, twice ${JSON.stringify(subsystem.currentLimits)}`);
}

async function checkRefusal(subsystem: IScalableSubsystem): Promise<void> {
  const before = JSON.stringify(subsystem.currentLimits);
  for (const key of LIMIT_KEYS) {
    for (const wrong of [0, -1, 1.5, Number.NaN]) {
      const what = `${key} ${wrong}`;
      const error = await rejectionOf(what, () => subsystem.reconfigureLimits({ ...subsystem.currentLimits, [key]: wrong }));
      demand(isKind(error, 'refused'), `${what} was answered with ${messageOf(error)} and not with a RefusedError`);
      demand(
        JSON.stringify(subsystem.currentLimits) === before,
        `${what} changed its limits to ${JSON.stringify(subsystem.currentLimits)}`,
      );
    }
  }
}

async function checkOrder(subsystem: IScalableSubsystem): Promise<void> {
  const large = generous(subsystem.currentLimits);
  const small = { ...subsystem.currentLimits, maxQueueDepth: Math.max(1, Math.floor(subsystem.currentLimits.maxQueueDepth / 2)) };
  await subsystem.reconfigureLimits(large);
  const depthWhenLarge = subsystem.currentLimits.maxQueueDepth;
  await Promise.all([subsystem.reconfigureLimits(large), subsystem.reconfigureLimits(small)]);
  demandBelow(subsystem.currentLimits, small);
  await Promise.all([subsystem.reconfigureLimits(small), subsystem.reconfigureLimits(large)]);
  const { maxQueueDepth } = subsystem.currentLimits;
  demand(
    maxQueueDepth === depthWhenLarge,
    `after a small and then a large limit at once, maxQueueDepth is ${maxQueueDepth}, not ${depthWhenLarge}`,
  );
}

/** Whether it refuses limits that are usable as such; it may, but then nothing may change. */
async function refuses(subsystem: IScalableSubsystem, limits: ScalingLimits): Promise<boolean> {
  const before = JSON.stringify(subsystem.currentLimits);
  try {
    await subsystem.reconfigureLimits(limits);
    return false;
  } catch (error) {
    demand(isKind(error, 'refused'), `usable limits were answered with ${messageOf(error)} and not with a RefusedError`);
    demand(JSON.stringify(subsystem.currentLimits) === before, 'refused limits were applied');
    return true;
  }
}

function generous(limits: ScalingLimits): ScalingLimits {
  return {
    maxCacheEntries: limits.maxCacheEntries * 2,
    maxMemoryBytes: limits.maxMemoryBytes * 2,
    maxConcurrentOperations: limits.maxConcurrentOperations * 2,
    maxQueueDepth: limits.maxQueueDepth * 2,
  };
}

function demandUsable(limits: ScalingLimits): void {
  const problems = limitProblems(limits);
  demand(problems.length === 0, problems.join('; '));
}

function demandBelow(limits: ScalingLimits, given: ScalingLimits): void {
  for (const key of LIMIT_KEYS) demand(limits[key] <= given[key], `${key} is ${limits[key]} although ${given[key]} was given`);
}
