import type { Delivery } from './bus-subscription.js';
import type { MailboxPolicy } from './event-bus-contract.js';
import { Mailbox, type MailboxOptions, readMailboxOptions } from './mailbox.js';
import { LogCursor, type TopicLog } from './topic-log.js';

/**
 * What waits for one subscriber. While all of it is to come in the order it was published in and fits the capacity, it is read from the
 * log of the topic and costs its publisher nothing. The first event that does not fit, and one of class `control`, moves what waits into
 * a mailbox, which sheds and sorts; from when that is empty the log will do again. Seen from outside it is always a {@link Mailbox}.
 */
export class Inbox {
  readonly #policy: MailboxPolicy;
  readonly #capacity: number;
  /** None for `conflate`, which may replace what waits, and without a log. */
  readonly #cursor: LogCursor<Delivery> | undefined;
  /** Made when needed: few subscribers are ever so far behind. */
  #mailbox: Mailbox<Delivery> | undefined;
  #maxDepth = 0;

  /** `InputError` as of {@link Mailbox}. */
  constructor(options: MailboxOptions, log: TopicLog<Delivery> | undefined) {
    const { policy, capacity } = readMailboxOptions(options);
    this.#policy = policy;
    this.#capacity = capacity;
    this.#cursor = log === undefined || policy === 'conflate' ? undefined : new LogCursor(log);
  }

  get depth(): number {
    return this.#cursor?.isFollowing ? this.#cursor.depth : (this.#mailbox?.depth ?? 0);
  }

  get maxDepth(): number {
    return Math.max(this.#maxDepth, this.depth, this.#mailbox?.maxDepth ?? 0);
  }

  get dropped(): number {
    return this.#mailbox?.dropped ?? 0;
  }

  /** The length of the log up to which nothing needs to be offered; 0 when everything must be. */
  get quietUntil(): number {
    return this.#cursor?.isFollowing ? this.#cursor.at + this.#capacity : 0;
  }

  /** What is shed for it is counted. The log, while anyone follows it, has the event already. */
  offer(delivery: Delivery): void {
    const cursor = this.#cursor;
    if (cursor?.isFollowing) {
      if (delivery.counts.class === 'control' || cursor.depth > this.#capacity) this.#moveToMailbox(cursor);
    } else if (cursor === undefined || delivery.counts.class === 'control' || this.depth > 0) this.#offerToMailbox(delivery);
    else cursor.begin(delivery);
  }

  /** The next one; only while `depth` is more than 0. */
  take(): Delivery {
    const cursor = this.#cursor;
    if (!cursor?.isFollowing) return this.#mailbox?.take() as Delivery;
    this.#noteDepth(cursor);
    const delivery = cursor.take();
    if (cursor.depth === 0) cursor.end();
    return delivery;
  }

  /** Forgets everything waiting; it is not counted as dropped. */
  clear(): void {
    this.#maxDepth = this.maxDepth;
    this.#cursor?.end();
    this.#mailbox?.clear();
  }

  /** The last item of the log is the one that is offered. */
  #moveToMailbox(cursor: LogCursor<Delivery>): void {
    while (cursor.depth > 0) this.#offerToMailbox(cursor.take());
    cursor.end();
  }

  #offerToMailbox(delivery: Delivery): void {
    this.#mailbox ??= new Mailbox({ policy: this.#policy, capacity: this.#capacity });
    const shed = this.#mailbox.offer(delivery, delivery.counts.class, delivery.key);
    if (shed !== undefined) shed.counts.dropped += 1;
  }

  #noteDepth({ depth }: LogCursor<Delivery>): void {
    if (depth > this.#maxDepth) this.#maxDepth = depth;
  }
}
