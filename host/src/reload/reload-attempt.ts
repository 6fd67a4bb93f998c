import { type BellowsError, isKind, NotReadyError, PluginError, type ReloadedPlugin } from '@bellows/sdk';
import type { LoadedPlugin } from '../plugin-loader.js';
import type { PluginRunner } from '../plugin-runner.js';
import type { PluginSet } from '../plugin-set.js';
import { isMoved, type PluginStep, type ReloadPlan } from './plan-reload.js';

export interface AttemptOptions {
  readonly plan: ReloadPlan;
  readonly plugins: PluginSet;
  /** What runs. */
  readonly before: readonly LoadedPlugin[];
  /** What is wanted, in the order of its start. */
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly makeRunner: (plugin: LoadedPlugin) => PluginRunner;
}

export interface AttemptResult {
  /** Null when every plugin took its part. */
  readonly failure: Failure | null;
  /** Every plugin that was up before is up. Always so without a failure. */
  readonly isIntact: boolean;
  readonly plugins: readonly ReloadedPlugin[];
}

export interface Failure {
  readonly id: string;
  readonly error: BellowsError;
}

/**
 * Takes a set of plugins from one configuration to another, whole or not at all. Changes of running plugins come first, because a plugin
 * may refuse them and nothing was stopped yet; then those stop that are to be started again, dependants first, and start with what
 * is new. When one does not take its part, all that was done is undone in reverse order.
 *
 * A plugin that was up must be up afterwards, and a required one must not fail; one that was not, or is new and not required, may wait,
 * or fail without holding up the others. When the host stops meanwhile nothing more is started, and nothing undone.
 */
export class ReloadAttempt {
  readonly #options: AttemptOptions;
  readonly #before: ReadonlyMap<string, LoadedPlugin>;
  readonly #next: ReadonlyMap<string, LoadedPlugin>;
  readonly #wasUp: ReadonlySet<string>;
  readonly #faults: ReadonlyMap<string, number>;
  readonly #touched = new Set<string>();

  constructor(options: AttemptOptions) {
    const { plugins, before, waves } = options;
    this.#options = options;
    this.#before = byId(before);
    this.#next = byId(waves.flat());
    this.#wasUp = new Set(plugins.runners.filter(({ isUp }) => isUp).map(({ id }) => id));
    this.#faults = new Map(plugins.runners.map(({ id, faults }) => [id, faults]));
  }

