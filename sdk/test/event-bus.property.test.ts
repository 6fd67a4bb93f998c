import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventBus } from '../src/event-bus.js';
import type { MailboxPolicy, Subscription } from '../src/event-bus-contract.js';
import type { BusEvent, EventClass } from '../src/events.js';
import { FakeClock } from '../src/testing/fake-clock.js';

/** More than one in three of what is published is of the same topic, so that its subscribers meet in one log. */
const TOPICS = ['a', 'a', 'a', 'b', 'status', 'control', 'metrics'] as const;
const CLASSES: Readonly<Record<string, EventClass>> = { status: 'signal', control: 'control', metrics: 'data' };
const KEYS = ['', 'x', 'y', '__proto__'] as const;
type Behaviour = 'return' | 'throw' | 'await' | 'reject' | 'publish' | 'join' | 'leave' | 'close others';

interface SubscriberPlan {
  readonly topic: string;
  readonly capacity: number;
  readonly policy: MailboxPolicy | undefined;
  readonly only: EventClass | undefined;
  readonly replayLatest: boolean;
  readonly behaviours: readonly Behaviour[];
}

type Step =
  | { readonly what: 'publish'; readonly topic: string; readonly class: EventClass; readonly key: string }
  | { readonly what: 'subscribe'; readonly plan: SubscriberPlan }
  | { readonly what: 'unsubscribe'; readonly index: number }
  | { readonly what: 'advance'; readonly ms: number };

const policies = fc.constantFrom<(MailboxPolicy | undefined)[]>(undefined, 'drop-newest', 'drop-oldest', 'conflate');
const classes = fc.constantFrom<EventClass[]>('data', 'data', 'signal', 'control');
const BEHAVIOURS: readonly Behaviour[] = ['return', 'return', 'throw', 'await', 'reject', 'publish', 'join', 'leave', 'close others'];
const behaviours = fc.constantFrom<Behaviour[]>(...BEHAVIOURS);
const subscribers = fc.record({
  topic: fc.constantFrom('*', ...TOPICS),
  capacity: fc.constantFrom(1, 2, 5, 100, Number.POSITIVE_INFINITY),
  policy: policies,
  only: fc.option(classes, { nil: undefined, freq: 5 }),
  replayLatest: fc.boolean(),
  behaviours: fc.array(behaviours, { minLength: 1, maxLength: 4 }),
});
const publishes = fc.record({
  what: fc.constant('publish' as const),
  topic: fc.constantFrom(...TOPICS),
  class: classes,
  key: fc.constantFrom(...KEYS),
});
const steps = fc.array<Step>(
  fc.oneof(
    { weight: 8, arbitrary: publishes },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('subscribe' as const), plan: subscribers }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('unsubscribe' as const), index: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 3 }) }) },
  ),
  { maxLength: 80, size: 'max' },
);

/** A queue that does what a mailbox promises, slowly and plainly. */
class PlainMailbox {
  waiting: BusEvent[] = [];
  dropped = 0;
  readonly #plan: SubscriberPlan;

  constructor(plan: SubscriberPlan) {
    this.#plan = plan;
  }

  offer(event: BusEvent): void {
    const { capacity, policy = this.#plan.topic === 'metrics' ? 'conflate' : 'drop-newest' } = this.#plan;
    const data = this.waiting.filter((each) => classOf(each) === 'data');
    if (classOf(event) !== 'data') {
      this.waiting.push(event);
      return;
    }
    const lastSignal = this.waiting.findLastIndex((each) => classOf(each) === 'signal');
    const same = this.waiting.findLastIndex(
      (each, index) => index > lastSignal && classOf(each) === 'data' && keyOf(each) === keyOf(event),
    );
    if (policy === 'conflate' && same >= 0) {
      this.waiting[same] = event;
      this.dropped += 1;
    } else if (data.length < capacity) this.waiting.push(event);
    else {
      this.dropped += 1;
      if (policy === 'drop-newest') return;
      this.waiting.splice(this.waiting.indexOf(data[0] as BusEvent), 1);
      this.waiting.push(event);
    }
  }

  take(): BusEvent | undefined {
    const next = this.waiting.findIndex((each) => classOf(each) === 'control');
    return this.waiting.splice(Math.max(next, 0), 1)[0];
  }
}

interface Marked {
  readonly class: EventClass;
  readonly key: string;
}

const classOf = (event: BusEvent) => CLASSES[event.topic] ?? (event.payload as Marked).class;
const keyOf = (event: BusEvent) => (event.payload as Marked).key;

/** One subscriber of the real bus with the plain mailbox beside it. */
class Watched {
  readonly heard: BusEvent[] = [];
  readonly plain: PlainMailbox;
  readonly subscription: Subscription;
  running = 0;
  left = false;
  failures = 0;

