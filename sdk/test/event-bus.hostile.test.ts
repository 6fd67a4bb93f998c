import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { asapScheduler, concatMap, config, delay, map, mergeMap, observeOn, take } from 'rxjs';
import { systemClock } from '../src/clock.js';
import { EventBus } from '../src/event-bus.js';
import type { Subscription } from '../src/event-bus-contract.js';
import type { BusEvent } from '../src/events.js';
import { FakeClock } from '../src/testing/fake-clock.js';

/** A bus with a healthy subscriber, and what that one has heard. */
function withHealthy() {
  const errors: unknown[] = [];
  const bus = new EventBus({ clock: new FakeClock(), source: 'host', onHandlerError: (_owner, _topic, error) => void errors.push(error) });
  const healthy: unknown[] = [];
  bus.subscribe('custom', {}, ({ payload }) => void healthy.push(payload));
  return { bus, errors, healthy };
}

const throwing = (value: unknown) => () => {
  throw value;
};

/** Throws at whatever is done with it. */
const poisoned: object = new Proxy(Object.create(null), {
  get: throwing(new Error('get')),
  has: throwing(new Error('has')),
  getPrototypeOf: throwing(new Error('getPrototypeOf')),
  ownKeys: throwing(new Error('ownKeys')),
});

// biome-ignore-start lint/suspicious/noThenProperty: thenables that misbehave are what is tested
const misbehavingPromise = () => Object.assign(Promise.resolve(), { then: throwing(new Error('own then')) });

const ANSWERS: readonly [what: string, errors: number, handler: () => unknown][] = [
  ['throws an error', 2, throwing(new Error('mine'))],
  ['throws nothing', 2, throwing(undefined)],
  ['throws a text', 2, throwing('text')],
  ['throws a symbol', 2, throwing(Symbol('thrown'))],
  ['throws an object without a prototype', 2, throwing(Object.create(null))],
  ['throws an object that throws when it is looked at', 2, throwing(poisoned)],
  [
    'throws an error whose message and stack throw',
    2,
    () => {
      throw Object.defineProperties(new Error('x'), { message: { get: throwing('message') }, stack: { get: throwing('stack') } });
    },
  ],
  [
    'rejects with an object that throws when it is looked at',
    2,
    async () => {
      throw poisoned;
    },
  ],
  [
    'calls itself without end',
    2,
    function endless(): unknown {
      return [endless()];
    },
  ],
  ['answers an object that throws when it is looked at', 2, () => poisoned],
  ['answers a thenable whose then throws', 2, () => ({ then: throwing(new Error('then')) })],
  [
    'answers a thenable whose then throws after it has resolved',
    0,
    () => ({
      then(resolve: () => void) {
        resolve();
        throw new Error('too late');
      },
    }),
  ],
  [
    'answers a thenable that resolves and rejects, twice each',
    0,
    () => ({
      then(resolve: () => void, reject: (reason: unknown) => void) {
        for (const settle of [resolve, reject, resolve, reject]) settle(new Error('again'));
      },
    }),
  ],
  [
    'answers a thenable that resolves with another one that rejects',
    2,
    () => ({
      then: (resolve: (value: unknown) => void) => resolve(Promise.reject(new Error('inner'))),
    }),
  ],
  [
    'answers a function with a then',
    2,
    () => Object.assign(() => {}, { then: (_: unknown, reject: (reason: unknown) => void) => reject(1) }),
  ],
  ['answers a promise with a then of its own that throws', 0, misbehavingPromise],
  [
    'answers a promise whose constructor throws',
    2,
    () => Object.defineProperty(Promise.resolve(), 'constructor', { get: throwing('constructor') }),
  ],
  ['answers something else than a promise', 0, () => ({ then: 'not callable' })],
];
// biome-ignore-end lint/suspicious/noThenProperty: see above