  /** To be called once. Never rejects. */
  async run(): Promise<AttemptResult> {
    const { plan, plugins } = this.#options;
    const taken: PluginStep[] = [];
    let failure: Failure | null = null;
    for (const step of plan.steps.filter(({ action }) => action === 'live')) {
      failure = await this.#changeLive(step);
      if (failure !== null) break;
      taken.push(step);
    }
    const moved = plan.steps.filter(isMoved);
    if (failure === null && moved.length > 0) {
      const arranged = plugins.waves;
      failure = await this.#move(moved);
      if (failure !== null) await this.#moveBack(moved, arranged);
    }
    if (failure !== null) {
      for (const step of taken.toReversed()) await this.#changeBack(step);
      await looseErrorsToCome();
    }
    const result = { failure, isIntact: this.#isIntact(), plugins: plan.steps.map((step) => this.#told(step, failure)) };
    plugins.release(this.#touched);
    return result;
  }

  async #changeLive(step: PluginStep): Promise<Failure | null> {
    const { id } = step;
    const runner = this.#runner(id);
    const outcome = await runner.reconfigure(this.#nextOf(id), step.changed);
    await looseErrorsToCome();
    const loose = this.#looseFault(runner);
    if (outcome.isTaken && loose === undefined) return null;
    const error = outcome.isTaken ? (loose as BellowsError) : outcome.error;
    if (!this.#options.plugins.isStopping) {
      if (outcome.isTaken) await this.#changeBack(step);
      else if (!outcome.isIntact) await this.#restartAsBefore(id);
      this.#runner(id).noteFailure(error);
    }
    return { id, error };
  }

  /** Asks for the old configuration; a plugin that does not take that is started again with it. */
  async #changeBack({ id, changed }: PluginStep): Promise<void> {
    // It may have been started again meanwhile, with the configuration of before, for the sake of one it needs.
    if (this.#options.plugins.isStopping || this.#runner(id).loaded === this.#beforeOf(id)) return;
    const outcome = await this.#runner(id).reconfigure(this.#beforeOf(id), changed);
    if (!outcome.isTaken) await this.#restartAsBefore(id);
  }

  async #restartAsBefore(id: string): Promise<void> {
    const { plugins } = this.#options;
    const ids = plugins.withDependants([id]);
    for (const touched of ids) this.#touched.add(touched);
    await plugins.suspend(ids, 'ROLLING_BACK');
    await plugins.resume(ids, (runner) => runner.renew(this.#beforeOf(runner.id)));
  }

  async #move(moved: readonly PluginStep[]): Promise<Failure | null> {
    const { plugins, waves, makeRunner } = this.#options;
    for (const { id } of moved) this.#touched.add(id);
    const leaving = idsOf(moved, ['remove']);
    await plugins.suspend(idsOf(moved, ['remove', 'restart', 'upgrade']), 'RELOADING', leaving);
    plugins.arrange(waves.map((wave) => wave.map((plugin) => plugins.runner(plugin.id) ?? makeRunner(plugin))));
    const coming = idsOf(moved, ['add', 'restart', 'upgrade']);
    await plugins.resume(coming, (runner) => runner.renew(this.#nextOf(runner.id)));
    await looseErrorsToCome();
    for (const { id } of moved) {
      // then what is new was not put in, and what was stopped does not come back
      if (plugins.isStopping) return { id, error: new NotReadyError('HOST_STOPPING', 'the host stops', { plugin: id, phase: 'reload' }) };
      const error = coming.has(id) ? this.#whyNotUp(id) : undefined;
      if (error !== undefined) return { id, error };
    }
    return null;
  }

  async #moveBack(moved: readonly PluginStep[], waves: PluginSet['waves']): Promise<void> {
    const { plugins } = this.#options;
    if (plugins.isStopping) return;
    await plugins.suspend(idsOf(moved, ['add', 'restart', 'upgrade']), 'ROLLING_BACK', idsOf(moved, ['add']));
    plugins.arrange(waves);
    await plugins.resume(idsOf(moved, ['remove', 'restart', 'upgrade']), (runner) => runner.renew(this.#beforeOf(runner.id)));
  }

  /** Undefined where what has become of it is no reason to go back. */
  #whyNotUp(id: string): BellowsError | undefined {
    const { plugins } = this.#options;
    const runner = this.#runner(id);
    const isNeeded = this.#wasUp.has(id) || this.#nextOf(id).entry.required;
    if (runner.isUp) return isNeeded ? this.#looseFault(runner) : undefined;
    if (!this.#wasUp.has(id) && !(isNeeded && plugins.isLost(runner))) return undefined;
    const { reason, message } = runner.status;
    return plugins.errorOf(id) ?? new PluginError(reason, message, { plugin: id, phase: 'activate' });
  }

  #looseFault({ id, faults, lastFault }: PluginRunner): BellowsError | undefined {
    if (faults === (this.#faults.get(id) ?? 0)) return undefined;
    return new PluginError('UNCAUGHT_ERROR', lastFault, { plugin: id, phase: 'reconfigure' });
  }

  #isIntact(): boolean {
    const { plugins } = this.#options;
    return [...this.#wasUp].every((id) => plugins.runner(id)?.isUp ?? !this.#next.has(id));
  }

  #told({ id, action }: PluginStep, failure: Failure | null): ReloadedPlugin {
    const told = { plugin: id, action };
    if (failure?.id === id) {
      const { code, message } = failure.error;
      const runner = this.#options.plugins.runner(id);
      const isBack = runner === undefined ? !this.#before.has(id) : runner.isUp;
      return { ...told, outcome: isKind(failure.error, 'refused') && isBack ? 'refused' : 'failed', code, message };
    }
    if (action === 'keep') return { ...told, outcome: 'unchanged' };
    const runner = this.#options.plugins.runner(id);
    const isDown = runner !== undefined && !runner.isUp;
    const why = isDown ? { code: runner.status.reason, message: runner.status.message } : {};
    if (failure === null) return { ...told, outcome: 'applied', ...why };
    return { ...told, outcome: isDown && this.#wasUp.has(id) ? 'failed' : 'rolled-back', ...why };
  }

  #runner(id: string): PluginRunner {
    return this.#options.plugins.runner(id) as PluginRunner;
  }

  #nextOf(id: string): LoadedPlugin {
    return this.#next.get(id) as LoadedPlugin;
  }

  #beforeOf(id: string): LoadedPlugin {
    return this.#before.get(id) as LoadedPlugin;
  }
}

/** An error that nobody awaited is told in the next turn of the event loop. */
function looseErrorsToCome(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function byId(plugins: readonly LoadedPlugin[]): ReadonlyMap<string, LoadedPlugin> {
  return new Map(plugins.map((plugin) => [plugin.id, plugin]));
}

function idsOf(steps: readonly PluginStep[], actions: readonly PluginStep['action'][]): ReadonlySet<string> {
  return new Set(steps.filter(({ action }) => actions.includes(action)).map(({ id }) => id));
}
