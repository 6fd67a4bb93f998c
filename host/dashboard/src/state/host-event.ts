import type {
  BackpressurePayload,
  BackpressureState,
  LimitedBy,
  MetricsPayload,
  PluginState,
  ScalingDecision,
  StatusPayload,
} from '@bellows/sdk';
import type { StreamBlock } from './sse-parser.js';

/** What the page does with an event of the bus, checked: whatever a plugin publishes, the rest of the page sees these shapes only. */
export type HostEvent =
  | { readonly topic: 'metrics'; readonly id: number; readonly at: number; readonly payload: MetricsPayload }
  | { readonly topic: 'backpressure'; readonly id: number; readonly at: number; readonly payload: BackpressurePayload }
  | { readonly topic: 'status'; readonly id: number; readonly at: number; readonly payload: StatusPayload }
  | { readonly topic: 'decision'; readonly id: number; readonly at: number; readonly payload: ScalingDecision }
  | { readonly topic: 'reconfigure'; readonly id: number; readonly at: number; readonly payload: CeilingChange };

export interface CeilingChange {
  readonly subsystem: string;
  readonly revision: number;
  readonly ceiling: number;
}

/** What is asked of `/v1/events`. */
export const TOPICS = ['metrics', 'backpressure', 'status', 'decision', 'reconfigure'] as const;

/** Numbers of one subsystem; more are left out. */
const MAX_METRICS = 200;
/** Longer texts are cut: a row is no place for them, and five hundred decisions are kept. */
const MAX_TEXT = 8_000;

/** Undefined for what is no event this page knows, or has not the shape of one. Never throws. */
export function hostEventOf({ event, data }: StreamBlock): HostEvent | undefined {
  if (!(TOPICS as readonly string[]).includes(event)) return undefined;
  let envelope: unknown;
  try {
    envelope = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (!isRecord(envelope) || !isRecord(envelope.payload) || envelope.topic !== event) return undefined;
  const { id, at, payload } = envelope;
  if (!isNumber(id) || !isNumber(at)) return undefined;
  const known = PAYLOADS[event as HostEvent['topic']](payload);
  return known === undefined ? undefined : ({ topic: event, id, at, payload: known } as HostEvent);
}

/** A decision as `/v1/decisions` or an event has it; undefined when it is none. */
export function decisionOf(given: unknown): ScalingDecision | undefined {
  if (!isRecord(given)) return undefined;
  const { id, subsystem, from, to, reason, limitedBy, at, outcome, error } = given;
  if (!isText(id) || !isText(subsystem) || !isNumber(from) || !isNumber(to) || !isNumber(at)) return undefined;
  if (outcome !== 'applied' && outcome !== 'refused' && outcome !== 'none') return undefined;
  return {
    id: cut(id),
    subsystem: cut(subsystem),
    from,
    to,
    at,
    outcome,
    reason: cut(isText(reason) ? reason : ''),
    limitedBy: cut(isText(limitedBy) ? limitedBy : '') as LimitedBy,
    ...(isText(error) ? { error: cut(error) } : {}),
    inputs: isRecord(given.inputs) ? numbersOf(given.inputs) : {},
  };
}

const PAYLOADS: { readonly [T in HostEvent['topic']]: (payload: Readonly<Record<string, unknown>>) => unknown } = {
  decision: decisionOf,
  metrics: ({ subsystem, values, backpressure, limits }) => {
    if (!isText(subsystem) || !isRecord(values) || !isText(backpressure) || !isRecord(limits)) return undefined;
    return { subsystem: cut(subsystem), values: numbersOf(values), backpressure: cut(backpressure), limits: numbersOf(limits) };
  },
  backpressure: ({ subsystem, from, to }) => {
    if (!isText(subsystem) || !isText(from) || !isText(to)) return undefined;
    return { subsystem: cut(subsystem), from: cut(from) as BackpressureState, to: cut(to) as BackpressureState };
  },
  status: ({ plugin, state, reason, message, since, configRevision }) => {
    if (!isText(plugin) || !isText(state) || !isText(reason) || !isText(message) || !isNumber(since)) return undefined;
    const revision = isNumber(configRevision) ? configRevision : 0;
    return {
      plugin: cut(plugin),
      state: cut(state) as PluginState,
      reason: cut(reason),
      message: cut(message),
      since,
      configRevision: revision,
    };
  },
  reconfigure: ({ subsystem, revision, to }) => {
    if (!isText(subsystem) || !isNumber(revision) || !isRecord(to) || !isNumber(to.maxConcurrentOperations)) return undefined;
    return { subsystem: cut(subsystem), revision, ceiling: to.maxConcurrentOperations };
  },
};

function numbersOf(given: Readonly<Record<string, unknown>>): Record<string, number> {
  const numbers = Object.entries(given).filter((entry): entry is [string, number] => isNumber(entry[1]));
  return Object.fromEntries(numbers.slice(0, MAX_METRICS).map(([name, value]) => [cut(name), value]));
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
