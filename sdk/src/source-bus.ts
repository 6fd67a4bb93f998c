import type { Observable } from 'rxjs';
import type { BridgeOptions, BusBridge, BusPort } from './bus-bridge-contract.js';
import type { BusSubscription, EventHandler } from './bus-subscription.js';
import type { BusCounters, IEventBus, PublishOptions, SubscribeOptions, Subscription } from './event-bus-contract.js';
import type { BusEvent, EventOf } from './events.js';
import { observeBus } from './observe-bus.js';

export type OnLeave = (subscription: BusSubscription) => void;

/** What the views of one bus share. */
export interface SharedBus extends Pick<IEventBus, 'latest' | 'counters'> {
  publishFrom<T extends string>(source: string, options: PublishOptions<T>, deliver: boolean): BusEvent<T>;
  subscribeFor(source: string, topic: string, options: SubscribeOptions, handler: EventHandler, onLeave: OnLeave): BusSubscription;
  bridgeFor(source: string, port: BusPort, options: BridgeOptions): BusBridge;
  handlerOf(source: string, handler: EventHandler): EventHandler;
  reportError(owner: string, topic: string, error: unknown): void;
}

/** The bus in the hands of one source. */
export class SourceBus implements IEventBus {
  readonly #bus: SharedBus;
  readonly #source: string;
  readonly #subscriptions = new Set<BusSubscription>();
  readonly #forget: OnLeave = (leaving) => void this.#subscriptions.delete(leaving);
  readonly #bridges = new Set<BusBridge>();
  #closed = false;

  constructor(bus: SharedBus, source: string) {
    this.#bus = bus;
    this.#source = source;
  }

  publish<T extends string>(event: PublishOptions<T>): BusEvent<T> {
    return this.#bus.publishFrom(this.#source, event, !this.#closed);
  }

  subscribe<T extends string>(topic: T, options: SubscribeOptions, handler: (event: EventOf<T>) => void | Promise<void>): Subscription {
    const called = this.#bus.handlerOf(this.#source, handler as EventHandler);
    const subscription = this.#bus.subscribeFor(this.#source, topic, options, called, this.#forget);
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

  bridge(port: BusPort, options: BridgeOptions): BusBridge {
    const bridge = this.#bus.bridgeFor(this.#source, port, options);
    this.#bridges.add(bridge);
    void bridge.closed.then(() => this.#bridges.delete(bridge));
    if (this.#closed) bridge.close();
    return bridge;
  }

  counters(): readonly BusCounters[] {
    return this.#bus.counters();
  }

  close(): void {
    this.#closed = true;
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
    for (const bridge of [...this.#bridges]) bridge.close();
  }
}
