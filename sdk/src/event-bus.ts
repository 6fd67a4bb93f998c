import type { Observable } from 'rxjs';
import { demandBridgeOptions } from './bridge-demands.js';
import { PortBridge } from './bus-bridge.js';
import type { BridgeOptions, BusBridge, BusPort } from './bus-bridge-contract.js';
import { BusSubscription, type Delivery, type EventHandler, type Subscriber, type SubscriptionHost } from './bus-subscription.js';
import { checkKey, checkTopic, countsOf, deliver, isOfContract, keepLatest, newTopic, readyPayload, type TopicState } from './bus-topic.js';
import type { IClock } from './clock.js';
import { DrainQueue } from './drain-queue.js';
import { InputError } from './errors.js';
import type { BusCounters, IEventBus, PublishOptions, SubscribeOptions, Subscription } from './event-bus-contract.js';
import type { BusEvent, EventClass, EventOf } from './events.js';
import { type OnLeave, type SharedBus, SourceBus } from './source-bus.js';
import { demandSubscribeOptions } from './subscribe-demands.js';
import { SubscriberList } from './subscriber-list.js';

export interface EventBusOptions {
  readonly clock: Pick<IClock, 'now' | 'monotonicMs'>;
  /** What events published directly on the bus carry as `source`, and the owner of its subscriptions. */
  readonly source: string;
  /** The id of the first event is one more; ids are in order also beside those of an earlier bus that ended lower. Default 0. */
  readonly lastId?: number;
  /** A handler threw or rejected. What this throws is ignored. */
  onHandlerError?(owner: string, topic: string, error: unknown): void;
  /** Every handler is called through this, with the source that subscribed it, because the call happens in the wake of a publisher. */
  runAs?<T>(source: string, call: () => T): T;
}

/**
 * The bus of one process; see {@link IEventBus} for what it promises. Handlers never run inside `publish`: publishing puts the
 * event into the log of its topic or into mailboxes, and subscribers are given what waits for them after the current code has run, about
 * 1 ms at a time, so that timers and connections stay on time however much is published.
 */
export class EventBus implements IEventBus, SharedBus {
  readonly #options: EventBusOptions;
  readonly #drain: DrainQueue;
  readonly #topics = new Map<string, TopicState>();
  /** The topic asked for last, because events of one come in bursts. */
  #lastTopic: TopicState | undefined;
  /** How many topics that are not of the contract each source has named first. */
  readonly #named = new Map<string, number>();
  /** Subscribers of `*`. */
  readonly #everything = new SubscriberList();
  readonly #sources = new Map<string, Set<SourceBus>>();
  readonly #own: SourceBus;
  readonly #subscriptionHost: SubscriptionHost;
  #lastId: number;
  #lastAt = Number.NaN;
  #lastAtMonotonicMs = 0;