describe('a handler', () => {
  it.each(ANSWERS)('that %s hurts nobody, stays subscribed, and each call ends once', async (_what, errorCount, handler) => {
    const { bus, errors, healthy } = withHealthy();
    const bad = bus.subscribe('custom', {}, handler as () => void);
    bus.publish({ topic: 'custom', payload: 1 });
    bus.publish({ topic: 'custom', payload: 2 });
    await bus.idle();
    expect(healthy).toEqual([1, 2]);
    expect(bad.stats()).toMatchObject({ delivered: 2, errors: errorCount, depth: 0 });
    expect(errors).toHaveLength(errorCount);
    expect(bus.counters()).toEqual([{ topic: 'custom', class: 'data', delivered: 4, dropped: 0, errors: errorCount }]);
  });

  it('that never ends keeps its own mailbox waiting, bounded, and nobody else', async () => {
    const { bus, healthy } = withHealthy();
    const stuck = bus.subscribe('custom', { capacity: 3 }, () => new Promise<void>(() => {}));
    for (let n = 0; n < 10; n += 1) bus.publish({ topic: 'custom', payload: n });
    bus.publish({ topic: 'custom', payload: 'signal', class: 'signal' });
    await turn();
    expect(healthy).toHaveLength(11);
    expect(stuck.stats()).toMatchObject({ delivered: 0, dropped: 7, depth: 3 + 1 - 1 });
    stuck.unsubscribe();
    expect(stuck.stats().depth).toBe(0);
  });

  it('that throws, one that is slow and a healthy one stand side by side', async () => {
    const clock = new FakeClock();
    const failed: string[] = [];
    const bus = new EventBus({ clock, source: 'host', onHandlerError: (owner) => void failed.push(owner) });
    const heard: number[] = [];
    const thrower = bus.forSource('thrower').subscribe('custom', {}, throwing(new Error('always')));
    const slow = bus.forSource('slow').subscribe('custom', { capacity: 10 }, () => clock.sleep(1_000));
    bus.forSource('healthy').subscribe('custom', {}, ({ id }) => void heard.push(id));
    for (let round = 0; round < 10; round += 1) {
      for (let n = 0; n < 100; n += 1) bus.publish({ topic: 'custom', payload: n });
      await clock.advance(1);
    }
    expect(heard).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
    expect(thrower.stats()).toMatchObject({ delivered: 1_000, errors: 1_000, dropped: 0 });
    // one is being handled, ten wait, the others were shed
    expect(slow.stats()).toMatchObject({ delivered: 0, dropped: 989, depth: 10, maxDepth: 10 });
    expect(new Set(failed)).toEqual(new Set(['thrower']));
  });

  it('may unsubscribe itself and others, subscribe, publish and close in the middle', async () => {
    const { bus, healthy } = withHealthy();
    const log: string[] = [];
    const victims: Subscription[] = [];
    bus.subscribe('custom', {}, ({ id }) => {
      log.push(`a${id}`);
      for (const victim of victims.splice(0)) victim.unsubscribe();
      if (id > 3) return;
      bus.subscribe('custom', {}, (event) => void log.push(`new${event.id}`)).unsubscribe();
      const once = bus.subscribe('custom', {}, (event) => {
        log.push(`once${event.id}`);
        once.unsubscribe();
        once.unsubscribe();
      });
      bus.publish({ topic: 'custom', payload: `from ${id}` });
    });
    victims.push(bus.subscribe('custom', {}, ({ id }) => void log.push(`victim${id}`)));
    bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    expect(log.filter((entry) => entry.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(log.filter((entry) => !entry.startsWith('a'))).toEqual(['once2', 'once3', 'once4']);
    expect(healthy).toEqual([1, 'from 1', 'from 2', 'from 3']);
    bus.subscribe('custom', {}, () => bus.close());
    bus.publish({ topic: 'custom', payload: 'last' });
    bus.publish({ topic: 'custom', payload: 'never heard by those after' });
    await bus.idle();
    expect(bus.publish({ topic: 'custom', payload: 1 }).payload).toBe(1);
  });

  it('that publishes leaves everyone with the same order, whoever subscribed first', async () => {
    const { bus } = withHealthy();
    const heard: number[][] = [[], [], [], []];
    for (const [index, into] of heard.entries()) {
      bus.subscribe('custom', { capacity: Number.POSITIVE_INFINITY }, ({ id, payload }) => {
        into.push(id);
        if ((payload as number) < 4)
          for (let n = 0; n < 2; n += 1) bus.publish({ topic: 'custom', payload: (payload as number) + 1, key: `${index}` });
      });
    }
    bus.publish({ topic: 'custom', payload: 0 });
    await bus.idle();
    expect(heard[0]).toEqual(heard[0]?.toSorted((a, b) => a - b));
    expect(heard[0]?.length).toBeGreaterThan(1_000);
    for (const each of heard) expect(each).toEqual(heard[0]);
  });
});

describe('a publisher', () => {
  it.each([
    ['frozen', Object.freeze({ subsystem: 'x' })],
    [
      'an instance of a class',
      new (class Job {
        readonly #secret = 1;
        get subsystem() {
          return `s${this.#secret}`;
        }
      })(),
    ],
    ['an empty view', new Uint8Array(0)],
    ['a view on shared memory', new Float64Array(new SharedArrayBuffer(16))],
    ['a buffer', new ArrayBuffer(8)],
    ['large', { rows: Array.from({ length: 100_000 }, (_, row) => ({ row })) }],
    [
      'a circle',
      (() => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      })(),
    ],
    ['a function', () => 1],
    ['a big number', 10n ** 1_000n],
    ['a symbol', Symbol('payload')],
    ['called __proto__', JSON.parse('{"__proto__": {"polluted": true}, "subsystem": "__proto__"}')],
  ])('may publish what is %s', async (_what, payload) => {
    const { bus, healthy } = withHealthy();
    bus.publish({ topic: 'custom', payload });
    await bus.idle();
    expect(healthy).toHaveLength(1);
    expect(healthy[0]).toBe(payload);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([
    ['throws at every touch', poisoned],
    ['cannot be frozen', new Proxy({}, { preventExtensions: () => false })],
    [
      'throws from a getter that gives its key',
      {
        get subsystem() {
          throw new Error('getter');
        },
      },
    ],
  ])('is told by a code when its payload %s, and nobody else notices', async (_what, payload) => {
    const { bus, healthy } = withHealthy();
    expect(() => bus.publish({ topic: 'custom', payload })).toThrow(expect.objectContaining({ code: 'PAYLOAD_INVALID', kind: 'input' }));
    bus.publish({ topic: 'custom', payload: 'next' });
    await bus.idle();
    expect(healthy).toEqual(['next']);
  });

  it.each([
    ['__proto__'],
    ['x'.repeat(129)],
    ['x'.repeat(10_000_000)],
    ['a\0b'],
    [''],
    [undefined],
    [null],
    [1],
    [1n],
    [Symbol('s')],
    [poisoned],
    [{ toString: () => 'custom' }],
  ])('is told by a short message with a code that its topic is none', (topic) => {
    const { bus } = withHealthy();
    const calls = [() => bus.publish({ topic: topic as string, payload: 1 }), () => bus.subscribe(topic as string, {}, () => {})];
    for (const call of calls) {
      let caught: { code?: string; message?: string } = {};
      try {
        call();
      } catch (error) {
        caught = error as Error;
      }
      expect(caught.code).toBe('TOPIC_INVALID');
      expect(caught.message?.length).toBeLessThan(400);
    }
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('may call its topic and its keys %s', async (name) => {
    const { bus, healthy } = withHealthy();
    bus.subscribe(name, {}, ({ payload }) => void healthy.push(payload));
    for (const key of [name, '__proto__', '']) bus.publish({ topic: name, payload: key, key });
    await bus.idle();
    expect(healthy).toEqual([name, '__proto__', '']);
    expect([bus.latest(name, '__proto__')?.payload, bus.latest(name, '')?.payload, bus.latest(name, 'absent')]).toEqual([
      '__proto__',
      '',
      undefined,
    ]);
    expect(bus.counters()).toContainEqual({ topic: name, class: 'data', delivered: 3, dropped: 0, errors: 0 });
  });

  it.each([0, 20])('at the end of its stack makes nobody deaf, with %i others', async (many) => {
    const { bus, healthy } = withHealthy();
    const others: BusEvent[] = [];
    for (let n = 0; n < many; n += 1) bus.subscribe('custom', { capacity: Number.POSITIVE_INFINITY }, (event) => void others.push(event));
    const dig = (depth: number): void => {
      try {
        bus.publish({ topic: 'custom', payload: depth });
      } catch {
        // the stack ends somewhere within the bus, elsewhere each time
      }
      dig(depth + 1);
    };
    for (let times = 0; times < 20; times += 1) {
      expect(() => dig(0)).toThrow(RangeError);
      await bus.idle();
      healthy.length = 0;
      others.length = 0;
      const { id } = bus.publish({ topic: 'custom', payload: 'afterwards' });
      await bus.idle();
      expect(healthy.at(-1)).toBe('afterwards');
      expect(others.filter((event) => event.id === id)).toHaveLength(many);
    }
  });
});

describe('a plugin', () => {
  it.each(['__proto__', 'constructor', 'urgent', '', 'x'.repeat(10_000_000), 1, null, Symbol('s'), {}])(
    'is told that a class of events is none, and neither a bound nor a prototype gives way (%#)',
    async (invented) => {
      const { bus, healthy } = withHealthy();
      const before = Object.getOwnPropertyNames(Object.prototype);
      const eventClass = invented as never;
      const slow = bus.subscribe('custom', { capacity: 2 }, () => new Promise<void>(() => {}));
      const refused = expect.objectContaining({ code: 'EVENT_CLASS_INVALID', message: expect.stringMatching(/^.{1,300}$/s) });
      // null is what is not given
      if (invented !== null) expect(() => bus.publish({ topic: 'custom', payload: 1, class: eventClass })).toThrow(refused);
      expect(() => bus.subscribe('custom', { class: eventClass }, () => {})).toThrow(refused);
      bus.publish({ topic: 'custom', payload: 'next' });
      await turn();
      expect(healthy).toEqual(['next']);
      expect(slow.stats().maxDepth).toBe(1);
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
      expect(bus.counters()).toHaveLength(1);
    },
  );

  it.each([
    [{ capcity: 5 }, /A subscription cannot work: options\.capcity is unknown: did you mean capacity\?/],
    [null, /options must be an object with policy, capacity, .* and is null/],
    ['drop-oldest', /and is a string/],
  ])('cannot subscribe with the options %j', (options, message) => {
    const { bus } = withHealthy();
    expect(() => bus.subscribe('custom', options as never, () => {})).toThrow(
      expect.objectContaining({ kind: 'input', code: 'MAILBOX_OPTIONS_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ['that is no text', { key: 5 as never, payload: 1 }],
    ['that throws at every touch', { key: poisoned as never, payload: 1 }],
    ['like a book', { key: 'k'.repeat(1_025), payload: 1 }],
    ['like a book in its payload', { payload: { subsystem: 'k'.repeat(1_025) } }],
  ])('is told that a key %s is none, before anybody hears of the event', async (_what, event) => {
    const { bus, healthy } = withHealthy();
    expect(() => bus.publish({ topic: 'custom', ...event })).toThrow(expect.objectContaining({ code: 'EVENT_KEY_INVALID' }));
    bus.publish({ topic: 'custom', payload: 'next', key: 'k'.repeat(1_024) });
    await bus.idle();
    expect(healthy).toEqual(['next']);
  });

  it('that names topics without end takes neither the topics of the contract nor those of others away', async () => {
    const { bus, healthy } = withHealthy();
    const greedy = bus.forSource('greedy');
    const name = (n: number) => greedy.subscribe(`greedy.${n}`, { owner: `owner ${n}` }, () => {}).unsubscribe();
    for (let n = 0; n < 1_024; n += 1) name(n);
    expect(() => name(1_024)).toThrow(expect.objectContaining({ code: 'TOPIC_LIMIT', message: expect.stringContaining('greedy') }));
    expect(() => greedy.publish({ topic: 'greedy.more', payload: 1 })).toThrow(expect.objectContaining({ code: 'TOPIC_LIMIT' }));
    const other = bus.forSource('other');
    for (const topic of ['other.own', 'status', 'control', 'custom']) {
      other.subscribe(topic, {}, ({ payload }) => void healthy.push(payload));
      greedy.subscribe(topic, {}, () => {});
      bus.publish({ topic, payload: topic as never });
    }
    await bus.idle();
    expect(healthy).toEqual(['other.own', 'status', 'control', 'custom', 'custom']);
  });
});

describe('a pipeline over observe', () => {
  /** RxJS reports on timers of 0 ms. */
  const reported = () => new Promise((resolve) => setTimeout(resolve, 5));

  it.each([
    [
      'whose operator throws',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(map(throwing(new Error('op'))))
          .subscribe(),
    ],
    [
      'whose operator throws, and whose handler of errors too',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(map(throwing(1)))
          .subscribe({ error: throwing(2) }),
    ],
    ['whose next throws', (bus: EventBus) => bus.observe('custom').subscribe(throwing(new Error('next')))],
    [
      'whose complete throws',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(take(1))
          .subscribe({ complete: throwing(new Error('complete')) }),
    ],
    [
      'whose teardown throws',
      (bus: EventBus) => {
        const subscription = bus.observe('custom').subscribe(() => subscription.unsubscribe());
        subscription.add(throwing(new Error('teardown')));
      },
    ],
    ['that throws what throws when it is looked at', (bus: EventBus) => bus.observe('custom').subscribe(throwing(poisoned))],
    [
      'whose inner promise rejects',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(concatMap(() => Promise.reject(new Error('inner'))))
          .subscribe(),
    ],
    [
      'whose asynchronous operator throws',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(delay(0), map(throwing(1)))
          .subscribe(),
    ],
    [
      'that throws behind another scheduler',
      (bus: EventBus) => bus.observe('custom').pipe(observeOn(asapScheduler)).subscribe(throwing(1)),
    ],
    ['of a topic that is none', (bus: EventBus) => bus.observe('no topic').subscribe()],
    [
      'that never ends its work',
      (bus: EventBus) =>
        bus
          .observe('custom')
          .pipe(mergeMap(() => new Promise(() => {})))
          .subscribe(),
    ],
  ])('%s hurts nobody', async (_what, start) => {
    const { bus, healthy } = withHealthy();
    start(bus);
    const second: unknown[] = [];
    bus.observe('custom').subscribe(({ payload }) => void second.push(payload));
    for (let n = 0; n < 3; n += 1) bus.publish({ topic: 'custom', payload: n });
    await bus.idle();
    await reported();
    bus.publish({ topic: 'custom', payload: 'afterwards' });
    await bus.idle();
    expect([healthy, second]).toEqual([
      [0, 1, 2, 'afterwards'],
      [0, 1, 2, 'afterwards'],
    ]);
  });

  it('leaves the bus once it has what it wanted, and when its operator has thrown', async () => {
    const { bus } = withHealthy();
    const before = bus.counters()[0]?.delivered ?? 0;
    bus.observe('custom').pipe(take(1)).subscribe();
    bus
      .observe('custom')
      .pipe(map(throwing(1)))
      .subscribe({ error: () => {} });
    for (let n = 0; n < 5; n += 1) bus.publish({ topic: 'custom', payload: n });
    await bus.idle();
    expect((bus.counters()[0]?.delivered ?? 0) - before).toBe(5 + 1 + 1);
  });

  it('has errors reported also where the hook of RxJS was taken away after observe', async () => {
    const { bus, errors } = withHealthy();
    const observable = bus.observe('custom');
    config.onUnhandledError = null;
    observable.subscribe(throwing(new Error('reported all the same')));
    bus.publish({ topic: 'custom', payload: 1 });
    await bus.idle();
    await reported();
    expect(errors).toEqual([new Error('reported all the same')]);
  });
});

describe('a flood', () => {
  it('lets the event loop go round after every turn, and leaves no event of it behind', async () => {
    const bus = new EventBus({ clock: systemClock, source: 'host' });
    let published = 0;
    const perTurn: number[] = [];
    let inThisTurn = 0;
    const total = 300_000;
    const subscription = bus.subscribe('flood', { capacity: 64 }, () => {
      inThisTurn += 1;
      for (let n = 0; n < 3 && published < total; n += 1) {
        published += 1;
        bus.publish({ topic: 'flood', payload: published });
      }
    });
    bus.publish({ topic: 'flood', payload: 0 });
    let turns = 0;
    while (published < total && turns < total) {
      // how many events a millisecond has says the machine; that the event loop goes round between two turns of the bus says the bus
      await turn();
      turns += 1;
      perTurn.push(inThisTurn);
      inThisTurn = 0;
    }
    await bus.idle();
    // 4,096 deliveries are the most that a turn of the bus has, and two of them the most between two looks
    expect(turns).toBeGreaterThan(10);
    expect(Math.max(...perTurn)).toBeLessThan(10_000);
    const { delivered, dropped, depth, maxDepth } = subscription.stats();
    expect([delivered + dropped, depth, maxDepth]).toEqual([total + 1, 0, 64]);
  });
});

it('nothing of all this ends a process that has no handler for errors nobody caught', () => {
  const program = fileURLToPath(new URL('programs/hostile-subscribers.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--unhandled-rejections=strict', program], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect([status, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({ healthy: 50, observed: 50, reports: expect.any(Number) });
  expect(JSON.parse(stdout).reports).toBeGreaterThan(300);
});
