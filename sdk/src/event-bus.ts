import type { Observable } from 'rxjs';
import { BusSubscription, type Delivery, type DeliveryCounts, type EventHandler } from './bus-subscription.js';
import type { IClock } from './clock.js';
import { DrainQueue } from './drain-queue.js';
import { InputError } from './errors.js';
import type { BusCounters, IEventBus, PublishOptions, SubscribeOptions, Subscription } from './event-bus-contract.js';
import { type BusEvent, type EventClass, type EventOf, type PayloadOf, TOPIC_CLASSES } from './events.js';
import { observeBus } from './observe-bus.js';

export interface EventBusOptions {
  readonly clock: Pick<IClock, 'now' | 'monotonicMs'>;
  /** What events published directly on the bus carry as `source`, and the owner of its subscriptions. */
  readonly source: string;
  /** A handler threw or rejected. What this throws is ignored. */
  onHandlerError?(owner: string, topic: string, error: unknown): void;
  /** Every handler is called through this, with the source that subscribed it, because the call happens in the wake of a publisher. */
  runAs?<T>(source: string, call: () => T): T;
}

/**
 * The bus of one process; see {@link IEventBus} for what it promises. Handlers never run inside `publish`: publishing puts the
 * event into mailboxes, and these are emptied after the current code has run, about 1 ms at a time, so that timers and
 * connections stay on time however much is published.
 */
export class EventBus implements IEventBus {
  readonly #options: EventBusOptions;
  readonly #drain: DrainQueue;
  readonly #topics = new Map<string, TopicState>();
  /** Subscribers of `*`. */
  readonly #everything = new Set<BusSubscription>();
  readonly #sources = new Map<string, Set<SourceBus>>();
  readonly #own: SourceBus;
  #lastId = 0;

  constructor(options: EventBusOptions) {
    this.#options = options;
    this.#drain = new DrainQueue(options.clock);
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
    const delivery = key === undefined ? state?.newest : state?.latest.get(key);
    return delivery?.event as BusEvent<T> | undefined;
  }

  observe<T extends string>(topic: T, options: SubscribeOptions = {}): Observable<EventOf<T>> {
    return this.#own.observe(topic, options);
  }