  constructor(options: EventBusOptions) {
    this.#options = options;
    this.#lastId = options.lastId ?? 0;
    this.#drain = new DrainQueue(options.clock);
    this.#subscriptionHost = {
      clock: options.clock,
      ready: (subscription) => this.#drain.add(subscription),
      awaitedEnded: () => this.#drain.awaitedEnded(),
      failed: ({ owner }, topic, error) => this.reportError(owner, topic, error),
      left: (subscription) => this.#subscribersOf(subscription.topic, options.source).delete(subscription),
    };
    this.#own = new SourceBus(this, options.source);
  }

  publish<T extends string>(event: PublishOptions<T>): BusEvent<T> {
    return this.#own.publish(event);
  }

  subscribe<T extends string>(topic: T, options: SubscribeOptions, handler: (event: EventOf<T>) => void | Promise<void>): Subscription {
    return this.#own.subscribe(topic, options, handler);
  }

  /** Kept for the last 1,024 keys of a topic. */
  latest<T extends string>(topic: T, key?: string): BusEvent<T> | undefined {
    const state = this.#topics.get(topic);
    const kept = key === undefined ? state?.newest : state?.latest.get(key);
    return kept?.delivery.event as BusEvent<T> | undefined;
  }

  observe<T extends string>(topic: T, options: SubscribeOptions = {}): Observable<EventOf<T>> {
    return this.#own.observe(topic, options);
  }

  bridge(port: BusPort, options: BridgeOptions): BusBridge {
    return this.#own.bridge(port, options);
  }

  counters(): readonly BusCounters[] {
    return [...this.#topics.values()].flatMap(({ counts }) => [...counts.values()].map((count) => ({ ...count })));
  }

  /**
   * The bus as `id` sees it: events carry `id` as their source, subscriptions belong to it. Every call gives a view of its own;
   * `closeSource(id)` closes all that were given before, not those given later.
   */
  forSource(id: string): IEventBus {
    const view = new SourceBus(this, id);
    const views = this.#sources.get(id) ?? new Set();
    this.#sources.set(id, views.add(view));
    return view;
  }

  /** Unsubscribes all that `id` subscribed. Afterwards its views deliver nothing in either direction and never throw. */
  closeSource(id: string): void {
    for (const view of this.#sources.get(id) ?? []) view.close();
    this.#sources.delete(id);
  }

  /** Unsubscribes everyone; what is published or subscribed afterwards comes to nothing. Twice is fine. */
  close(): void {
    for (const id of [...this.#sources.keys()]) this.closeSource(id);
    this.#own.close();
  }

  /** Resolves when nothing waits and no handler is running. A handler that never ends keeps it waiting. */
  idle(): Promise<void> {
    return this.#drain.idle();
  }

  /** For views. `deliver` false builds the event only. */
  publishFrom<T extends string>(source: string, options: PublishOptions<T>, deliver: boolean): BusEvent<T> {
    const { topic, payload } = options;
    const state = this.#topic(topic, source);
    const ownKey = readyPayload(topic, payload);
    const key = options.key ?? ownKey;
    checkKey(topic, key);
    const at = this.#options.clock.now();
    const id = (this.#lastId += 1);
    const event = Object.freeze({ topic, id, at, source, version: 1 as const, payload });
    if (!deliver) return event;
    const counts = countsOf(state, topic, state.knownClass ?? options.class ?? 'data');
    this.#deliver(state, { event: event as BusEvent, key, publishedAtMs: this.#monotonicMsAt(at), counts, carried: false });
    return event;
  }

  /** For views. */
  subscribeFor(source: string, topic: string, options: SubscribeOptions, handler: EventHandler, onLeave: OnLeave): BusSubscription {
    demandSubscribeOptions(options);
    const subscribers = this.#subscribersOf(topic, source);
    const log = topic === '*' ? undefined : this.#topic(topic, source).log;
    const policy = topic === 'metrics' ? 'conflate' : 'drop-newest';
    const owner = options.owner ?? source;
    const subscription = new BusSubscription(this.#subscriptionHost, { policy, ...options, topic, owner, log, onLeave }, handler);
    subscribers.add(subscription);
    if (options.replayLatest) this.#replay(topic, subscription);
    return subscription;
  }

  /** For views. */
  bridgeFor(source: string, port: BusPort, options: BridgeOptions): BusBridge {
    demandBridgeOptions(options);
    const foreign = source === this.#options.source ? undefined : options.accept?.sources.find((name) => !isPartOf(source, name));
    if (foreign !== undefined) {
      const text = `${source} cannot let events of ${JSON.stringify(foreign)} in: it may accept ${source} and ${source}.anything`;
      throw new InputError('BRIDGE_OPTIONS_INVALID', text);
    }
    const bridged = {
      attach: (topics: readonly string[], subscriber: Subscriber) => this.#attach(topics, source, subscriber),
      relay: (event: BusEvent, eventClass: EventClass, key: string) => this.relay(source, event, eventClass, key),
      isBehind: () => this.#drain.isBehind,
      failed: (topic: string, error: unknown) => this.reportError(source, topic, error),
    };
    return new PortBridge(bridged, port, options);
  }

  /** For the bridges of `source`: delivers the event of another bus as it is, but frozen. `InputError` as for `publish`. */
  relay(source: string, event: BusEvent, eventClass: EventClass, key: string): void {
    const { topic, payload } = event;
    const state = this.#topic(topic, source);
    readyPayload(topic, payload);
    const counts = countsOf(state, topic, state.knownClass ?? eventClass);
    const publishedAtMs = this.#options.clock.monotonicMs();
    this.#deliver(state, { event: Object.freeze(event), key, publishedAtMs, counts, carried: true });
  }

  /** For views. */
  handlerOf(source: string, handler: EventHandler): EventHandler {
    const { runAs } = this.#options;
    return runAs === undefined ? handler : (event) => runAs(source, () => handler(event));
  }

  /** For views. Never throws. */
  reportError(owner: string, topic: string, error: unknown): void {
    try {
      this.#options.onHandlerError?.(owner, topic, error);
    } catch {
      // promised: a failing report must not hurt the bus that wanted to tell of another failure
    }
  }

  #deliver(state: TopicState, delivery: Delivery): void {
    keepLatest(state, delivery);
    deliver(state, delivery);
    for (const subscriber of this.#everything.all()) subscriber.offer(delivery);
  }

  #attach(topics: readonly string[], source: string, subscriber: Subscriber): () => void {
    const lists = topics.map((topic) => this.#subscribersOf(topic, source));
    for (const list of lists) list.add(subscriber);
    return () => {
      for (const list of lists) list.delete(subscriber);
    };
  }

  #replay(topic: string, subscription: BusSubscription): void {
    const states = topic === '*' ? [...this.#topics.values()] : [this.#topic(topic, subscription.owner)];
    const deliveries = states.flatMap(({ latest }) => [...latest.values()].map(({ delivery }) => delivery));
    for (const delivery of deliveries.sort((a, b) => a.event.id - b.event.id)) subscription.replay(delivery);
  }

  #subscribersOf(topic: string, source: string): SubscriberList {
    return topic === '*' ? this.#everything : this.#topic(topic, source).subscribers;
  }

  /** For what is published within the same millisecond the clock is read once, so waits are told up to 1 ms too long, not too short. */
  #monotonicMsAt(at: number): number {
    if (at !== this.#lastAt) {
      this.#lastAtMonotonicMs = this.#options.clock.monotonicMs();
      this.#lastAt = at;
    }
    return this.#lastAtMonotonicMs;
  }

  #topic(topic: string, source: string): TopicState {
    const last = this.#lastTopic;
    if (last !== undefined && last.topic === topic) return last;
    const known = this.#topics.get(topic);
    if (known !== undefined) return (this.#lastTopic = known);
    const named = this.#named.get(source) ?? 0;
    checkTopic(topic, source, named);
    const state = newTopic(topic);
    this.#topics.set(topic, state);
    if (!isOfContract(topic)) this.#named.set(source, named + 1);
    return state;
  }
}

function isPartOf(plugin: string, source: string): boolean {
  return source === plugin || source.startsWith(`${plugin}.`);
}
