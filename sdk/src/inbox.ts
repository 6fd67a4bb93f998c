import type { Delivery } from './bus-subscription.js';
import type { MailboxPolicy } from './event-bus-contract.js';
import { Mailbox, type MailboxOptions, readMailboxOptions } from './mailbox.js';
import { LogCursor, type TopicLog } from './topic-log.js';

/**
 * What waits for one subscriber. While all of it is to come in the order it was published in and fits the capacity, it is read from the
 * log of the topic and costs its publisher nothing. The first event that does not fit, and one of class `control`, moves what waits into
 * a mailbox, which sheds and sorts; from when that is empty the log will do again. Never does anything wait in both. Seen from outside
 * it is always a {@link Mailbox}.
 */
export class Inbox {
  readonly #policy: MailboxPolicy;
  readonly #capacity: number;
  /** None for `conflate`, which may replace what waits, and without a log. */
  readonly #cursor: LogCursor<Delivery> | undefined;
  /** Made when needed: few subscribers are ever so far behind. */
  #mailbox: Mailbox<Delivery> | undefined;
  /** Without what the mailbox and the cursor know themselves. */
  #maxDepth = 0;
  #dropped = 0;

  /** `InputError` as of {@link readMailboxOptions}. */
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
    return this.#dropped;
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

  /** As {@link offer}, for what was published before the subscriber came: the log no longer has it. */
  replay(delivery: Delivery): void {
    this.#offerToMailbox(delivery);
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

  /**
   * The last item of the log is the one that is offered. Into a new mailbox, as a publisher at the end of its stack can make this fail: half
   * of what waits in the log and half in a mailbox would come out in the wrong order.
   */
  #moveToMailbox(cursor: LogCursor<Delivery>): void {
    const mailbox = this.#newMailbox();
    const allShed: Delivery[] = [];
    for (const delivery of cursor.waiting()) {
      const shed = mailbox.offer(delivery, delivery.counts.class, delivery.key);
      if (shed !== undefined) allShed.push(shed);
    }
    const maxDepth = Math.max(this.#maxDepth, this.#mailbox?.maxDepth ?? 0);
    cursor.end();
    this.#mailbox = mailbox;
    this.#maxDepth = maxDepth;
    for (const shed of allShed) this.#countShed(shed);
  }

  #offerToMailbox(delivery: Delivery): void {
    this.#mailbox ??= this.#newMailbox();
    const shed = this.#mailbox.offer(delivery, delivery.counts.class, delivery.key);
    if (shed !== undefined) this.#countShed(shed);
  }

  #newMailbox(): Mailbox<Delivery> {
    return new Mailbox({ policy: this.#policy, capacity: this.#capacity });
  }

  #countShed({ counts }: Delivery): void {
    this.#dropped += 1;
    counts.dropped += 1;
  }

  #noteDepth({ depth }: LogCursor<Delivery>): void {
    if (depth > this.#maxDepth) this.#maxDepth = depth;
  }
}
