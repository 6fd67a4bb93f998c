import type { MachineSample, PluginStatus, ScalingDecision } from '@bellows/sdk';
import type { HostStatus, SubsystemStatus } from '../../../src/host-view.js';
import type { HostEvent } from './host-event.js';

/** `locked`: the host wants a token and this browser has none that it knows. */
export type ConnectionPhase = 'connecting' | 'live' | 'lost' | 'locked';

export interface Connection {
  readonly phase: ConnectionPhase;
  /** When that began, by the clock of the browser. */
  readonly since: number;
  /** While it is lost: when the next attempt is made. */
  readonly retryAt?: number;
  readonly message?: string;
}

/** What of the status does not change while a host runs. */
export type HostFacts = Omit<HostStatus, 'machine' | 'subsystems' | 'plugins'>;

/** A subsystem, and how old each part of it is: parts come by the status and by several topics, in no certain order. */
export interface Subsystem extends Omit<SubsystemStatus, 'lastDecision'> {
  readonly metricsAt: number;
  readonly backpressureAt: number;
  readonly ceilingAt: number;
}

export interface HostState {
  readonly connection: Connection;
  readonly host: HostFacts | undefined;
  readonly machine: MachineSample | undefined;
  readonly plugins: readonly PluginStatus[];
  readonly subsystems: readonly Subsystem[];
  /** Newest first, at most `MAX_DECISIONS`. */
  readonly decisions: readonly ScalingDecision[];
  /** Where a stream goes on. */
  readonly lastEventId: number | undefined;
  /** How often events were missed. */
  readonly gaps: number;
  /** Events that were none. */
  readonly unreadable: number;
}

export type HostAction =
  | { readonly type: 'status'; readonly status: HostStatus }
  | { readonly type: 'decisions'; readonly decisions: readonly ScalingDecision[] }
  | { readonly type: 'event'; readonly event: HostEvent }
  | { readonly type: 'gap' }
  | { readonly type: 'unreadable'; readonly count: number }
  | { readonly type: 'connection'; readonly connection: Connection };

export const MAX_DECISIONS = 500;
/** A host has a handful; a plugin that invents names must not fill the page. */
export const MAX_SUBSYSTEMS = 64;

export const NOTHING_KNOWN: HostState = Object.freeze({
  connection: Object.freeze({ phase: 'connecting', since: 0 }) as Connection,
  host: undefined,
  machine: undefined,
  plugins: [],
  subsystems: [],
  decisions: [],
  lastEventId: undefined,
  gaps: 0,
  unreadable: 0,
});
