import { isEventClass, isOfContract, MAX_KEY_LENGTH } from './bus-topic.js';
import type { BusEvent, EventClass } from './events.js';
import { TOPIC_CLASSES } from './events.js';

/** An event as it goes over a port: arrays, because cloning writes the names of an object's fields again for each of them. */
export type CarriedEvent = readonly [
  topic: string,
  id: number,
  at: number,
  source: string,
  eventClass: EventClass,
  key: string,
  payload: unknown,
];

/**
 * What the two sides of a bridge say. Each message has the mark, so that a channel may carry other messages too.
 *
 *   open    I am here; you may send events up to the `limit`th. With `answer`, say the same to me.
 *   events  some events, and how many I have shed since the beginning
 *   credit  you may send events up to the `limit`th, counted from the beginning
 *   close   I carry nothing any more
 */
export type BridgeFrame =
  | { readonly kind: 'open'; readonly limit: number; readonly answer: boolean }
  | { readonly kind: 'events'; readonly events: readonly CarriedEvent[]; readonly dropped: number }
  | { readonly kind: 'credit'; readonly limit: number }
  | { readonly kind: 'close' };

/** A message ready to be posted. */
export function frameMessage(frame: BridgeFrame): unknown {
  return { [MARK]: VERSION, ...frame };
}

/** Answers `foreign` for a message that is none of a bridge, `malformed` for one that pretends to be. Never throws. */
export function parseFrame(message: unknown): BridgeFrame | 'foreign' | 'malformed' {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, MARK)) return 'foreign';
  const frame = message as Readonly<Record<string, unknown>>;
  if (frame[MARK] !== VERSION) return 'malformed';
  const { kind, limit, answer, events, dropped } = frame;
  if (kind === 'close') return { kind };
  if (kind === 'credit' && isCount(limit)) return { kind, limit };
  if (kind === 'open' && isCount(limit) && typeof answer === 'boolean') return { kind, limit, answer };
  if (kind === 'events' && isCount(dropped) && Array.isArray(events) && events.every(isCarriedEvent)) return { kind, events, dropped };
  return 'malformed';
}

export function carriedEvent(event: BusEvent, eventClass: EventClass, key: string): CarriedEvent {
  return [event.topic, event.id, event.at, event.source, eventClass, key, event.payload];
}

const MARK = 'bellows/bus';
const VERSION = 1;

function isCarriedEvent(value: unknown): value is CarriedEvent {
  if (!Array.isArray(value) || value.length !== 7) return false;
  const [topic, id, at, source, eventClass, key] = value;
  return (
    typeof topic === 'string' &&
    isCount(id) &&
    Number.isFinite(at) &&
    typeof source === 'string' &&
    isEventClass(eventClass) &&
    (!isOfContract(topic) || TOPIC_CLASSES[topic] === eventClass) &&
    typeof key === 'string' &&
    key.length <= MAX_KEY_LENGTH
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
