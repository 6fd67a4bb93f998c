import type { BusSubscription } from './bus-subscription.js';

/** Subscriptions in the order they came. Reading them all is as quick as an array, adding and removing as a set. */
export class SubscriberList {
  readonly #members = new Set<BusSubscription>();
  /** Copied when the list is read after a change; one who reads an older copy is not disturbed by it. */
  #copy: readonly BusSubscription[] | undefined;

  add(subscription: BusSubscription): void {
    this.#members.add(subscription);
    this.#copy = undefined;
  }

  /** Nothing happens for one that is not there. */
  delete(subscription: BusSubscription): void {
    if (this.#members.delete(subscription)) this.#copy = undefined;
  }

  all(): readonly BusSubscription[] {
    return (this.#copy ??= [...this.#members]);
  }
}
