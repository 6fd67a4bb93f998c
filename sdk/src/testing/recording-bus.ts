import type { BusSubscription } from '../bus-subscription.js';
import { systemClock } from '../clock.js';
import { NotFoundError } from '../errors.js';
import { EventBus, type EventBusOptions } from '../event-bus.js';
import type { PublishOptions } from '../event-bus-contract.js';
import type { BusEvent } from '../events.js';

/** What a handler on a recording bus threw. */
export interface HandlerFailure {
  readonly owner: string;
  readonly topic: string;
  readonly error: unknown;
}

/** The real bus, which also keeps every event that was published, by anyone, in order. */
export class RecordingBus extends EventBus {
  readonly #events: BusEvent[] = [];
  readonly #failures: HandlerFailure[];
  readonly #subscriptions = new Set<Pick<BusSubscription, 'owner' | 'topic'>>();
  #waiting: Waiter[] = [];
  #isOver = false;

  constructor(options: Partial<EventBusOptions> = {}) {
    const failures: HandlerFailure[] = [];
    super({
      clock: options.clock ?? systemClock,
      source: options.source ?? 'host',
      ...(options.lastId === undefined ? {} : { lastId: options.lastId }),
      ...(options.runAs === undefined ? {} : { runAs: options.runAs }),
      onHandlerError(owner, topic, error) {
        failures.push({ owner, topic, error });
        options.onHandlerError?.(owner, topic, error);
      },
    });
    this.#failures = failures;
  }

  get events(): readonly BusEvent[] {
    return this.#events;
  }

  get failures(): readonly HandlerFailure[] {
    return this.#failures;
  }

  /** Those that have not left. None after a stop means that nothing was left behind. */
  get subscriptions(): readonly { readonly owner: string; readonly topic: string }[] {
    return [...this.#subscriptions].map(({ owner, topic }) => ({ owner, topic }));
  }

  of<T extends string>(topic: T): readonly BusEvent<T>[] {
    return this.#events.filter((event): event is BusEvent<T> => event.topic === topic);
  }

  /**
   * The first event of the topic that fits, already published or still to come. Waits as long as the bus is open: mind the test's time-out.
   * When it is closed, as by the stop of a test host, rejects with `NotFoundError` (`EVENT_NOT_PUBLISHED`).
   */
  waitFor<T extends string>(topic: T, predicate: (event: BusEvent<T>) => boolean = () => true): Promise<BusEvent<T>> {
    const wants = (event: BusEvent) => event.topic === topic && predicate(event as BusEvent<T>);
    const known = this.#events.find(wants);
    if (known !== undefined) return Promise.resolve(known as BusEvent<T>);
    const waiting = new Promise<BusEvent>((resolve, reject) => {
      if (this.#isOver) reject(notPublished(topic));
      else this.#waiting.push({ wants, resolve, giveUp: () => reject(notPublished(topic)) });
    });
    // a test that has ended may have left it waiting
    waiting.catch(() => {});
    return waiting as Promise<BusEvent<T>>;
  }

  override close(): void {
    super.close();
    this.#isOver = true;
    for (const { giveUp } of this.#waiting.splice(0)) giveUp();
  }

  override publishFrom<T extends string>(source: string, options: PublishOptions<T>, deliver: boolean): BusEvent<T> {
    const event = super.publishFrom(source, options, deliver);
    if (deliver) this.#record(event as BusEvent);
    return event;
  }

  override relay(...[source, event, eventClass, key]: Parameters<EventBus['relay']>): void {
    super.relay(source, event, eventClass, key);
    this.#record(event);
  }

  override subscribeFor(...[source, topic, options, handler, onLeave]: Parameters<EventBus['subscribeFor']>): BusSubscription {
    const subscription = super.subscribeFor(source, topic, options, handler, (leaving) => {
      this.#subscriptions.delete(leaving);
      onLeave(leaving);
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  #record(event: BusEvent): void {
    this.#events.push(event);
    const fitting = this.#waiting.filter(({ wants }) => wants(event));
    this.#waiting = this.#waiting.filter((waiter) => !fitting.includes(waiter));
    for (const { resolve } of fitting) resolve(event);
  }
}

interface Waiter {
  readonly wants: (event: BusEvent) => boolean;
  readonly resolve: (event: BusEvent) => void;
  readonly giveUp: () => void;
}

function notPublished(topic: string): NotFoundError {
  const message = `A test waits for an event of ${topic} that did not come before its bus was closed: wait before the host stops`;
  return new NotFoundError('EVENT_NOT_PUBLISHED', message);
}
