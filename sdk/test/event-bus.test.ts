import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../src/clock.js';
import { EventBus } from '../src/event-bus.js';
import type { BusEvent } from '../src/events.js';
import { FakeClock } from '../src/testing/fake-clock.js';

interface Failure {
  readonly owner: string;
  readonly topic: string;
  readonly error: unknown;
}

function make() {
  const clock = new FakeClock(1_000);
  const failures: Failure[] = [];
  const bus = new EventBus({ clock, source: 'host', onHandlerError: (owner, topic, error) => void failures.push({ owner, topic, error }) });
  return { bus, clock, failures };
}

const ids = (into: (number | string)[]) => (event: BusEvent) => void into.push(event.id);

describe('EventBus', () => {
  it('builds one frozen envelope and calls nobody before publish returns', async () => {
    const { bus } = make();
    const seen: BusEvent[] = [];
    bus.subscribe('custom', {}, (event) => void seen.push(event));
    bus.subscribe('*', {}, (event) => void seen.push(event));
    const payload = { value: 1 };
    const event = bus.publish({ topic: 'custom', payload });
    expect(seen).toEqual([]);
    expect(event).toEqual({ topic: 'custom', id: 1, at: 1_000, source: 'host', version: 1, payload: { value: 1 } });
    expect([Object.isFrozen(event), Object.isFrozen(event.payload)]).toEqual([true, true]);
    await bus.idle();
    expect(seen[0]).toBe(event);
    expect(seen[1]).toBe(event);
  });

  it('refuses a payload that throws when it is read or frozen, and goes on', async () => {
    const { bus } = make();
    const seen: (number | string)[] = [];
    bus.subscribe('custom', {}, ids(seen));
    const thrower = () => {
      throw new Error('hostile');
    };
    const getter = Object.defineProperty({}, 'subsystem', { get: thrower, enumerable: true });
    for (const payload of [getter, new Proxy({}, { ownKeys: thrower }), new Proxy({}, { preventExtensions: thrower })]) {
      expect(() => bus.publish({ topic: 'custom', payload })).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID' }));
    }
    bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(seen).toEqual([1]);
  });

  it('freezes the payload of an event that is given a key too', () => {
    const { bus } = make();
    const { payload } = bus.publish({ topic: 'custom', key: 'of its own', payload: { count: 1 } });
    expect(Object.isFrozen(payload)).toBe(true);
  });

  it('publishes bytes, which cannot be frozen, and values that are no objects', () => {
    const { bus } = make();
    for (const payload of [Uint8Array.of(1), 'text', 1, null, undefined]) {
      expect(bus.publish({ topic: 'custom', payload }).payload).toBe(payload);
    }
  });

  it('delivers in publish order, one at a time, waiting for the promise of the last', async () => {
    const { bus, clock } = make();
    const log: string[] = [];
    bus.subscribe('custom', {}, async ({ id }) => {
      log.push(`begin ${id}`);
      await clock.sleep(10);
      log.push(`end ${id}`);
    });
    bus.publish({ topic: 'custom', payload: 1 });
    bus.publish({ topic: 'custom', payload: 2 });
    await clock.advance(9);
    expect(log).toEqual(['begin 1']);
    await clock.advance(100);
    expect(log).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  it('delivers an event published inside a handler to everyone after the one being handled', async () => {
    const { bus } = make();
    const [a, b]: [string[], string[]] = [[], []];
    bus.subscribe('*', {}, ({ topic }) => {
      a.push(topic);
      if (topic === 'metrics') bus.publish({ topic: 'backpressure', payload: { subsystem: 'x.y', from: 'normal', to: 'warning' } });
    });
    bus.subscribe('*', {}, ({ topic }) => void b.push(topic));
    bus.publish({ topic: 'metrics', payload: {} as never });
    bus.publish({ topic: 'other', payload: 1 });
    await bus.idle();
    expect(a).toEqual(['metrics', 'other', 'backpressure']);
    expect(b).toEqual(a);
  });

  it('keeps a handler that throws or rejects subscribed, counts it, and hurts nobody else', async () => {
    const { bus, failures } = make();
    const healthy: number[] = [];
    const thrower = bus.subscribe('custom', { owner: 'bad' }, () => {
      throw new Error('sync');
    });
    const rejecter = bus.forSource('worse').subscribe('custom', {}, async () => {
      throw new Error('async');
    });
    bus.subscribe('custom', {}, ids(healthy));
    for (let count = 0; count < 3; count += 1) bus.publish({ topic: 'custom', payload: count });
    await bus.idle();
    expect(healthy).toEqual([1, 2, 3]);
    expect(thrower.stats()).toMatchObject({ delivered: 3, errors: 3 });
    expect(rejecter.stats()).toMatchObject({ delivered: 3, errors: 3 });
    expect(failures.map(({ owner }) => owner).toSorted()).toEqual(['bad', 'bad', 'bad', 'worse', 'worse', 'worse']);
    expect(bus.counters()).toEqual([{ topic: 'custom', class: 'data', delivered: 9, dropped: 0, errors: 6 }]);
  });

  it('survives a report of errors that throws itself, and a handler that returns a broken thenable', async () => {
    const bus = new EventBus({
      clock: new FakeClock(),
      source: 'host',
      onHandlerError() {
        throw new Error('report');
      },
    });
    const seen: number[] = [];
    const broken = () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable that throws is what is tested
      get then(): never {
        throw new Error('getter');
      },
    });
    bus.subscribe('custom', {}, broken as never);
    bus.subscribe('custom', {}, ids(seen));
    bus.publish({ topic: 'custom', payload: 1 });
    bus.publish({ topic: 'custom', payload: 2 });
    await bus.idle();
    expect(seen).toEqual([1, 2]);
  });

  it('sheds data of a subscriber that is too slow, and no signal', async () => {
    const { bus, clock } = make();
    const seen: string[] = [];
    const slow = bus.subscribe('*', { capacity: 2 }, async ({ topic }) => {
      seen.push(topic);
      await clock.sleep(1);
    });
    const quick: number[] = [];
    bus.subscribe('*', { capacity: 100 }, ids(quick));
    for (let count = 0; count < 5; count += 1) {
      bus.publish({ topic: 'custom', payload: count });
      bus.publish({ topic: 'status', payload: { plugin: 'p' } as never });
    }
    await clock.advance(100);
    expect(quick).toHaveLength(10);
    expect(seen.filter((topic) => topic === 'status')).toHaveLength(5);
    expect(seen.filter((topic) => topic === 'custom')).toHaveLength(2);
    expect(slow.stats()).toMatchObject({ delivered: 7, dropped: 3, depth: 0, maxDepth: 7 });
    expect(bus.counters()).toContainEqual({ topic: 'custom', class: 'data', delivered: 7, dropped: 3, errors: 0 });
  });

  it('conflates metrics per subsystem unless told otherwise', async () => {
    const { bus, clock } = make();
    const seen: unknown[] = [];
    bus.subscribe('metrics', {}, async ({ payload }) => {
      seen.push(payload);
      await clock.sleep(1);
    });
    const publish = (subsystem: string, n: number) => bus.publish({ topic: 'metrics', payload: { subsystem, n } as never });
    for (let n = 0; n < 100; n += 1) for (const subsystem of ['a', 'b', 'c']) publish(subsystem, n);
    await clock.advance(10);
    expect(seen).toEqual(['a', 'b', 'c'].map((subsystem) => ({ subsystem, n: 99 })));
  });

  it('lets control overtake what waits', async () => {
    const { bus } = make();
    const seen: string[] = [];
    bus.subscribe('*', {}, ({ topic }) => void seen.push(topic));
    bus.publish({ topic: 'custom', payload: 1 });
    bus.publish({ topic: 'control', payload: { kind: 'drain' } });
    await bus.idle();
    expect(seen).toEqual(['control', 'custom']);
  });

  it('takes the class of a known topic from the contract, of another from the publisher', async () => {
    const { bus } = make();
    const seen: string[] = [];
    bus.subscribe('*', { class: 'signal' }, ({ topic }) => void seen.push(topic));
    bus.publish({ topic: 'status', payload: {} as never, class: 'data' });
    bus.publish({ topic: 'custom', payload: 1, class: 'signal' });
    bus.publish({ topic: 'other', payload: 1 });
    await bus.idle();
    expect(seen).toEqual(['status', 'custom']);
  });

  it('begins no handler call after unsubscribe, also from inside a handler', async () => {
    const { bus } = make();
    const seen: number[] = [];
    const subscription = bus.subscribe('custom', {}, ({ id }) => {
      seen.push(id);
      if (id === 2) subscription.unsubscribe();
    });
    for (let count = 0; count < 4; count += 1) bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    subscription.unsubscribe();
    expect(seen).toEqual([1, 2]);

    const never = bus.subscribe('custom', {}, ({ id }) => void seen.push(id));
    bus.publish({ topic: 'custom', payload: 1 });
    never[Symbol.dispose]();
    await bus.idle();
    expect(seen).toEqual([1, 2]);
  });

  it('knows the newest event of a topic and of a key, and replays them to those who ask', async () => {
    const { bus } = make();
    expect(bus.latest('metrics')).toBeUndefined();
    const publish = (subsystem: string, n: number) => bus.publish({ topic: 'metrics', payload: { subsystem, n } as never });
    const [, b, a] = [publish('a', 1), publish('b', 1), publish('a', 2)];
    expect(bus.latest('metrics')).toBe(a);
    expect(bus.latest('metrics', 'b')).toBe(b);
    expect(bus.latest('metrics', 'c')).toBeUndefined();
    const [late, plain]: [number[], number[]] = [[], []];
    bus.subscribe('*', { replayLatest: true }, ids(late));
    bus.subscribe('metrics', {}, ids(plain));
    publish('b', 2);
    await bus.idle();
    expect(late).toEqual([2, 3, 4]);
    expect(plain).toEqual([4]);
  });

  it('replays every key to one who follows a topic in order, whether others are in the middle of it or not', async () => {
    const { bus } = make();
    const publish = (key: string) => bus.publish({ topic: 'custom', payload: key, key });
    const [first, second, late]: [number[], number[], number[]] = [[], [], []];
    for (const key of ['a', 'b', 'a', 'c']) publish(key);
    bus.subscribe('custom', { replayLatest: true }, ids(first));
    publish('b');
    bus.subscribe('custom', { replayLatest: true }, ids(second));
    publish('d');
    bus.subscribe('custom', { replayLatest: true, capacity: 2 }, ids(late));
    await bus.idle();
    expect(first).toEqual([2, 3, 4, 5, 6]);
    expect(second).toEqual([3, 4, 5, 6]);
    expect(late).toEqual([3, 4]);
  });

  it('remembers a bounded number of keys and topics', () => {
    const { bus } = make();
    for (let key = 0; key <= 1_024; key += 1) bus.publish({ topic: 'custom', payload: key, key: String(key) });
    expect(bus.latest('custom', '0')).toBeUndefined();
    expect(bus.latest('custom', '1')?.payload).toBe(1);
    for (let topic = 1; topic < 1_024; topic += 1) bus.publish({ topic: `t${topic}`, payload: 1 });
    expect(() => bus.publish({ topic: 'one-more', payload: 1 })).toThrow(expect.objectContaining({ code: 'TOPIC_LIMIT' }));
    expect(bus.publish({ topic: 'custom', payload: 1 }).topic).toBe('custom');
  });

  it.each(['', '*', ' a', '1a', 'a b', 'a\n', 'ä'])('refuses to publish on the topic %j', (topic) => {
    expect(() => make().bus.publish({ topic, payload: 1 })).toThrow(expect.objectContaining({ code: 'TOPIC_INVALID', kind: 'input' }));
  });

  it('tells how long events wait', async () => {
    const { bus, clock } = make();
    const subscription = bus.subscribe('custom', {}, () => clock.sleep(100));
    expect(subscription.stats().p99WaitMs).toBe(0);
    for (let count = 0; count < 5; count += 1) bus.publish({ topic: 'custom', payload: 1 });
    await clock.advance(1_000);
    expect(Math.abs(subscription.stats().p99WaitMs - 300)).toBeLessThan(110);
  });

  it('keeps timers and I/O alive however much is published', async () => {
    for (const handler of [() => undefined, async () => undefined]) {
      const bus = new EventBus({ clock: systemClock, source: 'host' });
      let goingOn = true;
      let handled = 0;
      bus.subscribe('flood', {}, () => {
        handled += 1;
        if (goingOn) bus.publish({ topic: 'flood', payload: 1 });
        return handler();
      });
      bus.publish({ topic: 'flood', payload: 1 });
      // without a budget per turn this would never resolve: the flood feeds itself in microtasks
      for (let timer = 0; timer < 3; timer += 1) await new Promise((resolve) => setTimeout(resolve, 1));
      goingOn = false;
      await bus.idle();
      expect(handled).toBeGreaterThan(2);
    }
  });

  it('lets no busy subscriber keep another one waiting for long', async () => {
    const { bus } = make();
    const log: string[] = [];
    bus.subscribe('busy', { capacity: Number.POSITIVE_INFINITY }, () => void log.push('busy'));
    bus.subscribe('calm', {}, () => void log.push('calm'));
    for (let count = 0; count < 1_000; count += 1) bus.publish({ topic: 'busy', payload: 1 });
    bus.publish({ topic: 'calm', payload: 1 });
    await bus.idle();
    expect(log.indexOf('calm')).toBe(64);
  });
});

