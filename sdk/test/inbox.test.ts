import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Delivery, Subscriber } from '../src/bus-subscription.js';
import { countsOf, deliver, newTopic, type TopicState } from '../src/bus-topic.js';
import type { MailboxPolicy } from '../src/event-bus-contract.js';
import type { EventClass } from '../src/events.js';
import { Inbox } from '../src/inbox.js';
import { Mailbox } from '../src/mailbox.js';

/** An inbox on the log of a topic, and the mailbox that it must look like. */
class Pair implements Subscriber {
  readonly inbox: Inbox;
  readonly mailbox: Mailbox<Delivery>;
  asked = 0;
  failsOnce = false;

  constructor(state: TopicState, { policy, capacity }: { readonly policy?: MailboxPolicy; readonly capacity?: number }) {
    const options = { ...(policy === undefined ? {} : { policy }), ...(capacity === undefined ? {} : { capacity }) };
    this.inbox = new Inbox(options, state.log);
    this.mailbox = new Mailbox(options);
    state.subscribers.add(this);
  }

  offer(delivery: Delivery): number {
    this.asked += 1;
    this.inbox.offer(delivery);
    if (this.failsOnce) {
      this.failsOnce = false;
      throw new RangeError('Maximum call stack size exceeded');
    }
    return this.inbox.quietUntil;
  }

  take(most: number): void {
    for (let n = 0; n < most && this.inbox.depth > 0; n += 1) expect(this.inbox.take()).toBe(this.mailbox.take());
  }

  clear(): void {
    this.inbox.clear();
    this.mailbox.clear();
  }

  expectSame(): void {
    const { inbox, mailbox } = this;
    expect([inbox.depth, inbox.dropped, inbox.maxDepth]).toEqual([mailbox.depth, mailbox.dropped, mailbox.maxDepth]);
  }
}

class Topic {
  readonly state = newTopic('any.topic');
  readonly pairs: Pair[] = [];
  newest: Delivery | undefined;
  #id = 0;

  join(options: { readonly policy?: MailboxPolicy; readonly capacity?: number }): Pair {
    const pair = new Pair(this.state, options);
    this.pairs.push(pair);
    return pair;
  }

  publish(eventClass: EventClass, times = 1): void {
    for (let n = 0; n < times; n += 1) {
      const event = { topic: 'any.topic', id: (this.#id += 1), at: 0, source: 'test', version: 1 as const, payload: {} };
      const delivery: Delivery = {
        event,
        key: String(event.id % 3),
        publishedAtMs: 0,
        counts: countsOf(this.state, 'any.topic', eventClass),
        carried: false,
      };
      for (const { mailbox } of this.pairs) mailbox.offer(delivery, eventClass, delivery.key);
      deliver(this.state, delivery);
      this.newest = delivery;
    }
  }
}

type Step =
  | { readonly what: 'publish'; readonly class: EventClass; readonly times: number }
  | { readonly what: 'take' | 'clear'; readonly who: number; readonly most: number }
  | { readonly what: 'join'; readonly capacity: number; readonly policy: MailboxPolicy };

const steps = fc.array<Step>(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant('publish' as const),
        class: fc.constantFrom<EventClass[]>('data', 'data', 'data', 'signal', 'control'),
        times: fc.constantFrom(1, 1, 2, 31, 32, 33, 70),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constantFrom('take' as const, 'take' as const, 'take' as const, 'clear' as const),
        who: fc.nat(3),
        most: fc.constantFrom(1, 2, 31, 32, 33, 1_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('join' as const),
        capacity: fc.constantFrom(1, 2, 32, 33, 100, Number.POSITIVE_INFINITY),
        policy: fc.constantFrom<MailboxPolicy[]>('drop-newest', 'drop-newest', 'drop-oldest', 'conflate'),
      }),
    },
  ),
  { maxLength: 60 },
);

/** In a frame of its own, so that none keeps what was taken. */
function takeAll({ inbox, mailbox }: Pair, count: number): WeakRef<Delivery>[] {
  mailbox.clear();
  return Array.from({ length: count }, () => new WeakRef(inbox.take()));
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('Inbox', () => {
  it('looks like a mailbox of its own, for any script of those who share the log of a topic', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        const topic = new Topic();
        topic.join({ capacity: 40 });
        for (const step of plan) {
          if (step.what === 'publish') topic.publish(step.class, step.times);
          else if (step.what === 'join') topic.join(step);
          else {
            const pair = topic.pairs[step.who % topic.pairs.length] as Pair;
            if (step.what === 'take') pair.take(step.most);
            else pair.clear();
          }
          for (const pair of topic.pairs) pair.expectSame();
        }
        for (const pair of topic.pairs) pair.take(Number.POSITIVE_INFINITY);
        for (const pair of topic.pairs) pair.expectSame();
        expect(topic.state.log.followers).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('is asked once for what follows while there is room, and at every event once one is too slow', () => {
    const topic = new Topic();
    const quick = topic.join({});
    const slow = topic.join({ capacity: 10 });
    topic.publish('data', 10);
    expect([quick.asked, slow.asked]).toEqual([1, 1]);
    topic.publish('data', 5);
    expect([quick.asked, slow.asked]).toEqual([6, 6]);
    expect(slow.inbox.dropped).toBe(5);
    quick.take(15);
    slow.take(10);
    topic.publish('data', 10);
    expect([quick.asked, slow.asked]).toEqual([7, 7]);
  });

  it('hears at once of one that came late, and of control before all that waits', () => {
    const topic = new Topic();
    const first = topic.join({});
    topic.publish('data', 3);
    const late = topic.join({});
    topic.publish('data');
    topic.publish('control');
    expect([first.inbox.depth, late.inbox.depth]).toEqual([5, 2]);
    expect(first.inbox.take().counts.class).toBe('control');
    expect(late.inbox.take().counts.class).toBe('control');
  });

  it('is asked again after an offer that failed half-way, as one does at the end of a stack', () => {
    const topic = new Topic();
    const pair = topic.join({});
    topic.publish('data', 5);
    pair.take(5);
    pair.failsOnce = true;
    expect(() => topic.publish('data')).toThrow(RangeError);
    topic.publish('data');
    expect(pair.asked).toBe(3);
    pair.expectSame();
  });

  it('keeps nothing that all have taken, forgotten or shed', async () => {
    const topic = new Topic();
    const [quick, slow, gone] = [topic.join({}), topic.join({ capacity: 2 }), topic.join({})];
    topic.publish('data', 3);
    const refs = takeAll(quick, 3);
    takeAll(slow, 2);
    gone.clear();
    topic.newest = undefined;
    await new Promise((resolve) => setImmediate(resolve)); // until when a WeakRef that was read keeps what it refers to
    collectGarbage();
    expect(refs.map((ref) => ref.deref())).toEqual([undefined, undefined, undefined]);
  });

  it('refuses a capacity that means nothing, with or without a log', () => {
    for (const log of [undefined, newTopic('any.topic').log]) {
      expect(() => new Inbox({ capacity: 0 }, log)).toThrow(expect.objectContaining({ code: 'MAILBOX_CAPACITY_INVALID' }));
    }
  });
});
