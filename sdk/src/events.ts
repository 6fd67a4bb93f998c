import type { BackpressureState } from './backpressure.js';
import type { PluginState } from './plugin-status.js';
import type { ScalingMetrics } from './scalable-subsystem.js';
import type { ScalingDecision } from './scaling-decision.js';
import type { ScalingLimits } from './scaling-limits.js';

/**
 * `data` may be shed when a mailbox is full; `signal` is never shed and keeps its place in the order;
 * `control` is never shed and overtakes.
 */
export type EventClass = 'data' | 'signal' | 'control';

export interface MetricsPayload {
  readonly subsystem: string;
  readonly values: ScalingMetrics;
  readonly backpressure: BackpressureState;
  readonly limits: ScalingLimits;
}

/**
 * A report after acceptance. The command is the call `reconfigureLimits`; `from` and `to` are the ceilings it was given, what is
 * in force below them is in `metrics`.
 */
export interface ReconfigurePayload {
  readonly subsystem: string;
  readonly from: ScalingLimits;
  readonly to: ScalingLimits;
  /** Counts the accepted reconfigurations of this subsystem since the host started. */
  readonly revision: number;
  readonly decisionId: string;
  readonly reason: string;
}

export interface BackpressurePayload {
  readonly subsystem: string;
  readonly from: BackpressureState;
  readonly to: BackpressureState;
}

export interface StatusPayload {
  readonly plugin: string;
  readonly state: PluginState;
  readonly reason: string;
  readonly message: string;
  readonly since: number;
  readonly configRevision: number;
}

/** What came of a reload for one plugin. */
export interface ReloadedPlugin {
  readonly plugin: string;
  /** What was to be done: nothing, a change while it runs, a restart, other code, a start, a stop for good. */
  readonly action: 'keep' | 'live' | 'restart' | 'upgrade' | 'add' | 'remove';
  /** `refused` and `failed`: this one is why nothing was changed; `rolled-back`: it runs as before, because another one is. */
  readonly outcome: 'unchanged' | 'applied' | 'refused' | 'failed' | 'rolled-back';
  readonly code?: string;
  readonly message?: string;
}

/** A report after a reload has ended, whichever way. */
export interface ReloadPayload {
  readonly trigger: 'request' | 'signal' | 'file';
  /**
   * `invalid`: the configuration has faults and nothing was touched; `refused`: a plugin did not take it, all run as before; `failed`: as
   * refused, and at least one plugin did not come back with what it had.
   */
  readonly outcome: 'applied' | 'unchanged' | 'invalid' | 'refused' | 'failed';
  /** Of the configuration in force afterwards. */
  readonly revision: number;
  readonly message: string;
  /** Why it was not applied. */
  readonly code?: string;
  readonly plugins: readonly ReloadedPlugin[];
  /** Options whose new values wait for a restart of the host. */
  readonly needsHostRestart: readonly string[];
}

export interface ControlPayload {
  readonly kind: 'drain' | 'kill' | 'overload';
  readonly target?: string;
}

/** The topics the host knows; a plugin may publish others, which are `data` unless it says otherwise. */
export interface TopicPayloads {
  metrics: MetricsPayload;
  reconfigure: ReconfigurePayload;
  backpressure: BackpressurePayload;
  status: StatusPayload;
  reload: ReloadPayload;
  decision: ScalingDecision;
  control: ControlPayload;
}

export type PayloadOf<T extends string> = T extends keyof TopicPayloads ? TopicPayloads[T] : unknown;

/** Whether it can be the name of a topic: a letter, then letters, digits and `. _ : / -`, at most 128 characters. */
export function isTopicName(value: unknown): value is string {
  return typeof value === 'string' && TOPIC_NAME.test(value);
}

const TOPIC_NAME = /^[A-Za-z][A-Za-z0-9._:/-]{0,127}$/;

/** The class of each known topic. */
export const TOPIC_CLASSES: Readonly<Record<keyof TopicPayloads, EventClass>> = Object.freeze({
  metrics: 'data',
  reconfigure: 'signal',
  backpressure: 'signal',
  status: 'signal',
  reload: 'signal',
  decision: 'data',
  control: 'control',
});

/** The envelope: frozen, built once per publish, shared by all subscribers. `at` is ms since 1970. */
export interface BusEvent<T extends string = string> {
  readonly topic: T;
  /** Rises with every event of one host, also across topics. */
  readonly id: number;
  readonly at: number;
  /** The plugin that published it, or `host`. */
  readonly source: string;
  readonly version: 1;
  readonly payload: PayloadOf<T>;
}

/** What a subscriber of `T` hears; of `*`, events of any topic. */
export type EventOf<T extends string> = T extends '*' ? BusEvent : BusEvent<T>;
