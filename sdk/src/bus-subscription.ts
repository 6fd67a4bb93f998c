import type { IClock } from './clock.js';
import type { Drainable, DrainOutcome } from './drain-queue.js';
import type { Subscription, SubscriptionStats } from './event-bus-contract.js';
import type { BusEvent, EventClass } from './events.js';
import { Mailbox, type MailboxOptions } from './mailbox.js';
import { PercentileSketch } from './percentile-sketch.js';

/** One event on its way, shared by all its subscribers. */
export interface Delivery {
  readonly event: BusEvent;
  readonly eventClass: EventClass;
  readonly key: string;
  readonly publishedAtMs: number;
  readonly counts: DeliveryCounts;
}

/** Of one topic and class; the bus reads them, subscriptions add to them. */
export interface DeliveryCounts {
  readonly topic: string;
  readonly class: EventClass;
  delivered: number;
  dropped: number;
  errors: number;
}

export type EventHandler = (event: BusEvent) => void | Promise<void>;

/** What a subscription needs of its bus. */
export interface SubscriptionHost {
  readonly clock: Pick<IClock, 'monotonicMs'>;
  /** There is something to deliver and no handler call under way. */
  ready(subscription: BusSubscription): void;
  /** A handler's promise has settled; follows `ready` when more waits. */
  awaitedEnded(): void;
  failed(subscription: BusSubscription, topic: string, error: unknown): void;
  left(subscription: BusSubscription): void;
}

export interface BusSubscriptionOptions extends MailboxOptions {
  readonly topic: string;
  readonly owner: string;
  readonly class?: EventClass;
}

/** How far back the 99th percentile of the wait looks. */
const WAIT_WINDOW_MS = 60_000;

/** One subscriber: its mailbox, its handler, one call at a time. */
export class BusSubscription implements Subscription, Drainable {
  readonly topic: string;
  readonly owner: string;
  readonly #host: SubscriptionHost;
  readonly #handler: EventHandler;
  readonly #class: EventClass | undefined;
  readonly #mailbox: Mailbox<Delivery>;
  /** Made with the first delivery: most subscriptions are idle. */
  #waits: PercentileSketch | undefined;
  #state: 'idle' | 'ready' | 'handling' | 'closed' = 'idle';
  #delivered = 0;
  #errors = 0;

  constructor(host: SubscriptionHost, options: BusSubscriptionOptions, handler: EventHandler) {
    this.#host = host;
    this.#handler = handler;
    this.topic = options.topic;
    this.owner = options.owner;
    this.#class = options.class;
    this.#mailbox = new Mailbox(options);
  }

  offer(delivery: Delivery): void {
    if (this.#state === 'closed' || (this.#class !== undefined && this.#class !== delivery.eventClass)) return;
    const shed = this.#mailbox.offer(delivery, delivery.eventClass, delivery.key);
    if (shed !== undefined) shed.counts.dropped += 1;
    if (this.#state !== 'idle' || this.#mailbox.depth === 0) return;
    this.#state = 'ready';
    this.#host.ready(this);
  }

  /** Hands the next event to the handler. After `waiting` and `empty` the subscription reports itself ready when it is again. */
  deliverNext(nowMs: number): DrainOutcome {
    if (this.#state !== 'ready') return 'empty';
    const delivery = this.#mailbox.take();
    if (delivery === undefined) {
      this.#state = 'idle';
      return 'empty';
    }
    this.#recordWait(delivery, nowMs);
    this.#state = 'handling';
    const pending = this.#call(delivery);
    if (pending === undefined) return this.#continues() ? 'again' : 'empty';
    pending.then(
      () => this.#ended(delivery),
      (error: unknown) => this.#ended(delivery, { error }),
    );
    return 'waiting';
  }

  unsubscribe(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#mailbox.clear();
    this.#host.left(this);
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  stats(): SubscriptionStats {
    return {
      delivered: this.#delivered,
      dropped: this.#mailbox.dropped,
      errors: this.#errors,
      depth: this.#mailbox.depth,
      maxDepth: this.#mailbox.maxDepth,
      p99WaitMs: this.#waits?.percentile(0.99) ?? 0,
    };
  }

  /** The promise to wait for, or `undefined` when the call has ended. */
  #call(delivery: Delivery): Promise<unknown> | undefined {
    try {
      const result: unknown = this.#handler(delivery.event);
      if (isThenable(result)) return Promise.resolve(result);
      this.#count(delivery);
    } catch (error) {
      this.#count(delivery, { error });
    }
    return undefined;
  }

  #ended(delivery: Delivery, failure?: { readonly error: unknown }): void {
    this.#count(delivery, failure);
    if (this.#continues()) this.#host.ready(this);
    this.#host.awaitedEnded();
  }

  #count(delivery: Delivery, failure?: { readonly error: unknown }): void {
    this.#delivered += 1;
    delivery.counts.delivered += 1;
    if (failure === undefined) return;
    this.#errors += 1;
    delivery.counts.errors += 1;
    this.#host.failed(this, delivery.event.topic, failure.error);
  }

  #continues(): boolean {
    if (this.#state !== 'handling') return false; // it was unsubscribed meanwhile
    this.#state = this.#mailbox.depth > 0 ? 'ready' : 'idle';
    return this.#state === 'ready';
  }

  #recordWait({ publishedAtMs }: Delivery, nowMs: number): void {
    this.#waits ??= new PercentileSketch({ windowMs: WAIT_WINDOW_MS, clock: this.#host.clock });
    this.#waits.record(Math.max(0, nowMs - publishedAtMs), nowMs);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
