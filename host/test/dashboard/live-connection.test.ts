import { describe, expect, it } from '@jest/globals';
import { HostRequests } from '../../dashboard/src/live/host-requests.js';
import { LiveConnection } from '../../dashboard/src/live/live-connection.js';
import { Store } from '../../dashboard/src/live/store.js';
import { eventOf, PAYLOADS, statusAt } from './samples.js';

interface Scene {
  /** What the host answers for a path; may be changed while it runs. */
  status: () => Response;
  readonly streams: { readonly lastEventId: string | null; write(text: string): void; end(): void }[];
  readonly store: Store;
  readonly connection: LiveConnection;
  /** Timers that are due: the longest waits first. */
  readonly timers: Map<() => void, number>;
}

const json = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
const frame = (...args: Parameters<typeof eventOf>) => {
  const { event, id, data } = eventOf(...args);
  return `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;
};

/** A host of which the test says what it answers, and a clock that stands still. */
function newScene(): Scene {
  const streams: Scene['streams'] = [];
  const timers: Scene['timers'] = new Map();
  const answer = (path: string, init: RequestInit): Response => {
    if (path === '/v1/status') return scene.status();
    if (path.startsWith('/v1/decisions')) return json({ decisions: [PAYLOADS.decision(1), { id: 'no decision' }] });
    let control: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
    init.signal?.addEventListener('abort', () => control?.error(init.signal?.reason));
    streams.push({
      lastEventId: new Headers(init.headers).get('last-event-id'),
      write: (text) => control?.enqueue(new TextEncoder().encode(text)),
      end: () => control?.close(),
    });
    return new Response(body);
  };
  const store = new Store({ now: () => 0, schedule: (callback) => callback() });
  const requests = new HostRequests(async (path, init) => answer(path, init));
  const after = (delayMs: number, callback: () => void) => {
    timers.set(callback, delayMs);
    return () => timers.delete(callback);
  };
  const connection = new LiveConnection({ store, requests, timers: { now: () => 0, after, random: () => 1 } });
  const scene: Scene = { status: () => json(statusAt(10_000)), streams, store, connection, timers };
  return scene;
}

/** Lets everything happen that waits for nothing but its turn. */
async function until(look: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000; turn += 1) {
    if (look()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('It did not come about.');
}

function start(scene: Scene): Promise<void> {
  void scene.connection.run();
  return until(() => scene.store.state.connection.phase === 'live');
}

describe('the connection of the page', () => {
  it('takes the status, the decisions and then every event', async () => {
    const scene = newScene();
    await start(scene);
    expect(scene.store.state.decisions.map(({ id }) => id)).toEqual(['d1']);
    scene.streams[0]?.write(frame('metrics', 7, PAYLOADS.metrics(9)));
    await until(() => scene.store.state.subsystems[0]?.metrics.inUse === 9);
    scene.streams[0]?.write('event: metrics\ndata: nonsense\n\n: still here\n\n');
    await until(() => scene.store.state.unreadable === 1);
    expect(scene.store.state.lastEventId).toBe(7);
    scene.connection.stop();
  });

  it('goes on after the last event when the stream ends, and waits longer each time while nobody answers', async () => {
    const scene = newScene();
    await start(scene);
    scene.streams[0]?.write(frame('decision', 12, PAYLOADS.decision(2)));
    await until(() => scene.store.state.lastEventId === 12);
    scene.status = () => {
      throw new TypeError('fetch failed');
    };
    scene.streams[0]?.end();
    await until(() => scene.store.state.connection.phase === 'lost');
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await until(() => scene.timers.size === 1);
      const [[fire, delayMs] = [() => {}, 0]] = scene.timers;
      waits.push(delayMs);
      scene.timers.clear();
      if (attempt === 3) scene.status = () => json(statusAt(10_500));
      fire();
      await until(() => scene.timers.size === 1);
    }
    expect(waits).toEqual([500, 1_000, 2_000]);
    await until(() => scene.store.state.connection.phase === 'live');
    expect(scene.streams.map(({ lastEventId }) => lastEventId)).toEqual([null, '12']);
    scene.connection.stop();
  });

  it('begins anew with another run of the host, whose ids mean something else', async () => {
    const scene = newScene();
    await start(scene);
    scene.streams[0]?.write(frame('metrics', 12, PAYLOADS.metrics(9)));
    await until(() => scene.store.state.lastEventId === 12);
    scene.status = () => json(statusAt(20_000, { pid: 2 }));
    scene.streams[0]?.end();
    await until(() => scene.store.state.connection.phase === 'lost');
    scene.connection.retryNow();
    await until(() => scene.store.state.connection.phase === 'live');
    expect(scene.streams[1]?.lastEventId).toBeNull();
    expect(scene.store.state).toMatchObject({ host: { pid: 2 }, lastEventId: undefined });
    scene.connection.stop();
  });

  it('asks for everything again after a gap', async () => {
    const scene = newScene();
    await start(scene);
    scene.status = () => json(statusAt(30_000, { names: ['demo.pool', 'demo.other'] }));
    scene.streams[0]?.write('event: gap\ndata: {"resumesAt":null}\n\n');
    await until(() => scene.store.state.subsystems.length === 2);
    expect(scene.store.state.gaps).toBe(1);
    scene.connection.stop();
  });

  it('gives up a connection on which nothing comes any more', async () => {
    const scene = newScene();
    await start(scene);
    await until(() => [...scene.timers.values()].includes(40_000));
    for (const [fire, delayMs] of scene.timers) if (delayMs === 40_000) fire();
    await until(() => scene.store.state.connection.phase === 'lost');
    expect(scene.store.state.connection.message).toBe('The host has stopped answering.');
    scene.connection.stop();
  });

  it('is locked while the host wants a token, and goes on when it was given one', async () => {
    const scene = newScene();
    scene.status = () => json({ error: { code: 'TOKEN_NEEDED', message: 'This needs a token.' } }, 401);
    void scene.connection.run();
    await until(() => scene.store.state.connection.phase === 'locked');
    expect(scene.streams).toHaveLength(0);
    scene.status = () => json(statusAt(10_000));
    await until(() => scene.timers.size > 0);
    scene.connection.retryNow();
    await until(() => scene.store.state.connection.phase === 'live');
    scene.connection.stop();
  });

  it('holds no connection while it is paused, and goes on after the last event then', async () => {
    const scene = newScene();
    await start(scene);
    scene.streams[0]?.write(frame('metrics', 12, PAYLOADS.metrics(9)));
    await until(() => scene.store.state.lastEventId === 12);
    scene.connection.pause();
    scene.connection.pause();
    await until(() => scene.store.state.connection.phase === 'connecting');
    scene.connection.retryNow();
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect([scene.streams.length, scene.timers.size]).toEqual([1, 0]);
    scene.connection.resume();
    await until(() => scene.store.state.connection.phase === 'live');
    expect(scene.streams[1]?.lastEventId).toBe('12');
    scene.connection.stop();
  });

  it('ends when it is stopped, also while it waits', async () => {
    const scene = newScene();
    scene.status = () => json({}, 503);
    const ended = scene.connection.run();
    await until(() => scene.store.state.connection.phase === 'lost');
    scene.connection.stop();
    await expect(ended).resolves.toBeUndefined();
  });
});

describe('the store of the page', () => {
  it('tells of a hundred changes at most five times a second, and of the last one surely', () => {
    let now = 0;
    const due: { readonly at: number; readonly callback: () => void }[] = [];
    const store = new Store({ now: () => now, schedule: (callback, delayMs) => void due.push({ at: now + delayMs, callback }) });
    const told: number[] = [];
    store.subscribe(() => told.push(store.state.gaps));
    for (now = 0; now < 1_000; now += 10) {
      store.dispatch({ type: 'gap' });
      while (due[0] !== undefined && due[0].at <= now) due.shift()?.callback();
    }
    for (const { callback } of due.splice(0)) callback();
    expect(told.length).toBeLessThanOrEqual(6);
    expect(told.at(-1)).toBe(100);
  });
});
