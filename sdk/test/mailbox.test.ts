import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Mailbox } from '../src/mailbox.js';

function all<T>(mailbox: Mailbox<T>): T[] {
  const items: T[] = [];
  for (let item = mailbox.take(); item !== undefined; item = mailbox.take()) items.push(item);
  return items;
}

function offerMany(mailbox: Mailbox<string>, text: string): void {
  for (const item of text.split(' ')) {
    const eventClass = item.startsWith('S') ? 'signal' : item.startsWith('C') ? 'control' : 'data';
    mailbox.offer(item, eventClass, item.split(':')[0]);
  }
}

describe('Mailbox', () => {
  it('drops the newest data when it is full, and never a signal, which keeps its place', () => {
    const mailbox = new Mailbox<string>({ capacity: 4 });
    offerMany(mailbox, 'u0 u1 u2 u3 u4 S1 u5 S2');
    expect(all(mailbox)).toEqual(['u0', 'u1', 'u2', 'u3', 'S1', 'S2']);
    expect(mailbox.dropped).toBe(2);
  });

  it('drops the oldest data where told to, around signals that keep their place', () => {
    const mailbox = new Mailbox<string>({ capacity: 4, policy: 'drop-oldest' });
    offerMany(mailbox, 'u0 u1 u2 u3 u4 u5 S1 u6 u7 S2');
    expect(all(mailbox)).toEqual(['u4', 'u5', 'S1', 'u6', 'u7', 'S2']);
    expect(mailbox.dropped).toBe(4);
  });

  it('lets control overtake everything, in its own order', () => {
    const mailbox = new Mailbox<string>({ capacity: 1 });
    offerMany(mailbox, 'u0 S1 C1 C2');
    expect(all(mailbox)).toEqual(['C1', 'C2', 'u0', 'S1']);
  });

  it('keeps the newest of each key in the place of the first, so that no key starves', () => {
    const mailbox = new Mailbox<string>({ policy: 'conflate' });
    offerMany(mailbox, 'a:1 b:1 c:1 a:2 b:2 a:3');
    expect(mailbox.take()).toBe('a:3');
    offerMany(mailbox, 'a:4 b:3 c:2');
    expect(all(mailbox)).toEqual(['b:3', 'c:2', 'a:4']);
    expect(mailbox.dropped).toBe(5);
  });

  it('lets conflated data pass no signal in either direction', () => {
    const mailbox = new Mailbox<string>({ policy: 'conflate' });
    offerMany(mailbox, 'a:1 S1 a:2 a:3 S2');
    expect(all(mailbox)).toEqual(['a:1', 'S1', 'a:3', 'S2']);
  });

  it('drops the oldest when there are more keys than places', () => {
    const mailbox = new Mailbox<string>({ policy: 'conflate', capacity: 2 });
    offerMany(mailbox, 'a:1 b:1 c:1 a:2');
    expect(all(mailbox)).toEqual(['c:1', 'a:2']);
  });

  it('answers what it shed', () => {
    const newest = new Mailbox<string>({ capacity: 1 });
    expect([newest.offer('1', 'data'), newest.offer('2', 'data')]).toEqual([undefined, '2']);
    const oldest = new Mailbox<string>({ capacity: 1, policy: 'drop-oldest' });
    expect([oldest.offer('1', 'data'), oldest.offer('2', 'data')]).toEqual([undefined, '1']);
  });

  it('takes any number where the capacity is Infinity', () => {
    const mailbox = new Mailbox<number>({ capacity: Number.POSITIVE_INFINITY });
    for (let item = 0; item < 5_000; item += 1) mailbox.offer(item, 'data');
    expect([mailbox.depth, mailbox.maxDepth, mailbox.dropped]).toEqual([5_000, 5_000, 0]);
    expect(all(mailbox)).toHaveLength(5_000);
  });

  it('works on after it was cleared', () => {
    const mailbox = new Mailbox<string>({ policy: 'conflate' });
    offerMany(mailbox, 'a:1 b:1 S1 C1');
    mailbox.clear();
    expect([mailbox.depth, mailbox.take()]).toEqual([0, undefined]);
    offerMany(mailbox, 'a:2 a:3');
    expect(all(mailbox)).toEqual(['a:3']);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses the capacity %p', (capacity) => {
    expect(() => new Mailbox({ capacity })).toThrow(expect.objectContaining({ code: 'MAILBOX_CAPACITY_INVALID' }));
  });

  it.each([['drop_oldest'], ['constructor'], [''], [null], [1], [{}], [Symbol('x')]])('refuses the policy %p, which is none', (policy) => {
    expect(() => new Mailbox({ policy: policy as never })).toThrow(expect.objectContaining({ code: 'MAILBOX_POLICY_INVALID' }));
  });

  it.each([
    [{ capcity: 5 }, /A mailbox cannot work: options\.capcity is unknown: did you mean capacity\?/],
    [null, /options must be an object with policy, capacity, and is null/],
  ])('refuses the options %j', (options, message) => {
    expect(() => new Mailbox(options as object)).toThrow(
      expect.objectContaining({ kind: 'input', code: 'MAILBOX_OPTIONS_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('agrees with a list that does the same slowly, for any offers and takes', () => {
    const offer = fc.record({
      eventClass: fc.constantFrom('data', 'data', 'data', 'signal', 'control'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
    });
    const steps = fc.array(fc.option(offer), { maxLength: 200 });
    const policies = fc.constantFrom('drop-newest', 'drop-oldest', 'conflate');
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 20 }), steps, (policy, capacity, plan) => {
        const mailbox = new Mailbox<number>({ policy, capacity });
        let list: { id: number; eventClass: string; key: string }[] = [];
        let dropped = 0;
        const drop = (victim: number) => {
          dropped += 1;
          list = list.filter(({ id }) => id !== victim);
        };
        for (const [id, step] of plan.entries()) {
          if (step === null) {
            const next = list.find(({ eventClass }) => eventClass === 'control') ?? list[0];
            list = list.filter((each) => each !== next);
            expect(mailbox.take()).toBe(next?.id);
            continue;
          }
          mailbox.offer(id, step.eventClass, step.key);
          const data = list.filter(({ eventClass }) => eventClass === 'data');
          const same = data.findLast(({ key }) => key === step.key);
          const lastSignal = list.findLastIndex(({ eventClass }) => eventClass === 'signal');
          if (step.eventClass !== 'data') list.push({ id, ...step });
          else if (policy === 'conflate' && same !== undefined && list.indexOf(same) > lastSignal) {
            dropped += 1;
            same.id = id;
          } else if (data.length < capacity) list.push({ id, ...step });
          else if (policy === 'drop-newest') dropped += 1;
          else {
            drop(data[0]?.id ?? -1);
            list.push({ id, ...step });
          }
          expect([mailbox.depth, mailbox.dropped]).toEqual([list.length, dropped]);
        }
        const rest = [
          ...list.filter(({ eventClass }) => eventClass === 'control'),
          ...list.filter(({ eventClass }) => eventClass !== 'control'),
        ];
        expect(all(mailbox)).toEqual(rest.map(({ id }) => id));
      }),
      { numRuns: 300 },
    );
  });
});
