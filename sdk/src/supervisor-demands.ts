import { InputError, PluginError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';
import { optionNames, optionProblems, problemText } from './known-options.js';
import type { RestartIntensityOptions } from './restart-intensity.js';
import type { SupervisorBackoff } from './restart-law.js';
import type { RestartStrategy, RestartType } from './restart-plan.js';
import type { ChildSpec, RunningChild, SupervisorOptions } from './supervisor-contract.js';

/** `InputError` (`SUPERVISOR_OPTIONS_INVALID`) with every fault but those of the children. */
export function demandSupervisorOptions(options: SupervisorOptions): void {
  const faults = [...optionProblems(options, OPTIONS, 'options')].map((one) => problemText([one]));
  if (typeof options === 'object' && options !== null) faults.push(...valueFaults(options));
  if (faults.length === 0) return;
  throw new InputError('SUPERVISOR_OPTIONS_INVALID', `A supervisor cannot work: ${faults.join('; ')}`, { phase: 'supervise' });
}

/** `PluginError` (`CHILD_INVALID`) with every fault. A spec may have more: whoever makes it may keep things there. */
export function demandChildSpec(spec: ChildSpec): void {
  if (typeof spec !== 'object' || spec === null) throw childError('', [`it must be an object, and is ${kindOfValue(spec)}`]);
  const faults: string[] = [];
  const { id, start, restart, stopTimeoutMs } = spec;
  if (typeof id !== 'string' || id === '') faults.push(`child.id must be a text, and is ${shown(id)}`);
  if (typeof start !== 'function') faults.push(`child.start must be a function, async (signal) => { … }, and is ${kindOfValue(start)}`);
  if (!RESTART_TYPES.includes(restart)) faults.push(`child.restart must be one of ${RESTART_TYPES.join(', ')}, and is ${shown(restart)}`);
  if (!isAtLeast(stopTimeoutMs, 0)) faults.push(`child.stopTimeoutMs must be at least 0, in ms, and is ${shown(stopTimeoutMs)}`);
  if (faults.length > 0) throw childError(typeof id === 'string' ? ` ${id}` : '', faults);
}

/** What a start answered. `PluginError` (`CHILD_INVALID`) for what nobody could stop or wait for. */
export function demandRunningChild(id: string, running: RunningChild): RunningChild {
  const { exited, stop } = (running ?? {}) as Partial<RunningChild>;
  if (typeof exited?.then === 'function' && typeof stop === 'function') return running;
  const what = running === undefined ? 'nothing' : kindOfValue(running);
  throw childError(` ${id}`, [
    `its start answered ${what} without ${typeof stop === 'function' ? 'exited' : 'stop and exited'}: ` +
      'answer { exited, stop }, a promise of how it ends ({ ok, error? }) and async (signal) => { … }, which ends it',
  ]);
}

function valueFaults({ children, strategy, intensity, backoff }: SupervisorOptions): string[] {
  const faults: string[] = [];
  if (!Array.isArray(children)) faults.push(`options.children must be a list, and is ${kindOfValue(children)}`);
  if (strategy !== undefined && !STRATEGIES.includes(strategy)) {
    faults.push(`options.strategy must be one of ${STRATEGIES.join(', ')}, and is ${shown(strategy)}`);
  }
  if (intensity !== undefined) faults.push(...numberFaults('options.intensity', intensity, INTENSITY));
  if (backoff !== undefined) {
    faults.push(...numberFaults('options.backoff', backoff, BACKOFF));
    const { applies } = (backoff ?? {}) as Partial<SupervisorBackoff>;
    if (applies !== undefined && !APPLIES.includes(applies)) {
      faults.push(`options.backoff.applies must be one of ${APPLIES.join(', ')}, and is ${shown(applies)}`);
    }
  }
  return faults;
}

interface NumberRules {
  readonly names: readonly string[];
  readonly least: Readonly<Record<string, number>>;
  readonly optional?: readonly string[];
}

function numberFaults(path: string, given: object, { names, least, optional = [] }: NumberRules): string[] {
  const faults = [...optionProblems(given, names, path)].map((one) => problemText([one]));
  if (typeof given !== 'object' || given === null) return faults;
  for (const [name, bound] of Object.entries(least)) {
    const value = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined && optional.includes(name)) continue;
    if (!isAtLeast(value, bound)) faults.push(`${path}.${name} must be a number of at least ${bound}, and is ${shown(value)}`);
  }
  return faults;
}

/** NaN is none: a comparison with it never holds, so a bound of it would never be reached. */
function isAtLeast(value: unknown, least: number): boolean {
  return typeof value === 'number' && value >= least;
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH)) : kindOfValue(value);
}

function childError(called: string, faults: readonly string[]): PluginError {
  return new PluginError('CHILD_INVALID', `The child${called} of a supervisor cannot work: ${faults.join('; ')}`, { phase: 'supervise' });
}

const MAX_SHOWN_LENGTH = 80;
const STRATEGIES: readonly RestartStrategy[] = ['one_for_one', 'one_for_all', 'rest_for_one'];
const RESTART_TYPES: readonly RestartType[] = ['permanent', 'transient', 'temporary'];
const APPLIES: readonly unknown[] = ['always', 'beyond-intensity'] satisfies SupervisorBackoff['applies'][];
const OPTIONS = optionNames<SupervisorOptions>({
  children: true,
  strategy: true,
  intensity: true,
  backoff: true,
  clock: true,
  random: true,
  onEscalate: true,
  onChildExit: true,
  onPause: true,
});
const INTENSITY: NumberRules = {
  names: optionNames<RestartIntensityOptions>({ maxRestarts: true, maxSeconds: true }),
  least: { maxRestarts: 0, maxSeconds: 0 },
};
const BACKOFF: NumberRules = {
  names: optionNames<SupervisorBackoff>({ initialMs: true, factor: true, maxMs: true, healthyMs: true, applies: true }),
  least: { initialMs: 0, factor: 0, maxMs: 0, healthyMs: 0 },
  optional: ['healthyMs'],
};