  counters(): readonly BusCounters[] {
    return [...this.#topics.values()].flatMap(({ counts }) => Object.values(counts).map((count) => ({ ...count })));
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
    const state = this.#topic(topic);
    const eventClass = classOf(topic, options.class);
    const { clock } = this.#options;
    const frozen = readPayload(topic, payload);
    const id = (this.#lastId += 1);
    const event = Object.freeze({ topic, id, at: clock.now(), source, version: 1 as const, payload: frozen.payload });
    if (!deliver) return event;
    const delivery: Delivery = {
      event: event as BusEvent,
      eventClass,
      key: options.key ?? frozen.key,
      publishedAtMs: clock.monotonicMs(),
      counts: countsOf(state, topic, eventClass),
    };
    keepLatest(state, delivery);
    for (const subscription of state.subscriptions) subscription.offer(delivery);
    for (const subscription of this.#everything) subscription.offer(delivery);
    return event;
  }

  /** For views. */
  subscribeFor(owner: string, topic: string, options: SubscribeOptions, handler: EventHandler, onLeave: OnLeave): BusSubscription {
    const members = topic === '*' ? this.#everything : this.#topic(topic).subscriptions;
    const subscription = new BusSubscription(
      {
        clock: this.#options.clock,
        ready: (ready) => this.#drain.add(ready),
        awaitedEnded: () => this.#drain.awaitedEnded(),
        failed: (failing, failedTopic, error) => this.reportError(failing.owner, failedTopic, error),
        left: (leaving) => {
          members.delete(leaving);
          onLeave(leaving);
        },
      },
      { policy: topic === 'metrics' ? 'conflate' : 'drop-newest', ...options, topic, owner },
      handler,
    );
    members.add(subscription);
    if (options.replayLatest) this.#replay(topic, subscription);
    return subscription;
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

  #replay(topic: string, subscription: BusSubscription): void {
    const states = topic === '*' ? [...this.#topics.values()] : [this.#topic(topic)];
    const deliveries = states.flatMap(({ latest }) => [...latest.values()]);
    for (const delivery of deliveries.sort((a, b) => a.event.id - b.event.id)) subscription.offer(delivery);
  }

  #topic(topic: string): TopicState {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    checkTopic(topic, this.#topics.size);
    const state: TopicState = { subscriptions: new Set(), latest: new Map(), newest: undefined, counts: {} };
    this.#topics.set(topic, state);
    return state;
  }
}

type OnLeave = (subscription: BusSubscription) => void;

/** The bus in the hands of one source. */
class SourceBus implements IEventBus {
  readonly #bus: EventBus;
  readonly #source: string;
  readonly #subscriptions = new Set<BusSubscription>();
  #closed = false;

  constructor(bus: EventBus, source: string) {
    this.#bus = bus;
    this.#source = source;
  }

  publish<T extends string>(event: PublishOptions<T>): BusEvent<T> {
    return this.#bus.publishFrom(this.#source, event, !this.#closed);
  }

  subscribe<T extends string>(topic: T, options: SubscribeOptions, handler: (event: EventOf<T>) => void | Promise<void>): Subscription {
    const owner = options.owner ?? this.#source;
    const leave: OnLeave = (leaving) => this.#subscriptions.delete(leaving);
    const subscription = this.#bus.subscribeFor(owner, topic, options, this.#bus.handlerOf(this.#source, handler as EventHandler), leave);
    this.#subscriptions.add(subscription);
    if (this.#closed) subscription.unsubscribe();
    return subscription;
  }

  latest<T extends string>(topic: T, key?: string): BusEvent<T> | undefined {
    return this.#bus.latest(topic, key);
  }

  observe<T extends string>(topic: T, options: SubscribeOptions = {}): Observable<EventOf<T>> {
    return observeBus(this, { topic, options, onUnhandledError: (error) => this.#bus.reportError('observe', '*', error) });
  }

  counters(): readonly BusCounters[] {
    return this.#bus.counters();
  }

  close(): void {
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
  }
}

interface TopicState {
  readonly subscriptions: Set<BusSubscription>;
  /** Newest event of each key, the key heard of last at the end. */
  readonly latest: Map<string, Delivery>;
  newest: Delivery | undefined;
  readonly counts: { [K in EventClass]?: DeliveryCounts };
}

/** Bounds what a publisher that invents topics or keys (one per job, say) can make the bus remember. */
const MAX_TOPICS = 1_024;
const MAX_LATEST_KEYS = 1_024;
const TOPIC_NAME = /^[A-Za-z][A-Za-z0-9._:/-]{0,127}$/;

function checkTopic(topic: string, known: number): void {
  if (typeof topic !== 'string' || !TOPIC_NAME.test(topic)) {
    const rule = 'a letter, then letters, digits and . _ : / -, at most 128 characters';
    throw new InputError('TOPIC_INVALID', `${JSON.stringify(topic)} is no topic: use ${rule}`);
  }
  if (known >= MAX_TOPICS) {
    throw new InputError(
      'TOPIC_LIMIT',
      `The bus knows ${known} topics and takes no more, refused ${topic}: use one topic and put what differs into the key`,
    );
  }
}

function classOf(topic: string, given: EventClass | undefined): EventClass {
  return Object.hasOwn(TOPIC_CLASSES, topic) ? TOPIC_CLASSES[topic as keyof typeof TOPIC_CLASSES] : (given ?? 'data');
}

function countsOf(state: TopicState, topic: string, eventClass: EventClass): DeliveryCounts {
  return (state.counts[eventClass] ??= { topic, class: eventClass, delivered: 0, dropped: 0, errors: 0 });
}

function keepLatest(state: TopicState, delivery: Delivery): void {
  const { latest } = state;
  state.newest = delivery;
  latest.delete(delivery.key);
  latest.set(delivery.key, delivery);
  if (latest.size > MAX_LATEST_KEYS) latest.delete(latest.keys().next().value as string);
}

/** Once, before anything is delivered: a payload may be an object whose properties throw. */
function readPayload<P extends PayloadOf<string>>(topic: string, payload: P): { readonly payload: P; readonly key: string } {
  try {
    return { payload: freezePayload(payload), key: keyOf(payload) };
  } catch (cause) {
    throw new InputError('PAYLOAD_UNREADABLE', `The payload of an event of ${topic} cannot be read and frozen: publish plain data.`, {
      cause,
    });
  }
}

function keyOf(payload: unknown): string {
  if (typeof payload !== 'object' || payload === null) return '';
  const { subsystem, plugin } = payload as { readonly subsystem?: unknown; readonly plugin?: unknown };
  if (typeof subsystem === 'string') return subsystem;
  return typeof plugin === 'string' ? plugin : '';
}

function freezePayload<P extends PayloadOf<string>>(payload: P): P {
  // an array buffer view with elements cannot be frozen: Object.freeze throws
  return ArrayBuffer.isView(payload) ? payload : Object.freeze(payload);
}
