import type { PluginStatus, ScalingDecision } from '@bellows/sdk';
import type { HostStatus, SubsystemStatus } from '../../../src/host-view.js';
import type { CeilingChange, HostEvent } from './host-event.js';
import { type HostAction, type HostState, MAX_DECISIONS, MAX_SUBSYSTEMS, type Subsystem } from './host-state.js';

/** A status this much older than the one before comes of a clock that was set back: what it says is the newest there is. */
const CLOCK_SLACK_MS = 1_000;

/**
 * What is known after this. Pure. Events may come twice, late and in any order (a stream that resumes overlaps, control overtakes):
 * the newest of each part counts, so the outcome is the same.
 */
export function reduce(state: HostState, action: HostAction): HostState {
  switch (action.type) {
    case 'status':
      return withStatus(state, action.status);
    case 'decisions':
      return withDecisions(state, action.decisions);
    case 'event':
      return withEvent(state, action.event);
    case 'gap':
      return { ...state, gaps: state.gaps + 1 };
    case 'unreadable':
      return action.count === 0 ? state : { ...state, unreadable: state.unreadable + action.count };
    case 'connection':
      return { ...state, connection: action.connection };
  }
}

/** Whether this status is of another run of a host than what is known: then event ids begin again. */
export function isOtherRun({ host }: HostState, status: Pick<HostStatus, 'pid' | 'startedAt'>): boolean {
  return host !== undefined && (host.startedAt !== status.startedAt || host.pid !== status.pid);
}

function withStatus(before: HostState, status: HostStatus): HostState {
  const { machine, subsystems, plugins, ...host } = status;
  const state = isOtherRun(before, status)
    ? { ...before, plugins: [], subsystems: [], decisions: [], lastEventId: undefined, gaps: 0, unreadable: 0 }
    : before;
  const wentBack = state.machine !== undefined && machine.at < state.machine.at - CLOCK_SLACK_MS;
  const known = new Map(wentBack ? [] : state.subsystems.map((subsystem) => [subsystem.name, subsystem]));
  const plugin = new Map(state.plugins.map((one) => [one.id, one]));
  const listed = subsystems.slice(0, MAX_SUBSYSTEMS);
  const lasts = listed.flatMap(({ lastDecision }) => (lastDecision === undefined ? [] : [lastDecision]));
  return withDecisions(
    {
      ...state,
      host,
      machine,
      plugins: plugins.map((one) => newerPlugin(one, plugin.get(one.id))),
      subsystems: listed.map((one) => merged(one, known.get(one.name), machine.at)),
    },
    lasts,
  );
}

/** A status was made at some moment; what events of later moments have said stays. */
function merged(given: SubsystemStatus, known: Subsystem | undefined, at: number): Subsystem {
  const { lastDecision: _kept, ...status } = given;
  const fresh = { ...status, metricsAt: at, backpressureAt: at, ceilingAt: at };
  if (known === undefined) return fresh;
  const { metrics, limits, metricsAt, backpressure, backpressureAt, ceiling, ceilingAt } = known;
  return {
    ...fresh,
    ...(metricsAt > at ? { metrics, limits, metricsAt } : {}),
    ...(backpressureAt > at ? { backpressure, backpressureAt } : {}),
    ...(ceilingAt > at ? { ceiling, ceilingAt } : {}),
  };
}

function newerPlugin(given: PluginStatus, known: PluginStatus | undefined): PluginStatus {
  if (known === undefined || known.since <= given.since) return given;
  const { state, reason, message, since, configRevision } = known;
  return { ...given, state, reason, message, since, configRevision };
}

function withEvent(before: HostState, event: HostEvent): HostState {
  const lastEventId = Math.max(before.lastEventId ?? 0, event.id);
  const state = lastEventId === before.lastEventId ? before : { ...before, lastEventId };
  switch (event.topic) {
    case 'decision':
      return withDecisions(state, [event.payload]);
    case 'status':
      return withPluginState(state, event.payload);
    case 'metrics': {
      const { subsystem, values, limits, backpressure } = event.payload;
      return withSubsystem(state, subsystem, (one) => ({
        ...one,
        ...(event.at > one.metricsAt ? { metrics: values, limits: { ...one.limits, ...limits }, metricsAt: event.at } : {}),
        ...(event.at > one.backpressureAt ? { backpressure, backpressureAt: event.at } : {}),
      }));
    }
    case 'backpressure': {
      const { subsystem, to } = event.payload;
      return withSubsystem(state, subsystem, (one) =>
        event.at > one.backpressureAt ? { ...one, backpressure: to, backpressureAt: event.at } : one,
      );
    }
    case 'reconfigure':
      return withCeiling(state, event.payload, event.at);
  }
}

function withCeiling(state: HostState, { subsystem, ceiling }: CeilingChange, at: number): HostState {
  return withSubsystem(state, subsystem, (one) => (at > one.ceilingAt ? { ...one, ceiling, ceilingAt: at } : one));
}

/** Of a subsystem that is not known yet, the next status tells. */
function withSubsystem(state: HostState, name: string, change: (one: Subsystem) => Subsystem): HostState {
  const index = state.subsystems.findIndex((one) => one.name === name);
  const known = state.subsystems[index];
  return known === undefined ? state : { ...state, subsystems: state.subsystems.with(index, change(known)) };
}

function withPluginState(state: HostState, payload: (HostEvent & { topic: 'status' })['payload']): HostState {
  const { plugin, ...status } = payload;
  const index = state.plugins.findIndex(({ id }) => id === plugin);
  const known = state.plugins[index];
  if (known === undefined || known.since > status.since) return state;
  return { ...state, plugins: state.plugins.with(index, { ...known, ...status }) };
}

function withDecisions(state: HostState, given: readonly ScalingDecision[]): HostState {
  const ids = new Set(state.decisions.map(({ id }) => id));
  const fresh = given.filter(({ id }) => !ids.has(id) && ids.add(id));
  if (fresh.length === 0) return state;
  const decisions = [...fresh, ...state.decisions].sort(newestFirst).slice(0, MAX_DECISIONS);
  return { ...state, decisions };
}

/** Of one moment, the one that was counted later: `d12` after `d9`. */
function newestFirst(a: ScalingDecision, b: ScalingDecision): number {
  return b.at - a.at || b.id.length - a.id.length || (a.id < b.id ? 1 : -1);
}