describe('EventBus.forSource', () => {
  it('stamps the source and owns the subscriptions', async () => {
    const { bus, failures } = make();
    const view = bus.forSource('compute');
    view.subscribe('custom', {}, () => {
      throw new Error('mine');
    });
    expect(view.publish({ topic: 'custom', payload: 1 }).source).toBe('compute');
    await bus.idle();
    expect(failures[0]?.owner).toBe('compute');
    expect(view.latest('custom')).toBe(bus.latest('custom'));
    expect(view.counters()).toEqual(bus.counters());
  });

  it('takes everything of a source away, and leaves what the next run of the same plugin does', async () => {
    const { bus } = make();
    const seen: string[] = [];
    const old = bus.forSource('p');
    old.subscribe('custom', {}, () => void seen.push('old'));
    const observed = old.observe('custom').subscribe(() => seen.push('observed'));
    bus.subscribe('custom', {}, ({ source }) => void seen.push(`host hears ${source}`));
    bus.closeSource('p');
    const next = bus.forSource('p');
    next.subscribe('custom', {}, () => void seen.push('next'));
    expect(old.publish({ topic: 'custom', payload: 'from the grave' }).source).toBe('p');
    old.subscribe('custom', {}, () => void seen.push('old again'));
    next.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(seen.toSorted()).toEqual(['host hears p', 'next']);
    observed.unsubscribe();
  });

  it('calls every handler through runAs with the source that subscribed it, whoever published', async () => {
    const calls: string[] = [];
    const runAs = <T>(source: string, call: () => T): T => {
      calls.push(source);
      return call();
    };
    const bus = new EventBus({ clock: new FakeClock(), source: 'host', runAs });
    bus.subscribe('custom', {}, () => {});
    bus.forSource('a').subscribe('custom', { owner: 'a.part' }, () => {});
    bus.forSource('b').observe('custom').subscribe();
    bus.forSource('c').publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(calls).toEqual(['host', 'a', 'b']);
  });

  it('falls silent as a whole when the bus is closed', async () => {
    const { bus } = make();
    const seen: number[] = [];
    const view = bus.forSource('p');
    bus.subscribe('*', {}, ids(seen));
    view.subscribe('*', {}, ids(seen));
    bus.publish({ topic: 'custom', payload: 1 });
    bus.close();
    bus.close();
    bus.publish({ topic: 'custom', payload: 1 });
    view.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(seen).toEqual([]);
  });
});
