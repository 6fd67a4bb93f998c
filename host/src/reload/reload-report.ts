import { type BellowsError, type ErrorDetail, PluginError, type PluginStatus, RefusedError, type ReloadPayload } from '@bellows/sdk';
import { configError } from '../config-error.js';
import type { ConfigChange } from './config-changes.js';
import type { PluginStep, ReloadPlan } from './plan-reload.js';
import type { AttemptResult } from './reload-attempt.js';

/** How a reload ended, for whoever asked for it. Secrets are not in it. */
export interface ReloadReport extends ReloadPayload {
  /** ms since 1970 of its end. */
  readonly at: number;
  readonly durationMs: number;
  readonly changes: readonly ConfigChange[];
  /** Every fault of an `invalid` configuration. */
  readonly problems: readonly ErrorDetail[];
}

/** What a reload would do now. */
export interface ReloadPreview {
  readonly problems: readonly ErrorDetail[];
  readonly changes: readonly ConfigChange[];
  readonly steps: readonly PluginStep[];
  readonly needsHostRestart: readonly string[];
}

type Told = Pick<ReloadReport, 'outcome' | 'message' | 'code' | 'plugins' | 'needsHostRestart' | 'changes' | 'problems'>;

export function invalidReport(problems: readonly ErrorDetail[], file: string): Told {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const [first] = problems;
  return {
    outcome: 'invalid',
    code: 'CONFIG_INVALID',
    message: `${file} has ${count}; nothing was changed${first === undefined ? '' : `: ${first.path}: ${first.message}`}`,
    plugins: [],
    needsHostRestart: [],
    changes: [],
    problems,
  };
}

/** What is so after an attempt. */
interface Standing {
  readonly revision: number;
  /** Plugins that are not up, whatever they were before. */
  readonly down: readonly PluginStatus[];
}

export function attemptReport(plan: ReloadPlan, result: AttemptResult, { revision, down }: Standing): Told {
  const { failure, isIntact, plugins } = result;
  const waiting = needingHostRestart(plan);
  const told = { plugins, changes: plan.changes, problems: [], needsHostRestart: waiting };
  if (failure === null) {
    const outcome = isEffective(plan) ? 'applied' : 'unchanged';
    const done =
      outcome === 'applied'
        ? `revision ${revision} is in force: ${deedsOf(plan)}`
        : `nothing to change; revision ${revision} stays in force`;
    const hint = waiting.length === 0 ? '' : `; ${waiting.join(', ')} ${waiting.length === 1 ? 'waits' : 'wait'} for a restart of the host`;
    const missing = down.length === 0 ? '' : `; not up: ${down.map(({ id, state, reason }) => `${id} (${state}, ${reason})`).join(', ')}`;
    return { ...told, outcome, message: `${done}${hint}${missing}` };
  }
  const { id, error } = failure;
  const lost = plugins.filter(({ plugin, outcome }) => outcome === 'failed' && plugin !== id).map(({ plugin }) => plugin);
  const after = isIntact ? 'everything runs as before' : `but not everything came back${lost.length === 0 ? '' : `: ${lost.join(', ')}`}`;
  return {
    ...told,
    outcome: isIntact ? 'refused' : 'failed',
    code: error.code,
    message: `${id} did not take it: ${error.message}; revision ${revision} stays in force, ${after}`,
  };
}

/** For who asked for a reload that was not applied: what is to be done about it. */
export function reloadError({ outcome, message, plugins, problems, revision }: ReloadReport, file: string): BellowsError | undefined {
  if (outcome === 'applied' || outcome === 'unchanged') return undefined;
  if (outcome === 'invalid') return configError(problems, file, 'changed');
  const details = plugins.flatMap(({ plugin, message: why = '', outcome: how }) =>
    how === 'refused' || how === 'failed' ? [{ path: `plugins.${plugin}`, message: why }] : [],
  );
  const options = { phase: 'reload', details, data: { revision } };
  const text = `Nothing was changed: ${message}`;
  return outcome === 'refused' ? new RefusedError('RELOAD_REFUSED', text, options) : new PluginError('RELOAD_FAILED', text, options);
}

/** Whether anything is done that can be seen. */
export function isEffective({ changes, steps }: ReloadPlan): boolean {
  return steps.some(({ action }) => action !== 'keep') || changes.some(({ effect }) => effect !== 'host-restart');
}

export function needingHostRestart({ changes }: Pick<ReloadPlan, 'changes'>): readonly string[] {
  return changes.filter(({ effect }) => effect === 'host-restart').map(({ path }) => path);
}

const DEEDS: Readonly<Record<Exclude<PluginStep['action'], 'keep'>, string>> = {
  live: 'changed',
  restart: 'started again',
  upgrade: 'upgraded',
  add: 'added',
  remove: 'removed',
};

function deedsOf({ steps, changes }: ReloadPlan): string {
  const deeds = steps.flatMap(({ id, action }) => (action === 'keep' ? [] : [`${id} ${DEEDS[action]}`]));
  const isHostChanged = changes.some(({ path, effect }) => effect === 'live' && !path.startsWith('plugins.'));
  return [...deeds, ...(isHostChanged ? ['the host changed'] : [])].join(', ') || 'options of plugins that concern the host';
}
