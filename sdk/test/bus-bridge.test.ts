import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BridgeOptions, BusPort } from '../src/bus-bridge-contract.js';
import { busPortOf } from '../src/bus-port.js';
import { EventBus } from '../src/event-bus.js';
import type { BusEvent } from '../src/events.js';
import { FakeClock } from '../src/testing/fake-clock.js';
import { RecordingBus } from '../src/testing/recording-bus.js';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const ACCEPT = { topics: ['custom', 'other', 'status', 'control', 'metrics'], sources: ['left', 'right', 'part'] };
const ALL: BridgeOptions = { send: ACCEPT.topics, accept: ACCEPT };

/** Two buses with a real channel between them. */
function pair(left: BridgeOptions = ALL, right: BridgeOptions = ALL) {
  const { port1, port2 } = new MessageChannel();
  cleanUps.push(() => port1.close());
  const [a, b] = [new RecordingBus({ clock: new FakeClock(5_000), source: 'left' }), new RecordingBus({ source: 'right' })];
  const [bridgeA, bridgeB] = [a.bridge(busPortOf(port1), left), b.bridge(busPortOf(port2), right)];
  return { a, b, bridgeA, bridgeB, port1, port2 };
}

/** One end whose other end is the test: what it posts is kept, what the test says it hears. */
function scripted(options: BridgeOptions = ALL) {
  const posted: Record<string, unknown>[] = [];
  let heard: Parameters<BusPort['listen']>[0] | undefined;
  const port: BusPort = {
    post: (message) => void posted.push(message as Record<string, unknown>),
    listen(listener) {
      heard = listener;
      return () => {
        heard = undefined;
      };
    },
  };
  const bus = new RecordingBus({ clock: new FakeClock(), source: 'left' });
  const bridge = bus.bridge(port, options);
  const say = (frame: object) => heard?.message({ 'bellows/bus': 1, ...frame });
  const events = () => posted.filter(({ kind }) => kind === 'events').map(({ events }) => events as unknown[][]);
  return { bus, bridge, posted, events, say, raw: (message: unknown) => heard?.message(message), closePort: () => heard?.close() };
}

function codesOf(bus: RecordingBus): string[] {
  return bus.failures.map(({ error }) => (error as { code: string }).code);
}

async function turns(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await turn();
}

