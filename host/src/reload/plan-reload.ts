import type { LoadedPlugin } from '../plugin-loader.js';
import { joinPath } from '../value-path.js';
import { type ComparedConfig, type ConfigChange, configChanges } from './config-changes.js';

/**
 * What happens to one plugin. `keep`: nothing, but time-outs and the like are read anew; `live`: it is asked to take the change over;
 * `restart`: the same code with another configuration, or for the sake of a plugin it needs; `upgrade`: other code.
 */
export type PluginAction = 'keep' | 'live' | 'restart' | 'upgrade' | 'add' | 'remove';

export interface PluginStep {
  readonly id: string;
  readonly action: PluginAction;
  /** Paths of the options that differ, inside the plugin's configuration. */
  readonly changed: readonly string[];
  /** For people: why not less than this is done. */
  readonly why: string;
}

export interface ReloadPlan {
  /** Every plugin of both configurations: those that go first, the others in the order of their start. */
  readonly steps: readonly PluginStep[];
  readonly changes: readonly ConfigChange[];
}

/** One side of a reload: a configuration with its plugins in the order of their start. */
export interface PlannedConfig extends ComparedConfig {
  readonly loaded: readonly LoadedPlugin[];
}

/**
 * Decides how a host gets from what it runs to what is wanted, with as little as possible stopped. Pure. `takesLive`: which plugins are up
 * and take changes over without a restart. Code is the same when it is the same object: a changed folder is loaded from another place.
 */
export function planReload(running: PlannedConfig, next: PlannedConfig, takesLive: (id: string) => boolean): ReloadPlan {
  const changes = configChanges(running, next);
  const before = new Map(running.loaded.map((plugin) => [plugin.id, plugin]));
  const after = new Map(next.loaded.map((plugin) => [plugin.id, plugin]));
  const gone = running.loaded
    .filter(({ id }) => !after.has(id))
    .map(({ id }) => ({ id, action: 'remove', changed: [], why: 'it is not configured any more' }) as const);
  const steps = new Map<string, PluginStep>(gone.map((step) => [step.id, step]));
  for (const plugin of next.loaded) {
    const own = ownStep(plugin, before.get(plugin.id), { changes, takesLive });
    steps.set(plugin.id, own.action === 'keep' || own.action === 'live' ? (forcedStep(own, plugin, steps) ?? own) : own);
  }
  return { steps: [...steps.values()], changes };
}

interface Told {
  readonly changes: readonly ConfigChange[];
  readonly takesLive: (id: string) => boolean;
}

function ownStep(plugin: LoadedPlugin, old: LoadedPlugin | undefined, { changes, takesLive }: Told): PluginStep {
  const { id } = plugin;
  if (old === undefined) return { id, action: 'add', changed: [], why: 'it is new' };
  const base = joinPath('plugins', [id]);
  const own = changes.filter(({ path }) => path.startsWith(`${base}.`));
  const options = joinPath(base, ['config']);
  const changed = own.filter(({ path }) => path.startsWith(`${options}.`)).map(({ path }) => path.slice(options.length + 1));
  if (plugin.plugin !== old.plugin) {
    const versions = [old, plugin].map(({ source }) => source.manifest.version);
    const why = versions[0] === versions[1] ? `other code of version ${versions[0]}` : `version ${versions[0]} → ${versions[1]}`;
    return { id, action: 'upgrade', changed, why };
  }
  const hard = own.find(({ effect }) => effect === 'plugin-restart');
  if (hard !== undefined) return { id, action: 'restart', changed, why: `${hard.path} is not changed live` };
  if (plugin.configFolder !== old.configFolder)
    return { id, action: 'restart', changed, why: 'its relative paths are meant from another folder' };
  if (changed.length === 0) return { id, action: 'keep', changed, why: 'nothing of it differs' };
  if (takesLive(id)) return { id, action: 'live', changed, why: 'every option that differs is changed live' };
  return { id, action: 'restart', changed, why: 'it takes no live changes now' };
}

/** What a plugin needs is active before it starts and until it has stopped: it cannot stay up while that is exchanged. */
function forcedStep(own: PluginStep, { needs }: LoadedPlugin, steps: ReadonlyMap<string, PluginStep>): PluginStep | undefined {
  const moved = needs.find((need) => isMoved(steps.get(need)));
  return moved === undefined ? undefined : { ...own, action: 'restart', why: `it needs ${moved}, which is started again` };
}

/** Whether it is stopped, or started, in the course of the reload. */
export function isMoved(step: PluginStep | undefined): boolean {
  return step !== undefined && step.action !== 'keep' && step.action !== 'live';
}
