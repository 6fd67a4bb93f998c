import type { Delivery, DeliveryCounts } from './bus-subscription.js';
import { InputError } from './errors.js';
import { type EventClass, isTopicName, TOPIC_CLASSES } from './events.js';
import { SubscriberList } from './subscriber-list.js';
import { TopicLog } from './topic-log.js';

/** What the bus knows of one topic. */
export interface TopicState {
  readonly topic: string;
  /** Of a topic of the contract, whatever its publishers say. */
  readonly knownClass: EventClass | undefined;
  readonly subscribers: SubscriberList;
  readonly log: TopicLog<Delivery>;
  /** Up to this length of the log its followers need to hear of nothing that is published. */
  quietUntil: number;
  /** Newest event of each key, the key heard of last at the end. */
  readonly latest: Map<string, Kept>;
  newest: Kept | undefined;
  readonly counts: Map<EventClass, DeliveryCounts>;
  /** The one asked for last: nearly always the only one. */
  lastCounts: DeliveryCounts | undefined;
}

/** Of a topic that {@link checkTopic} has let pass. */
export function newTopic(topic: string): TopicState {
  return {
    topic,
    knownClass: isOfContract(topic) ? TOPIC_CLASSES[topic] : undefined,
    subscribers: new SubscriberList(),
    log: new TopicLog(),
    quietUntil: 0,
    latest: new Map(),
    newest: undefined,
    counts: new Map(),
    lastCounts: undefined,
  };
}

export function isOfContract(topic: string): topic is keyof typeof TOPIC_CLASSES {
  return Object.hasOwn(TOPIC_CLASSES, topic);
}

/** `InputError` for what is no name of a topic, and for one topic more than a source may name, which has named so many of its own. */
export function checkTopic(topic: string, source: string, named: number): void {
  if (!isTopicName(topic)) {
    const rule = 'a letter, then letters, digits and . _ : / -, at most 128 characters';
    const given: unknown = topic;
    const shown = typeof given === 'string' ? shortened(given) : `A value of type ${typeof given}`;
    throw new InputError('TOPIC_INVALID', `${shown} is no topic: use ${rule}`);
  }
  if (named >= MAX_TOPICS && !isOfContract(topic)) {
    throw new InputError(
      'TOPIC_LIMIT',
      `${source} has named ${named} topics and may name no more, refused ${topic}: use one topic and put what differs into the key`,
    );
  }
}

export function isEventClass(value: unknown): value is EventClass {
  return CLASSES.includes(value as EventClass);
}

/** `InputError` for what is no class. */
export function checkClass(eventClass: EventClass): void {
  if (isEventClass(eventClass)) return;
  const shown = typeof eventClass === 'string' ? shortened(eventClass) : `A value of type ${typeof eventClass}`;
  throw new InputError('EVENT_CLASS_INVALID', `${shown} is no class of events: use data, signal or control`);
}

/** `InputError` for what is no key: the newest event of many keys is kept, and a bridge carries them. */
export function checkKey(topic: string, key: string): void {
  if (typeof key === 'string' && key.length <= MAX_KEY_LENGTH) return;
  const what = typeof key === 'string' ? `is ${key.length} characters long` : `has the type ${typeof key}`;
  const rule = `give a text of at most ${MAX_KEY_LENGTH} characters, as \`key\` or as \`subsystem\` or \`plugin\` of the payload`;
  throw new InputError('EVENT_KEY_INVALID', `The key of an event of ${topic} ${what}: ${rule}`);
}

/** `InputError` for what is no class. */
export function countsOf(state: TopicState, topic: string, eventClass: EventClass): DeliveryCounts {
  const last = state.lastCounts;
  if (last !== undefined && last.class === eventClass) return last;
  const counts = state.counts.get(eventClass) ?? newCounts(state, topic, eventClass);
  state.lastCounts = counts;
  return counts;
}

export function keepLatest(state: TopicState, delivery: Delivery): void {
  const { latest, newest } = state;
  if (newest !== undefined && newest.delivery.key === delivery.key) {
    newest.delivery = delivery;
    return;
  }
  const kept = { delivery };
  latest.delete(delivery.key);
  latest.set(delivery.key, kept);
  // last: a publisher at the end of its stack can make the call before fail, and what is newest must be in the map
  state.newest = kept;
  if (latest.size > MAX_LATEST_KEYS) latest.delete(latest.keys().next().value as string);
}

/** Those who follow the log are asked again only when one of them has no room for more, or is to hear of something first. */
export function deliver(state: TopicState, delivery: Delivery): void {
  const { log } = state;
  const subscribers = state.subscribers.all();
  if (log.followers > 0) {
    log.append(delivery);
    const isQuiet = log.followers === subscribers.length && log.length <= state.quietUntil;
    if (isQuiet && delivery.counts.class !== 'control') return;
  }
  // first: a publisher at the end of its stack can make an offer fail, and then all must be asked again
  state.quietUntil = 0;
  let quietUntil = Number.POSITIVE_INFINITY;
  for (const subscriber of subscribers) quietUntil = Math.min(quietUntil, subscriber.offer(delivery));
  state.quietUntil = quietUntil;
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

function newCounts(state: TopicState, topic: string, eventClass: EventClass): DeliveryCounts {
  checkClass(eventClass);
  // our own text: V8 compares one that was read or cloned letter by letter, at every delivery
  const ownClass = CLASSES[CLASSES.indexOf(eventClass)] as EventClass;
  const counts = { topic, class: ownClass, delivered: 0, dropped: 0, errors: 0 };
  state.counts.set(ownClass, counts);
  return counts;
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

function shortened(text: string): string {
  return JSON.stringify(text.slice(0, MAX_TOPIC_LENGTH));
}

/** A key of `MAX_LATEST_KEYS` for each topic is kept: none may be a book. */
export const MAX_KEY_LENGTH = 1_024;
/** Bounds what a publisher that invents topics or keys (one per job, say) can make the bus remember; for each source, as none may use up another's. */
const MAX_TOPICS = 1_024;
const MAX_LATEST_KEYS = 1_024;
const MAX_TOPIC_LENGTH = 128;
const CLASSES: readonly EventClass[] = ['data', 'signal', 'control'];
