import { InputError } from './errors.js';
import type { MailboxPolicy } from './event-bus-contract.js';
import type { EventClass } from './events.js';
import { Ring } from './ring.js';

/** Enough for a second of lively topics; at most 8 kB of slots when full. */
export const DEFAULT_MAILBOX_CAPACITY = 1_024;

export interface MailboxOptions {
  /** Default `drop-newest`. */
  readonly policy?: MailboxPolicy;
  /** How many items of class `data` may wait. Default 1,024. */
  readonly capacity?: number;
}

/**
 * A bounded queue of three classes in one order:
 * - `data` is bounded: what a full mailbox does with one more is its policy;
 * - `signal` is never shed, does not count against the capacity and keeps its place among the data;
 * - `control` is never shed and comes out before everything else.
 *
 * `conflate` keeps the newest item of each key in the place of the oldest one still waiting, so that no key starves; an item never
 * moves ahead of a signal offered before it, and a signal keeps the last item before it. More keys than capacity drop the oldest.
 */
export class Mailbox<T> {
  readonly #policy: MailboxPolicy;
  readonly #capacity: number;
  readonly #data = new Ring<Keyed<T>>();
  /** `after`: the place in the data before which the signal comes out. */
  #signals: Ring<{ readonly item: T; readonly after: number }> | undefined;
  #control: Ring<T> | undefined;
  /** Place of the oldest data; places count up from 0 and are never used twice. */
  #headPlace = 0;
  /** Where the newest item of each key waits; only for `conflate`. */
  #placeOfKey: Map<string, number> | undefined;
  /** The largest `after` of the signals. */
  #lastSignalAfter = 0;
  #depth = 0;
  #maxDepth = 0;
  #dropped = 0;

  /** `InputError` (`MAILBOX_CAPACITY_INVALID`) unless the capacity is a whole number of at least 1, or `Infinity`. */
  constructor({ policy = 'drop-newest', capacity = DEFAULT_MAILBOX_CAPACITY }: MailboxOptions = {}) {
    if (capacity !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(capacity) || capacity < 1)) {
      throw new InputError(
        'MAILBOX_CAPACITY_INVALID',
        `A mailbox got capacity ${String(capacity)}: give a whole number of at least 1, or Infinity`,
      );
    }
    this.#policy = policy;
    this.#capacity = capacity;
  }

  /** Everything waiting, of all classes. */
  get depth(): number {
    return this.#depth;
  }

  get maxDepth(): number {
    return this.#maxDepth;
  }

  /** Data shed or replaced. Always: offered = taken + dropped + depth, until `clear`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Answers the item that was shed for it: an older one, the item itself, or `undefined` when there was room. */
  offer(item: T, eventClass: EventClass, key = ''): T | undefined {
    if (eventClass === 'data') return this.#offerData({ item, key });
    if (eventClass === 'control') {
      this.#control ??= new Ring();
      this.#control.push(item);
    } else {
      this.#signals ??= new Ring();
      this.#lastSignalAfter = this.#headPlace + this.#data.length;
      this.#signals.push({ item, after: this.#lastSignalAfter });
    }
    this.#count(1);
    return undefined;
  }

  /** The next one: control first, then data and signals in the order of the offers. */
  take(): T | undefined {
    if (this.#depth === 0) return undefined;
    this.#count(-1);
    if (this.#control !== undefined && this.#control.length > 0) return this.#control.shift();
    const signal = this.#signals?.peek();
    if (signal !== undefined && signal.after <= this.#headPlace) return this.#signals?.shift()?.item;
    return this.#shiftData()?.item;
  }

  /** Forgets everything waiting; it is not counted as dropped. */
  clear(): void {
    this.#headPlace += this.#data.length;
    this.#data.clear();
    this.#signals = undefined;
    this.#control = undefined;
    this.#placeOfKey = undefined;
    this.#depth = 0;
  }

  #offerData(entry: Keyed<T>): T | undefined {
    if (this.#policy === 'conflate') {
      const place = this.#placeOfKey?.get(entry.key);
      // a signal offered after the waiting item stands between the two: the new one has to queue behind it
      if (place !== undefined && place >= this.#lastSignalAfter) {
        this.#dropped += 1;
        return this.#data.replace(place - this.#headPlace, entry)?.item;
      }
    }
    let shed: T | undefined;
    if (this.#data.length >= this.#capacity) {
      this.#dropped += 1;
      if (this.#policy === 'drop-newest') return entry.item;
      shed = this.#shiftData()?.item;
      this.#count(-1);
    }
    if (this.#policy === 'conflate') {
      this.#placeOfKey ??= new Map();
      this.#placeOfKey.set(entry.key, this.#headPlace + this.#data.length);
    }
    this.#data.push(entry);
    this.#count(1);
    return shed;
  }

  #shiftData(): Keyed<T> | undefined {
    const entry = this.#data.shift();
    if (entry !== undefined && this.#placeOfKey?.get(entry.key) === this.#headPlace) this.#placeOfKey.delete(entry.key);
    this.#headPlace += 1;
    return entry;
  }

  #count(change: 1 | -1): void {
    this.#depth += change;
    if (this.#depth > this.#maxDepth) this.#maxDepth = this.#depth;
  }
}

interface Keyed<T> {
  readonly item: T;
  readonly key: string;
}
