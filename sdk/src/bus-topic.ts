import type { Delivery, DeliveryCounts } from './bus-subscription.js';
import { InputError } from './errors.js';
import { type EventClass, TOPIC_CLASSES } from './events.js';
import { SubscriberList } from './subscriber-list.js';

/** What the bus knows of one topic. */
export interface TopicState {
  /** Of a topic of the contract, whatever its publishers say. */
  readonly knownClass: EventClass | undefined;
  readonly subscribers: SubscriberList;
  /** Newest event of each key, the key heard of last at the end. */
  readonly latest: Map<string, Kept>;
  newest: Kept | undefined;
  readonly counts: { [K in EventClass]?: DeliveryCounts };
}

/** Of a topic that {@link checkTopic} has let pass. */
export function newTopic(topic: string): TopicState {
  return {
    knownClass: Object.hasOwn(TOPIC_CLASSES, topic) ? TOPIC_CLASSES[topic as keyof typeof TOPIC_CLASSES] : undefined,
    subscribers: new SubscriberList(),
    latest: new Map(),
    newest: undefined,
    counts: {},
  };
}

/** `InputError` for what is no name of a topic, and for one topic too many. */
export function checkTopic(topic: string, known: number): void {
  if (typeof topic !== 'string' || !TOPIC_NAME.test(topic)) {
    const rule = 'a letter, then letters, digits and . _ : / -, at most 128 characters';
    const shown = typeof topic === 'string' ? JSON.stringify(topic.slice(0, MAX_TOPIC_LENGTH)) : `A value of type ${typeof topic}`;
    throw new InputError('TOPIC_INVALID', `${shown} is no topic: use ${rule}`);
  }
  if (known >= MAX_TOPICS) {
    throw new InputError(
      'TOPIC_LIMIT',
      `The bus knows ${known} topics and takes no more, refused ${topic}: use one topic and put what differs into the key`,
    );
  }
}

export function countsOf(state: TopicState, topic: string, eventClass: EventClass): DeliveryCounts {
  return (state.counts[eventClass] ??= { topic, class: eventClass, delivered: 0, dropped: 0, errors: 0 });
}

export function keepLatest(state: TopicState, delivery: Delivery): void {
  const { latest, newest } = state;
  if (newest !== undefined && newest.delivery.key === delivery.key) {
    newest.delivery = delivery;
    return;
  }
  const kept = { delivery };
  state.newest = kept;
  latest.delete(delivery.key);
  latest.set(delivery.key, kept);
  if (latest.size > MAX_LATEST_KEYS) latest.delete(latest.keys().next().value as string);
}

/** Freezes the payload and answers the key it gives itself. `InputError` for one that throws meanwhile. */
export function readyPayload(topic: string, payload: unknown): string {
  try {
    freezePayload(payload);
    return keyOf(payload);
  } catch (error) {
    const text = `The payload of an event of ${topic} cannot be frozen or read: publish plain data`;
    throw new InputError('PAYLOAD_INVALID', text, { cause: error });
  }
}

function keyOf(payload: unknown): string {
  if (typeof payload !== 'object' || payload === null) return '';
  const { subsystem, plugin } = payload as { readonly subsystem?: unknown; readonly plugin?: unknown };
  if (typeof subsystem === 'string') return subsystem;
  return typeof plugin === 'string' ? plugin : '';
}

function freezePayload<P>(payload: P): P {
  // an array buffer view with elements cannot be frozen: Object.freeze throws
  return ArrayBuffer.isView(payload) ? payload : Object.freeze(payload);
}

/** Of one key; changed in place where the same key follows itself, because moving it to the end costs as much as a delivery. */
interface Kept {
  delivery: Delivery;
}

/** Bounds what a publisher that invents topics or keys (one per job, say) can make the bus remember. */
const MAX_TOPICS = 1_024;
const MAX_LATEST_KEYS = 1_024;
const MAX_TOPIC_LENGTH = 128;
const TOPIC_NAME = /^[A-Za-z][A-Za-z0-9._:/-]{0,127}$/;
