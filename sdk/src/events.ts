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
  decision: ScalingDecision;
  control: ControlPayload;
}

export type PayloadOf<T extends string> = T extends keyof TopicPayloads ? TopicPayloads[T] : unknown;

/** The class of each known topic. */
export const TOPIC_CLASSES: Readonly<Record<keyof TopicPayloads, EventClass>> = Object.freeze({
  metrics: 'data',
  reconfigure: 'signal',
  backpressure: 'signal',
  status: 'signal',
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