describe('IEventBus.bridge', () => {
  it('carries envelopes as they were published, in both directions, and none of them back', async () => {
    const { a, b, bridgeA, bridgeB } = pair();
    const there = a.forSource('part').publish({ topic: 'custom', payload: { n: 1, bytes: Uint8Array.of(1), when: new Date(0) } });
    expect(await b.waitFor('custom')).toEqual(there);
    expect(Object.isFrozen(b.of('custom')[0]) && Object.isFrozen(b.of('custom')[0]?.payload)).toBe(true);
    const back = b.publish({ topic: 'other', payload: 2 });
    expect(await a.waitFor('other')).toEqual(back);
    await turns(20);
    expect([a.events.length, b.events.length]).toEqual([2, 2]);
    expect(bridgeA.stats()).toMatchObject({ state: 'open', sent: 1, received: 1, dropped: 0, peerDropped: 0, refused: 0, waiting: 0 });
    expect(bridgeB.stats()).toMatchObject({ state: 'open', sent: 1, received: 1 });
  });

  it('does not carry on what came over another bridge, so that a ring of three comes to rest', async () => {
    const buses = ['left', 'right', 'part'].map((source) => new RecordingBus({ source }));
    for (const [index, bus] of buses.entries()) {
      const { port1, port2 } = new MessageChannel();
      cleanUps.push(() => port1.close());
      bus.bridge(busPortOf(port1), ALL);
      buses[(index + 1) % 3]?.bridge(busPortOf(port2), ALL);
    }
    buses[0]?.publish({ topic: 'custom', payload: 1 });
    for (const bus of buses.slice(1)) await bus.waitFor('custom');
    await turns(50);
    expect(buses.map(({ events }) => events.length)).toEqual([1, 1, 1]);
  });

  it('puts what is published in one turn into one message, bounded in events and in bytes', async () => {
    const { bus, events, say } = scripted({ ...ALL, maxBatchEvents: 4, maxBatchBytes: 10_000 });
    say({ kind: 'open', limit: 100, answer: false });
    for (let n = 0; n < 6; n += 1) bus.publish({ topic: 'custom', payload: n });
    await turns(4);
    expect(events().map(({ length }) => length)).toEqual([4, 2]);
    for (let n = 0; n < 3; n += 1) bus.publish({ topic: 'custom', payload: 'x'.repeat(6_000) });
    bus.publish({ topic: 'custom', payload: { parts: [{ huge: new Uint8Array(1_000_000) }] } });
    bus.publish({ topic: 'custom', payload: 1 });
    await turns(6);
    expect(events().map(({ length }) => length)).toEqual([4, 2, 2, 2, 1]);
  });

  it('sheds no signal, keeps its place, and lets control overtake, when the other side does not keep up', async () => {
    const { bus, bridge, events, say, posted } = scripted({ ...ALL, capacity: 2 });
    for (let n = 0; n < 4; n += 1) {
      bus.publish({ topic: 'custom', payload: n });
      bus.publish({ topic: 'status', payload: { n } as never });
    }
    bus.publish({ topic: 'control', payload: { kind: 'drain' } });
    await turns(3);
    expect(events()).toEqual([]);
    expect(bridge.stats()).toMatchObject({ state: 'opening', waiting: 7, dropped: 2, sent: 0 });
    say({ kind: 'open', limit: 3, answer: true });
    await turns(3);
    expect(bridge.stats()).toMatchObject({ state: 'open', waiting: 4, sent: 3 });
    say({ kind: 'credit', limit: 100 });
    await turns(3);
    expect(
      events()
        .flat()
        .map(([topic, id]) => `${topic} ${id}`),
    ).toEqual(['control 9', 'custom 1', 'status 2', 'custom 3', 'status 4', 'status 6', 'status 8']);
    expect(posted.at(-1)).toMatchObject({ kind: 'events', dropped: 2 });
    expect(bus.counters()).toContainEqual({ topic: 'custom', class: 'data', delivered: 2, dropped: 2, errors: 0 });
  });

  it('conflates by topic and key where it is told to', async () => {
    const { bus, events, say } = scripted({ ...ALL, policy: 'conflate' });
    for (let n = 0; n < 50; n += 1) {
      for (const key of ['a', 'b']) bus.publish({ topic: 'custom', payload: n, key });
      bus.publish({ topic: 'other', payload: n, key: 'a' });
    }
    say({ kind: 'open', limit: 100, answer: false });
    await turns(3);
    expect(
      events()
        .flat()
        .map(([topic, , , , , key, payload]) => [topic, key, payload]),
    ).toEqual([
      ['custom', 'a', 49],
      ['custom', 'b', 49],
      ['other', 'a', 49],
    ]);
  });

  it('tells the other side what it shed', async () => {
    const { bridge, say } = scripted();
    say({ kind: 'events', events: [], dropped: 7 });
    expect(bridge.stats().peerDropped).toBe(7);
  });

  it('gives the other side more room only when its own subscribers have been given what came', async () => {
    const { bus, posted, say } = scripted({ ...ALL, window: 10 });
    const event = (n: number) => ['custom', n, 1, 'right', 'data', '', n];
    const seen: number[] = [];
    // so slow that each call takes a turn of the bus
    bus.subscribe('custom', {}, ({ id }) => {
      seen.push(id);
      const until = performance.now() + 2;
      while (performance.now() < until);
    });
    say({ kind: 'events', events: [1, 2, 3, 4].map(event), dropped: 0 });
    let grantedAfter = -1;
    for (let left = 100; left > 0 && grantedAfter < 0; left -= 1) {
      await turn();
      if (posted.some(({ kind, limit }) => kind === 'credit' && limit === 14)) grantedAfter = seen.length;
    }
    expect(grantedAfter).toBe(4);
  });

  it('reports one event that cannot be cloned and carries those beside it', async () => {
    const { a, b, bridgeA } = pair();
    await b.idle();
    const unclonable = [
      { call: () => 1 },
      {
        [Symbol.iterator]: 1,
        get trap() {
          throw new Error('getter');
        },
      },
      Object.freeze(Promise.resolve()),
    ];
    for (const payload of ['first', ...unclonable, 'last']) a.publish({ topic: 'custom', payload });
    await b.waitFor('custom', ({ payload }) => payload === 'last');
    expect(b.of('custom').map(({ payload }) => payload)).toEqual(['first', 'last']);
    expect(bridgeA.stats()).toMatchObject({ unsendable: 3, sent: 2 });
    expect(a.failures.map(({ owner, topic, error }) => [owner, topic, (error as { code: string }).code])).toEqual([
      ['left', 'custom', 'BRIDGE_UNSENDABLE'],
    ]);
  });

  it('refuses topics, sources and classes that it was not told to accept, counts them and reports the first', async () => {
    const { bus, bridge, say } = scripted({ accept: { topics: ['custom'], sources: ['right'], classes: ['data'] } });
    const events = [
      ['custom', 1, 1, 'right', 'data', '', 'good'],
      ['status', 2, 1, 'right', 'signal', '', 'topic'],
      ['custom', 3, 1, 'host', 'data', '', 'source'],
      ['custom', 4, 1, 'right', 'control', '', 'class'],
      ['constructor', 5, 1, '__proto__', 'data', '', 'names'],
    ];
    say({ kind: 'events', events, dropped: 0 });
    expect(bus.events.map(({ payload }) => payload)).toEqual(['good']);
    expect(bridge.stats()).toMatchObject({ received: 5, refused: 4 });
    expect(codesOf(bus)).toEqual(['BRIDGE_REFUSED']);
  });

  it('accepts nothing unless it was told to, and sends nothing', async () => {
    const { bus, bridge, events, say } = scripted({});
    say({ kind: 'open', limit: 10, answer: false });
    say({ kind: 'events', events: [['custom', 1, 1, 'right', 'data', '', 1]], dropped: 0 });
    bus.publish({ topic: 'custom', payload: 1 });
    await turns(3);
    expect([events(), bridge.stats().refused, bus.events.length]).toEqual([[], 1, 1]);
  });

  it.each([
    ['another version', { 'bellows/bus': 2, kind: 'close' }],
    ['no kind', { 'bellows/bus': 1 }],
    ['a kind from a prototype', { 'bellows/bus': 1, kind: 'constructor' }],
    ['events that are none', { 'bellows/bus': 1, kind: 'events', events: 'many', dropped: 0 }],
    ['an event too short', { 'bellows/bus': 1, kind: 'events', events: [['custom']], dropped: 0 }],
    ['an id that is no number', { 'bellows/bus': 1, kind: 'events', events: [['custom', '1', 1, 'right', 'data', '', 1]], dropped: 0 }],
    ['a time that is none', { 'bellows/bus': 1, kind: 'events', events: [['custom', 1, Number.NaN, 'right', 'data', '', 1]], dropped: 0 }],
    ['a class that is none', { 'bellows/bus': 1, kind: 'events', events: [['custom', 1, 1, 'right', 'urgent', '', 1]], dropped: 0 }],
    ['a status as data', { 'bellows/bus': 1, kind: 'events', events: [['status', 1, 1, 'right', 'data', '', 1]], dropped: 0 }],
    [
      'a key like a book',
      { 'bellows/bus': 1, kind: 'events', events: [['custom', 1, 1, 'right', 'data', 'k'.repeat(5_000), 1]], dropped: 0 },
    ],
    ['a limit below nothing', { 'bellows/bus': 1, kind: 'credit', limit: -1 }],
    ['a limit without end', { 'bellows/bus': 1, kind: 'open', limit: Number.POSITIVE_INFINITY, answer: false }],
  ])('breaks off when the other side sends %s', async (_what, message) => {
    const { bus, bridge, raw } = scripted();
    raw(message);
    await bridge.closed;
    expect(bridge.stats().state).toBe('closed');
    expect(codesOf(bus)).toEqual(['BRIDGE_BROKEN']);
    expect(bus.events).toEqual([]);
  });

  it('breaks off when the other side sends more than it may', async () => {
    const { bus, bridge, say } = scripted({ ...ALL, window: 2 });
    const events = [1, 2, 3].map((n) => ['custom', n, 1, 'right', 'data', '', n]);
    say({ kind: 'events', events, dropped: 0 });
    await bridge.closed;
    expect(codesOf(bus)).toEqual(['BRIDGE_BROKEN']);
    expect(bus.events).toEqual([]);
  });

  it('never throws for whatever comes over the port, and leaves the messages of others alone', () => {
    const { bridge, raw, bus } = scripted();
    const marked = fc.record({
      'bellows/bus': fc.constantFrom(1, 2, '1'),
      kind: fc.anything(),
      events: fc.anything(),
      limit: fc.anything(),
    });
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (message) => raw(message)),
      { numRuns: 300 },
    );
    expect(bridge.stats().state).toBe('opening');
    fc.assert(
      fc.property(marked, (message) => scripted().raw(message)),
      { numRuns: 300 },
    );
    expect(bus.events).toEqual([]);
  });

  it('gives up a side that takes no signals, before they fill the memory', async () => {
    const { bus, bridge } = scripted({ ...ALL, capacity: 10 });
    for (let n = 0; n < 65_600; n += 1) bus.publish({ topic: 'status', payload: {} as never });
    await bridge.closed;
    expect(bridge.stats()).toMatchObject({ state: 'closed', waiting: 0 });
    expect(codesOf(bus)).toEqual(['BRIDGE_STALLED']);
  });

  it('is closed by either side, with the port, with its source and with the bus, and then publishing goes on as before', async () => {
    for (const end of [
      ({ bridgeA }) => bridgeA.close(),
      ({ bridgeB }) => bridgeB[Symbol.dispose](),
      ({ port2 }) => port2.close(),
      ({ a }) => a.close(),
    ] satisfies ((made: ReturnType<typeof pair>) => void)[]) {
      const made = pair();
      made.a.publish({ topic: 'custom', payload: 1 });
      await made.b.waitFor('custom');
      end(made);
      await Promise.all([made.bridgeA.closed, made.bridgeB.closed]);
      made.bridgeA.close();
      made.a.publish({ topic: 'custom', payload: 2 });
      made.b.publish({ topic: 'custom', payload: 3 });
      await turns(3);
      expect(made.b.events.map(({ payload }) => payload)).toEqual([1, 3]);
      expect(made.bridgeA.stats()).toMatchObject({ state: 'closed', waiting: 0 });
    }
    const { bus, closePort } = scripted();
    const view = bus.forSource('part');
    const own = view.bridge({ post() {}, listen: () => () => {} }, { accept: { topics: ['custom'], sources: ['part', 'part.one'] } });
    bus.closeSource('part');
    await own.closed;
    await view.bridge({ post() {}, listen: () => () => {} }, {}).closed;
    closePort();
  });

  it('lets a port that throws throw at nobody', async () => {
    const bus = new EventBus({ clock: new FakeClock(), source: 'left' });
    let listener: Parameters<BusPort['listen']>[0] | undefined;
    const port: BusPort = {
      post() {
        throw new Error('gone');
      },
      listen(given) {
        listener = given;
        return () => {};
      },
    };
    const bridge = bus.bridge(port, ALL);
    listener?.message({ 'bellows/bus': 1, kind: 'open', limit: 100, answer: true });
    const seen: BusEvent[] = [];
    bus.subscribe('custom', {}, (event) => void seen.push(event));
    for (let n = 0; n < 3; n += 1) bus.publish({ topic: 'custom', payload: n });
    await turns(3);
    listener?.close();
    await bridge.closed;
    expect(seen).toHaveLength(3);
  });

  it('sends on after a publisher has reached the end of its stack, wherever that was', async () => {
    let reached = 0;
    for (let padding = 0; padding < 200; padding += 1) {
      const { bus, bridge, say, events } = scripted();
      say({ kind: 'open', limit: 1_000, answer: false });
      let left = 200;
      // each padding makes the stack end elsewhere, and so does each call on the way back
      const publishAtTheEnd = (...more: number[]): void => {
        try {
          publishAtTheEnd(...more);
        } catch (error) {
          if ((left -= 1) < 0) throw error;
          try {
            bus.publish({ topic: 'custom', payload: 'at the end' });
          } catch {
            reached += 1;
          }
          throw error;
        }
      };
      expect(() => publishAtTheEnd(...new Array(padding).fill(0))).toThrow(RangeError);
      await turns(3);
      const { id } = bus.publish({ topic: 'custom', payload: 'after' });
      await turns(3);
      expect(events().flat().at(-1)?.[1]).toBe(id);
      bridge.close();
    }
    expect(reached).toBeGreaterThan(0);
  });

  it('leaves nothing behind of a port that cannot be listened to, and closes over one that throws when it is left', async () => {
    const bus = new RecordingBus({ clock: new FakeClock(), source: 'left' });
    const gone = () => {
      throw new Error('gone');
    };
    expect(() => bus.bridge({ post() {}, listen: gone }, ALL)).toThrow('gone');
    // more than a bridge lets wait before it gives up
    for (let n = 0; n < 65_600 + 1_024; n += 1) bus.publish({ topic: 'status', payload: {} as never });
    await turns(3);
    expect(bus.failures).toEqual([]);
    const bridge = bus.bridge({ post() {}, listen: () => gone }, ALL);
    bridge.close();
    await bridge.closed;
    expect(bus.failures.map(({ error }) => (error as Error).message)).toEqual(['gone']);
    const listened = { stopped: 0 };
    const closedAtOnce = bus.bridge(
      {
        post() {},
        listen({ close }) {
          close();
          return () => void (listened.stopped += 1);
        },
      },
      ALL,
    );
    await closedAtOnce.closed;
    expect([closedAtOnce.stats().state, listened.stopped]).toEqual(['closed', 1]);
  });

  it('refuses options without a meaning, and a plugin that would let in events of others', () => {
    const bus = new EventBus({ clock: new FakeClock(), source: 'host' });
    const port: BusPort = { post() {}, listen: () => () => {} };
    const refused = (options: BridgeOptions, on = bus.forSource('compute')) => {
      expect(() => on.bridge(port, options)).toThrow(expect.objectContaining({ kind: 'input', code: expect.stringMatching(/^[A-Z_]+$/) }));
    };
    refused({ window: 0 });
    refused({ maxBatchBytes: Number.NaN });
    refused({ send: ['*'] });
    refused({ send: ['no topic'] });
    refused({ capacity: -1 });
    for (const accept of ['custom', { topics: ['custom'] }, { topics: 'custom', sources: ['compute'] }])
      refused({ accept: accept as never });
    refused({ accept: { topics: ['custom'], sources: ['compute'], classes: 'data' as never } });
    refused({ accept: { topics: ['custom'], sources: ['compute'], classes: ['date' as never] } });
    refused({ accept: { topics: ['custom'], sources: [5 as never] } });
    refused({ accept: { topics: [null as never], sources: ['compute'] } });
    refused({ send: 'custom' as never });
    refused(null as never);
    refused({ accept: { topics: ['custom'], sources: ['host'] } });
    refused({ accept: { topics: ['custom'], sources: ['computer'] } });
    bus
      .forSource('compute')
      .bridge(port, { accept: { topics: ['custom'], sources: ['compute', 'compute.executor-1'] } })
      .close();
    bus.bridge(port, { accept: { topics: ['custom'], sources: ['anyone'] } }).close();
  });
});

