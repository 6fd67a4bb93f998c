import { demandOptionNames } from './demand-option-names.js';
import { InputError } from './errors.js';
import type { MailboxPolicy } from './event-bus-contract.js';
import type { EventClass } from './events.js';
import { Fifo } from './fifo.js';
import { optionNames } from './known-options.js';

/** Enough for a second of lively topics; at most 8 kB of slots when full. */
export const DEFAULT_MAILBOX_CAPACITY = 1_024;

const POLICIES: ReadonlySet<MailboxPolicy> = new Set(['drop-newest', 'drop-oldest', 'conflate']);

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
  readonly #data = new Fifo<T | Conflated<T>>();
  /** These are made when needed: few mailboxes see more than data. */
  #signals: Fifo<T> | undefined;
  /** For each signal the place in the data before which it comes out. */
  #signalPlaces: Fifo<number> | undefined;
  #control: Fifo<T> | undefined;
  /** How many signals and controls wait. */
  #unsheddable = 0;
  /** The newest data of each key that waits; only for `conflate`. */
  #waiting: Map<string, Conflated<T>> | undefined;
  /** The largest of the places of signals. */
  #lastSignalPlace = 0;
  #maxDepth = 0;
  #dropped = 0;

  /** `InputError` as of {@link readMailboxOptions}, and (`MAILBOX_OPTIONS_INVALID`) for options that are unknown. */
  constructor(options: MailboxOptions = {}) {
    demandMailboxNames(options, OPTIONS, 'A mailbox');
    const { policy, capacity } = readMailboxOptions(options);
    this.#policy = policy;
    this.#capacity = capacity;
  }

  /** Everything waiting, of all classes. */
  get depth(): number {
    return this.#data.length + this.#unsheddable;
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
    if (eventClass === 'data') return this.#policy === 'conflate' ? this.#conflate(item, key) : this.#offerData(item, item);
    if (eventClass === 'control') {
      this.#control ??= new Fifo();
      this.#control.push(item);
    } else {
      this.#signals ??= new Fifo();
      this.#signalPlaces ??= new Fifo();
      this.#lastSignalPlace = this.#data.headPlace + this.#data.length;
      this.#signals.push(item);
      this.#signalPlaces.push(this.#lastSignalPlace);
    }
    this.#unsheddable += 1;
    this.#noteDepth();
    return undefined;
  }

  /** The next one: control first, then data and signals in the order of the offers. */
  take(): T | undefined {
    return (this.#unsheddable > 0 ? this.#takeUnsheddable() : undefined) ?? this.#takeData();
  }

  /** Forgets everything waiting; it is not counted as dropped. */
  clear(): void {
    this.#data.clear();
    this.#signals = undefined;
    this.#signalPlaces = undefined;
    this.#control = undefined;
    this.#waiting = undefined;
    this.#unsheddable = 0;
  }

  #offerData(entry: T | Conflated<T>, item: T): T | undefined {
    let shed: T | undefined;
    if (this.#data.length >= this.#capacity) {
      this.#dropped += 1;
      if (this.#policy === 'drop-newest') return item;
      shed = this.#takeData();
    }
    this.#data.push(entry);
    this.#noteDepth();
    return shed;
  }

  #conflate(item: T, key: string): T | undefined {
    this.#waiting ??= new Map();
    const waiting = this.#waiting.get(key);
    // a signal offered after the waiting item stands between the two: the new one has to queue behind it
    if (waiting !== undefined && waiting.place >= this.#lastSignalPlace) {
      this.#dropped += 1;
      const replaced = waiting.item;
      waiting.item = item;
      return replaced;
    }
    const entry = new Conflated(item, key, this.#data.headPlace + this.#data.length);
    const shed = this.#offerData(entry, item);
    this.#waiting.set(key, entry);
    return shed;
  }

  #takeUnsheddable(): T | undefined {
    if (this.#control !== undefined && this.#control.length > 0) {
      this.#unsheddable -= 1;
      return this.#control.shift();
    }
    const place = this.#signalPlaces?.peek();
    if (place === undefined || place > this.#data.headPlace) return undefined;
    this.#unsheddable -= 1;
    this.#signalPlaces?.shift();
    return this.#signals?.shift();
  }

  #takeData(): T | undefined {
    const entry = this.#data.shift();
    if (!(this.#policy === 'conflate' && entry instanceof Conflated)) return entry as T | undefined;
    if (this.#waiting?.get(entry.key) === entry) this.#waiting.delete(entry.key);
    return entry.item;
  }

  #noteDepth(): void {
    const depth = this.depth;
    if (depth > this.#maxDepth) this.#maxDepth = depth;
  }
}

/**
 * `InputError` (`MAILBOX_CAPACITY_INVALID`) unless the capacity is a whole number of at least 1, or `Infinity`, and
 * (`MAILBOX_POLICY_INVALID`) for what is no policy.
 */
export function readMailboxOptions({
  policy = 'drop-newest',
  capacity = DEFAULT_MAILBOX_CAPACITY,
}: MailboxOptions): Required<MailboxOptions> {
  if (capacity !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(capacity) || capacity < 1)) {
    throw new InputError(
      'MAILBOX_CAPACITY_INVALID',
      `A mailbox got capacity ${String(capacity)}: give a whole number of at least 1, or Infinity`,
    );
  }
  if (!POLICIES.has(policy)) {
    const shown = typeof policy === 'string' ? JSON.stringify(String(policy).slice(0, 40)) : `a value of type ${typeof policy}`;
    throw new InputError('MAILBOX_POLICY_INVALID', `A mailbox got the policy ${shown}: use ${[...POLICIES].join(', ')}`);
  }
  return { policy, capacity };
}

/** `InputError` (`MAILBOX_OPTIONS_INVALID`) for options of `whose` that are none of `known`. */
export function demandMailboxNames(options: object, known: readonly string[], whose: string): void {
  demandOptionNames(options, { known, fault: (text) => new InputError('MAILBOX_OPTIONS_INVALID', `${whose} cannot work: ${text}`) });
}

const OPTIONS = optionNames<MailboxOptions>({ policy: true, capacity: true });

/** Data that a newer one of the same key may still replace. */
class Conflated<T> {
  item: T;
  readonly key: string;
  readonly place: number;

  constructor(item: T, key: string, place: number) {
    this.item = item;
    this.key = key;
    this.place = place;
  }
}