  constructor(
    readonly plan: SubscriberPlan,
    run: Run,
  ) {
    this.plain = new PlainMailbox(plan);
    const { topic, capacity, policy, only, replayLatest } = plan;
    if (replayLatest) for (const event of run.latest()) if (this.wants(event)) this.plain.offer(event);
    const options = { capacity, replayLatest, ...(policy === undefined ? {} : { policy }), ...(only === undefined ? {} : { class: only }) };
    this.subscription = run.bus.subscribe(topic, options, (event) => this.#handle(event as BusEvent, run));
  }

  wants(event: BusEvent): boolean {
    const { topic, only } = this.plan;
    return !this.left && (topic === '*' || topic === event.topic) && (only === undefined || only === classOf(event));
  }

  leave(): void {
    this.left = true;
    this.plain.waiting = [];
    this.subscription.unsubscribe();
  }

  #handle(event: BusEvent, run: Run): void | Promise<void> {
    expect([this.left, this.running]).toEqual([false, 0]);
    expect(event).toBe(this.plain.take());
    this.heard.push(event);
    const behaviour = this.plan.behaviours[this.heard.length % this.plan.behaviours.length];
    if (behaviour === 'publish') run.publishAgain();
    else if (behaviour === 'join') run.joinAgain(this.plan);
    else if (behaviour === 'leave') this.leave();
    else if (behaviour === 'close others') run.watched[event.id % run.watched.length]?.leave();
    else if (behaviour === 'throw') this.#fail();
    else if (behaviour === 'await' || behaviour === 'reject') return this.#wait(behaviour, run);
  }

  async #wait(behaviour: 'await' | 'reject', { clock }: Run): Promise<void> {
    this.running += 1;
    await clock.sleep(1);
    this.running -= 1;
    if (behaviour === 'reject') this.#fail();
  }

  #fail(): never {
    this.failures += 1;
    throw new Error('planned');
  }
}

class Run {
  readonly clock = new FakeClock();
  readonly bus = new EventBus({ clock: this.clock, source: 'host' });
  readonly watched: Watched[] = [];
  readonly published: BusEvent[] = [];
  #again = 0;
  #joined = 0;

  async play(plan: readonly Step[]): Promise<void> {
    for (const step of plan) {
      if (step.what === 'publish') this.publish(step.topic, step.class, step.key);
      else if (step.what === 'subscribe') this.watched.push(new Watched(step.plan, this));
      else if (step.what === 'unsubscribe') this.watched[step.index]?.leave();
      else await this.clock.advance(step.ms);
    }
    await this.clock.advance(10_000);
    await this.bus.idle();
  }

  /** From within a handler; not too many. */
  joinAgain(plan: SubscriberPlan): void {
    this.#joined += 1;
    if (this.#joined <= 10) this.watched.push(new Watched(plan, this));
  }

  publish(topic: string, eventClass: EventClass, key: string): void {
    const payload: Marked = { class: eventClass, key };
    const event = this.bus.publish({ topic, class: eventClass, key, payload });
    this.published.push(event);
    for (const each of this.watched) if (each.wants(event)) each.plain.offer(event);
  }

  /** The newest event of each topic and key, oldest first. */
  latest(): BusEvent[] {
    const isLatest = ({ topic, payload }: BusEvent, index: number, all: readonly BusEvent[]) =>
      !all.slice(index + 1).some((later) => later.topic === topic && keyOf(later) === (payload as Marked).key);
    return this.published.filter(isLatest);
  }

  /** From within a handler; so often only that a script of handlers that answer each other ends. */
  publishAgain(): void {
    this.#again += 1;
    if (this.#again <= 50) this.publish('a', 'data', KEYS[this.#again % KEYS.length] as string);
  }
}

describe('EventBus', () => {
  it('agrees with plain queues for any script of subscribers that throw, wait, publish and leave', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(subscribers, { maxLength: 4, size: 'max' }), steps, async (first, plan) => {
        const run = new Run();
        for (const each of first) run.watched.push(new Watched(each, run));
        await run.play(plan);
        for (const { plain, subscription, heard, failures, left, plan: planned } of run.watched) {
          const { delivered, dropped, errors, depth } = subscription.stats();
          expect([dropped, depth]).toEqual([left ? dropped : plain.dropped, plain.waiting.length]);
          // nothing but what a stuck handler of one who left holds back is outstanding
          expect([delivered, errors]).toEqual([heard.length, failures]);
          expect(plain.waiting).toEqual([]);
          expect(planned.topic === '*' || heard.every(({ topic }) => topic === planned.topic)).toBe(true);
        }
        expect(run.published.map(({ id }) => id)).toEqual(run.published.map((_, index) => index + 1));
        const heard = run.watched.flatMap((each) => each.heard);
        for (const { topic, class: eventClass, delivered } of run.bus.counters()) {
          expect(delivered).toBe(heard.filter((event) => event.topic === topic && classOf(event) === eventClass).length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('lets all who were there from the beginning hear each class in the same order, whatever they do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(subscribers, { minLength: 2, maxLength: 6 }),
        fc.array(publishes, { maxLength: 60 }),
        async (plans, plan) => {
          const run = new Run();
          const never: readonly Behaviour[] = ['join', 'leave', 'close others'];
          for (const each of plans) {
            const kept = each.behaviours.filter((behaviour) => !never.includes(behaviour));
            run.watched.push(
              new Watched(
                {
                  ...each,
                  topic: '*',
                  only: undefined,
                  capacity: Number.POSITIVE_INFINITY,
                  policy: 'drop-newest',
                  behaviours: [...kept, 'return'],
                },
                run,
              ),
            );
          }
          await run.play(plan);
          for (const eventClass of ['data', 'signal', 'control'] as const) {
            const ids = run.published.filter((event) => classOf(event) === eventClass).map(({ id }) => id);
            for (const { heard } of run.watched)
              expect(heard.filter((event) => classOf(event) === eventClass).map(({ id }) => id)).toEqual(ids);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