describe('the names of the options of a bridge', () => {
  it.each([
    [{ sendd: ['custom'] }, 'options.sendd is unknown: did you mean send?'],
    [{ accept: { topics: ['custom'], source: ['compute'] } }, 'options.accept.source is unknown: did you mean sources?'],
  ])('must be known: %j', (options, told) => {
    const bus = new EventBus({ clock: new FakeClock(), source: 'host' });
    const port: BusPort = { post() {}, listen: () => () => {} };
    const refusal = expect.objectContaining({ code: 'BRIDGE_OPTIONS_INVALID', message: expect.stringContaining(told) });
    for (const on of [bus, bus.forSource('compute')]) expect(() => on.bridge(port, options as BridgeOptions)).toThrow(refusal);
  });
});

describe.each(['thread', 'process'] as const)('a bridge to a real %s', (kind) => {
  it('carries thousands of events there and back, in order, with every class', async () => {
    const { bus } = join(kind);
    const heard: { id: number; topic: string }[] = [];
    bus.subscribe('answer', { capacity: 10_000 }, ({ payload }) => void heard.push((payload as { heard: BusEvent }).heard));
    const sent: number[] = [];
    // as many at a time as wait without being shed
    for (let round = 0; round < 10; round += 1) {
      for (let n = 0; n < 300; n += 1) sent.push(bus.publish({ topic: 'ask', payload: { n, bytes: Uint8Array.of(n & 255) } }).id);
      const last = bus.publish({ topic: 'status', payload: { plugin: 'p', round } as never }).id;
      sent.push(last);
      await bus.waitFor('answer', ({ payload }) => (payload as { heard: BusEvent }).heard.id === last);
    }
    await bus.idle();
    expect(heard.map(({ id }) => id)).toEqual(sent);
    expect(bus.of('answer.signal').map(({ payload, source }) => [source, payload])).toEqual(
      Array.from({ length: 10 }, (_, round) => ['guest', { plugin: 'p', round }]),
    );
    expect(bus.failures).toEqual([]);
  });

  it('sheds data and no signal when it is flooded, and says so on both sides', async () => {
    const { bus, bridge } = join(kind);
    bus.publish({ topic: 'ask', payload: 'ready' });
    await bus.waitFor('answer');
    for (let n = 0; n < 20_000; n += 1) {
      bus.publish({ topic: 'ask', payload: n });
      if (n % 1_000 === 0) bus.publish({ topic: 'status', payload: { plugin: 'p', n } as never });
    }
    await bus.waitFor('answer.signal', ({ payload }) => (payload as { n: number }).n === 19_000);
    expect(bus.of('answer.signal')).toHaveLength(20);
    expect(bridge.stats().dropped).toBeGreaterThan(10_000);
    expect(bridge.stats().dropped + bridge.stats().sent + bridge.stats().waiting).toBe(20_021);
  });

  it('is closed when the other side ends in the middle, without a word to those who publish', async () => {
    const { bus, bridge } = join(kind);
    bus.publish({ topic: 'ask', payload: 1 });
    await bus.waitFor('answer');
    bus.publish({ topic: 'leave', payload: 1 });
    let closed = false;
    void bridge.closed.then(() => {
      closed = true;
    });
    for (let left = 100_000; left > 0 && !closed; left -= 1) {
      bus.publish({ topic: 'ask', payload: left });
      await turn();
    }
    await bridge.closed;
    bus.publish({ topic: 'ask', payload: 'after' });
    expect(bridge.stats().waiting).toBe(0);
    expect(bus.failures).toEqual([]);
  });

  it('is closed at once when the other side had ended before', async () => {
    const { bus, bridge, peer } = join(kind);
    bus.publish({ topic: 'leave', payload: 1 });
    await once(peer, 'exit');
    await bridge.closed;
    const late = bus.bridge(busPortOf(peer), { send: ['ask'] });
    await late.closed;
    expect(late.stats()).toMatchObject({ state: 'closed', waiting: 0 });
  });

  it('is broken off when the other side sends what no bridge sends', async () => {
    const { bus, bridge } = join(kind);
    bus.publish({ topic: 'stray', payload: 1 });
    await bridge.closed;
    expect(codesOf(bus)).toEqual(['BRIDGE_BROKEN']);
  });
});

const PEER = fileURLToPath(new URL('programs/bridge-peer.mjs', import.meta.url));

function join(kind: 'thread' | 'process') {
  const bus = new RecordingBus({ source: 'host' });
  const peer = kind === 'thread' ? new Worker(PEER) : fork(PEER, { serialization: 'advanced', execArgv: [] });
  const exited = once(peer, 'exit');
  cleanUps.push(async () => {
    if (peer instanceof Worker) await peer.terminate();
    else peer.kill('SIGKILL');
    await exited;
  });
  const bridge = bus.bridge(busPortOf(peer), {
    send: ['ask', 'status', 'control', 'leave', 'stray'],
    accept: { topics: ['answer', 'answer.signal'], sources: ['guest'] },
  });
  return { bus, bridge, peer };
}
