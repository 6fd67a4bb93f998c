import type { MetricsPayload, ScalingDecision, StatusPayload } from '@bellows/sdk';
import type { HostStatus, SubsystemStatus } from '../host-view.js';
import { answerText, decisionOf } from './host-answers.js';

/** Counted from the totals of two readings. */
export interface Rates {
  readonly completedPerSecond: number;
  readonly rejectedPerSecond: number;
}

interface Track {
  readonly atMs: number;
  readonly completed: number;
  readonly rejected: number;
  /** Undefined until there are two readings. */
  readonly rates: Rates | undefined;
  /** In use, one number per reading, newest last. */
  readonly history: readonly number[];
}

export type Connection = { readonly state: 'live' } | { readonly state: 'lost'; readonly reason: string };

/** All that is known of the host; each step makes a new one. */
export interface TopData {
  readonly url: string;
  readonly connection: Connection;
  readonly status: HostStatus | undefined;
  readonly tracks: ReadonlyMap<string, Track>;
  /** CPU of the machine, 0 to 1, one number per reading. */
  readonly cpuHistory: readonly number[];
  /** Newest first. */
  readonly decisions: readonly ScalingDecision[];
}

export interface HostEvent {
  readonly topic: string;
  readonly payload: unknown;
}

/** Wider than a terminal shows. */
const HISTORY_LENGTH = 120;
const MAX_DECISIONS = 100;

export function noData(url: string): TopData {
  return { url, connection: { state: 'live' }, status: undefined, tracks: new Map(), cpuHistory: [], decisions: [] };
}

/** A reading of the whole host; `atMs` is monotonic. A host that was started again begins anew. */
export function withStatus(data: TopData, status: HostStatus, atMs: number): TopData {
  const isSame = data.status === undefined || (data.status.pid === status.pid && data.status.startedAt === status.startedAt);
  const before = isSame ? data.tracks : new Map<string, Track>();
  const tracks = new Map(status.subsystems.map((subsystem) => [subsystem.name, tracked(before.get(subsystem.name), subsystem, atMs)]));
  return {
    ...data,
    connection: { state: 'live' },
    status,
    tracks,
    cpuHistory: appended(isSame ? data.cpuHistory : [], numberOf(status.machine.cpuRatio)),
    decisions: isSame ? data.decisions : [],
  };
}

function tracked(before: Track | undefined, { metrics }: SubsystemStatus, atMs: number): Track {
  const completed = numberOf(metrics['completed.total']);
  const rejected = numberOf(metrics['rejected.total']);
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000;
  const history = appended(before?.history ?? [], numberOf(metrics.inUse));
  if (before === undefined || seconds <= 0) return { atMs, completed, rejected, rates: before?.rates, history };
  const rates = {
    completedPerSecond: Math.max(0, completed - before.completed) / seconds,
    rejectedPerSecond: Math.max(0, rejected - before.rejected) / seconds,
  };
  return { atMs, completed, rejected, rates, history };
}

/** Decisions made before; those that are known already stay once. */
export function withDecisions(data: TopData, decisions: readonly ScalingDecision[]): TopData {
  const known = new Map([...decisions, ...data.decisions].map((decision) => [decision.id, decision]));
  return { ...data, decisions: [...known.values()].sort((a, b) => numberOf(b.at) - numberOf(a.at)).slice(0, MAX_DECISIONS) };
}

/** What the host reports between two readings. Of a topic or a shape that is not known, nothing is taken. */
export function withEvent(data: TopData, { topic, payload }: HostEvent): TopData {
  if (typeof payload !== 'object' || payload === null) return data;
  switch (topic) {
    case 'decision':
      return withDecisions(data, decisionOf(payload));
    case 'metrics': {
      const { subsystem, values, backpressure, limits } = payload as MetricsPayload;
      if (typeof values !== 'object' || values === null || typeof limits !== 'object' || limits === null) return data;
      return withSubsystem(data, subsystem, { metrics: values, backpressure: answerText(backpressure), limits });
    }
    case 'backpressure': {
      const { subsystem, to } = payload as { subsystem: string; to: string };
      return withSubsystem(data, subsystem, { backpressure: answerText(to) });
    }
    case 'status':
      return withPlugin(data, payload as StatusPayload);
    default:
      return data;
  }
}

function withSubsystem(data: TopData, name: string, changes: Partial<SubsystemStatus>): TopData {
  if (data.status === undefined) return data;
  const subsystems = data.status.subsystems.map((one) => (one.name === name ? { ...one, ...changes } : one));
  return { ...data, status: { ...data.status, subsystems } };
}

function withPlugin(data: TopData, { plugin, state, reason, message, since }: StatusPayload): TopData {
  if (data.status === undefined) return data;
  const changes = { state: answerText(state) as StatusPayload['state'], reason: answerText(reason), message: answerText(message), since };
  const plugins = data.status.plugins.map((one) => (one.id === plugin ? { ...one, ...changes } : one));
  return { ...data, status: { ...data.status, plugins } };
}

export function withConnectionLost(data: TopData, reason: string): TopData {
  return { ...data, connection: { state: 'lost', reason } };
}

function appended(history: readonly number[], value: number): readonly number[] {
  return [...history, value].slice(-HISTORY_LENGTH);
}

/** A host of another version may leave something out. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
