import type { Subscriber } from './bus-subscription.js';

/** Subscribers in the order they came. Reading them all is as quick as an array, adding and removing as a set. */
export class SubscriberList {
  readonly #members = new Set<Subscriber>();
  /** Copied when the list is read after a change; one who reads an older copy is not disturbed by it. */
  #copy: readonly Subscriber[] | undefined;

  add(subscriber: Subscriber): void {
    this.#members.add(subscriber);
    this.#copy = undefined;
  }

  /** Nothing happens for one that is not there. */
  delete(subscriber: Subscriber): void {
    if (this.#members.delete(subscriber)) this.#copy = undefined;
  }

  all(): readonly Subscriber[] {
    return (this.#copy ??= [...this.#members]);
  }
}
