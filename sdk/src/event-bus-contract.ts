import type { Observable } from 'rxjs';
import type { BridgeOptions, BusBridge, BusPort } from './bus-bridge-contract.js';
import type { BusEvent, EventClass, EventOf, PayloadOf } from './events.js';

/**
 * What a full mailbox does with one more `data` event. `conflate` keeps the newest per key from the start: it takes the place of
 * the one still waiting, so that a slow subscriber hears of every key; with more keys than capacity the oldest is dropped.
 */
export type MailboxPolicy = 'drop-newest' | 'drop-oldest' | 'conflate';

export interface SubscribeOptions {
  /** Default `drop-newest`; `conflate` for the topic `metrics`. */
  readonly policy?: MailboxPolicy;
  /** How many events may wait. Default 1,024; `Infinity` is allowed and means what it says. */
  readonly capacity?: number;
  /** Takes only events of this class. */
  readonly class?: EventClass;
  /** Who subscribes; shown in counters and logs. Plugins need not set it. */
  readonly owner?: string;
  /** Begins with the newest event of each key that was published before, oldest first: for those who come late. Default false. */
  readonly replayLatest?: boolean;
}

export interface SubscriptionStats {
  readonly delivered: number;
  readonly dropped: number;
  readonly errors: number;
  readonly depth: number;
  readonly maxDepth: number;
  /** 99th percentile of the time between publish and handler, ms. May be told up to 1 ms too long, and longer for events handled in one batch. */
  readonly p99WaitMs: number;
}

export interface Subscription extends Disposable {
  /** Takes effect at once: no handler call begins afterwards. Twice is fine. */
  unsubscribe(): void;
  stats(): SubscriptionStats;
}

export interface PublishOptions<T extends string> {
  readonly topic: T;
  readonly payload: PayloadOf<T>;
  /** For `latest` and conflation, at most 1,024 characters; default: `payload.subsystem` or `payload.plugin` where there is one. */
  readonly key?: string;
  /** For topics the host does not know; known topics have theirs. */
  readonly class?: EventClass;
}

/** `delivered` counts handler calls that ended, `errors` those that threw or rejected. */
export interface BusCounters {
  readonly topic: string;
  readonly class: EventClass;
  readonly delivered: number;
  readonly dropped: number;
  readonly errors: number;
}

/**
 * Events between plugins and host, each subscriber isolated from the publisher and from every other subscriber:
 * - a subscriber's events arrive in publish order, one at a time; the next one waits for the promise of the last;
 * - publishing never throws because of a subscriber and never waits for one;
 * - a handler that throws or rejects stays subscribed and is counted;
 * - an event published inside a handler reaches everyone after the event being handled;
 * - mailboxes are bounded; what is shed is counted, `signal` and `control` never are: a subscriber that is slower than these come fills
 *   the memory, so let it take `data` only.
 */
export interface IEventBus {
  /**
   * Freezes the payload (one level) and returns the envelope. `InputError`, before anybody hears of it, for a topic that is no name or one
   * more than the 1,024 a source may name, for a class or key that is none, or a payload that resists.
   */
  publish<T extends string>(event: PublishOptions<T>): BusEvent<T>;
  /** `topic` may be `'*'`. The handler is not called before this returns. `InputError` for options that are unknown or have no meaning. */
  subscribe<T extends string>(topic: T, options: SubscribeOptions, handler: (event: EventOf<T>) => void | Promise<void>): Subscription;
  /** The newest event of a topic (and key), without subscribing. */
  latest<T extends string>(topic: T, key?: string): BusEvent<T> | undefined;
  /**
   * The RxJS view of a mailbox. Isolation, order and bound hold up to the subscriber of this Observable; they end where the
   * first asynchronous operator begins, because its buffer is RxJS's own and unbounded. What a subscriber of it throws is reported and
   * hurts nobody; an operator that throws ends that pipeline for good. What `subscribe` refuses is the error of the Observable.
   */
  observe<T extends string>(topic: T, options?: SubscribeOptions): Observable<EventOf<T>>;
  /**
   * Carries events to and from a bus in another thread or process, which calls this too. The bridge is closed when the port is, and with
   * everything else that this source has subscribed. `InputError` for options that have no meaning and for sources a plugin may not name.
   */
  bridge(port: BusPort, options: BridgeOptions): BusBridge;
  counters(): readonly BusCounters[];
}
