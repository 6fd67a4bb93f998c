import type { IClock } from './clock.js';
import type { Drainable, DrainOutcome } from './drain-queue.js';
import type { Subscription, SubscriptionStats } from './event-bus-contract.js';
import type { BusEvent, EventClass } from './events.js';
import { Inbox } from './inbox.js';
import type { MailboxOptions } from './mailbox.js';
import { PercentileSketch } from './percentile-sketch.js';
import type { TopicLog } from './topic-log.js';

/** One event on its way, shared by all its subscribers. */
export interface Delivery {
  readonly event: BusEvent;
  readonly key: string;
  readonly publishedAtMs: number;
  readonly counts: DeliveryCounts;
  /** It came over a bridge; no bridge carries it on, so that none goes round in circles. */
  readonly carried: boolean;
}

/** Who is offered events: called in the middle of a publish, so it must neither throw nor call anyone. */
export interface Subscriber {
  /**
   * Answers up to which length of the topic's log it need not be called again, because it takes what comes from there: 0 for one that
   * must hear of every event.
   */
  offer(delivery: Delivery): number;
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

/** What all subscriptions need of their bus. */
export interface SubscriptionHost {
  readonly clock: Pick<IClock, 'monotonicMs'>;
  /** There is something to deliver and no handler call under way. */
  ready(subscription: BusSubscription): void;
  /** A handler's promise has settled; follows `ready` when more waits. */
  awaitedEnded(): void;
  /** Must not throw. */
  failed(subscription: BusSubscription, topic: string, error: unknown): void;
  left(subscription: BusSubscription): void;
}

export interface BusSubscriptionOptions extends MailboxOptions {
  readonly topic: string;
  readonly owner: string;
  readonly class?: EventClass;
  /** Of the topic; `*` has none. */
  readonly log: TopicLog<Delivery> | undefined;
  /** Called after the bus was told, again when unsubscribed again. */
  onLeave(subscription: BusSubscription): void;
}

/** How far back the 99th percentile of the wait looks. */
const WAIT_WINDOW_MS = 60_000;

/** One subscriber: its inbox, its handler, one call at a time. */
export class BusSubscription implements Subscription, Subscriber, Drainable {
  readonly topic: string;
  readonly owner: string;
  readonly #host: SubscriptionHost;
  readonly #handler: EventHandler;
  readonly #class: EventClass | undefined;
  readonly #onLeave: (subscription: BusSubscription) => void;
  readonly #inbox: Inbox;
  /** Made with the first delivery: most subscriptions are idle. */
  #waits: PercentileSketch | undefined;
  /** The first of the events taken since the batch began, and how many they are. */
  #oldest: Delivery | undefined;
  #taken = 0;
  #state: 'idle' | 'ready' | 'handling' | 'closed' = 'idle';
  #delivered = 0;
  #errors = 0;

  constructor(host: SubscriptionHost, options: BusSubscriptionOptions, handler: EventHandler) {
    this.#host = host;
    this.#handler = handler;
    this.topic = options.topic;
    this.owner = options.owner;
    this.#class = options.class;
    this.#onLeave = options.onLeave;
    this.#inbox = new Inbox(options, options.class === undefined ? options.log : undefined);
  }

  offer(delivery: Delivery): number {
    if (!this.#takes(delivery)) return 0;
    this.#inbox.offer(delivery);
    this.#noteWaiting();
    return this.#inbox.quietUntil;
  }

  /** As {@link offer}, for what was published before it came, before anything else is offered. */
  replay(delivery: Delivery): void {
    if (!this.#takes(delivery)) return;
    this.#inbox.replay(delivery);
    this.#noteWaiting();
  }

  /** Hands events to the handler. After `waiting` and `empty` the subscription reports itself ready when it is again. */
  deliver(limit: number): DrainOutcome {
    if (this.#state !== 'ready') return 'empty';
    this.#state = 'handling';
    let taken = 0;
    let ended: boolean;
    do {
      const delivery = this.#inbox.take();
      if (taken === 0) this.#oldest ??= delivery;
      taken += 1;
      ended = this.#handle(delivery);
    } while (ended && taken < limit && this.#state === 'handling' && this.#inbox.depth > 0);
    this.#taken += taken;
    if (!ended) return 'waiting';
    return this.#continues() ? 'again' : 'empty';
  }

  /** Of a batch the oldest speaks for all, so that what is told of waits is never less than they were. */
  batchEnded(startedMs: number): void {
    if (this.#oldest === undefined) return;
    const waitMs = Math.max(0, startedMs - this.#oldest.publishedAtMs);
    this.#waits ??= new PercentileSketch({ windowMs: WAIT_WINDOW_MS, clock: this.#host.clock });
    this.#waits.record(waitMs, startedMs, this.#taken);
    this.#oldest = undefined;
    this.#taken = 0;
  }

  unsubscribe(): void {
    // all of it every time: at the end of a stack a call can fail half-way, and the next one must do what that left undone
    this.#inbox.clear();
    this.#state = 'closed';
    this.#host.left(this);
    this.#onLeave(this);
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  stats(): SubscriptionStats {
    return {
      delivered: this.#delivered,
      dropped: this.#inbox.dropped,
      errors: this.#errors,
      depth: this.#inbox.depth,
      maxDepth: this.#inbox.maxDepth,
      p99WaitMs: this.#waits?.percentile(0.99) ?? 0,
    };
  }

  #takes({ counts }: Delivery): boolean {
    return this.#state !== 'closed' && (this.#class === undefined || this.#class === counts.class);
  }

  #noteWaiting(): void {
    if (this.#state !== 'idle' || this.#inbox.depth === 0) return;
    // in this order: a publisher at the end of its stack can make the call fail, which may leave no one deaf
    this.#host.ready(this);
    this.#state = 'ready';
  }

  /** Answers false when the call goes on and its promise is awaited. */
  #handle(delivery: Delivery): boolean {
    try {
      const result: unknown = this.#handler(delivery.event);
      if (isThenable(result)) {
        void this.#awaitEnd(delivery, result);
        return false;
      }
      this.#count(delivery);
    } catch (error) {
      this.#count(delivery, { error });
    }
    return true;
  }

  /** `await` and not `then`: whatever a thenable does, it ends at most once and never throws at us. */
  async #awaitEnd(delivery: Delivery, result: PromiseLike<unknown>): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    try {
      await result;
    } catch (error) {
      failure = { error };
    }
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
    this.#state = this.#inbox.depth > 0 ? 'ready' : 'idle';
    return this.#state === 'ready';
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  return value !== null && 'then' in value && typeof value.then === 'function';
}
