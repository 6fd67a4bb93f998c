import { describe, expect, it } from '@jest/globals';
import { fillCharts, historyRows } from '../../dashboard/src/charts/chart-history.js';
import { MACHINE_SERIES, Sampler, seriesOf } from '../../dashboard/src/charts/sampler.js';
import { HostRequests } from '../../dashboard/src/live/host-requests.js';
import { Store } from '../../dashboard/src/live/store.js';
import { hostEventOf } from '../../dashboard/src/state/host-event.js';
import { NOTHING_KNOWN } from '../../dashboard/src/state/host-state.js';
import { reduce } from '../../dashboard/src/state/reduce.js';
import { eventOf, PAYLOADS, statusAt } from './samples.js';

const IN_USE = seriesOf('demo.pool', 'inUse');
const CEILING = seriesOf('demo.pool', 'ceiling');

/** Of the sample host: event `id` is published at 10 s and `id` × 10 ms. */
const metrics = (id: number, inUse: number, more: object = {}) => {
  const event = hostEventOf(eventOf('metrics', id, { ...PAYLOADS.metrics(inUse), ...more }));
  if (event?.topic !== 'metrics') throw new Error('This is no event of metrics.');
  return event;
};
const known = reduce(NOTHING_KNOWN, { type: 'status', status: statusAt(20_000, { names: ['demo.pool', 'demo.other'] }) });

describe('what a chart shows of before', () => {
  it('is one row a reading, at its own time by the clock of the browser, of the subsystems there are', () => {
    const other = { subsystem: 'demo.other' };
    const events = [
      metrics(100, 1),
      metrics(101, 2, other),
      metrics(101, 9, { subsystem: 'gone' }),
      metrics(200, 3),
      metrics(201, 4, other),
    ];
    const rows = historyRows(events, known, 5_000);
    expect(rows.map(({ atSeconds, values }) => [atSeconds, values.get(IN_USE), values.get(seriesOf('demo.other', 'inUse'))])).toEqual([
      [16, 1, 2],
      [17, 3, 4],
    ]);
    expect(rows.every(({ values }) => !values.has(seriesOf('gone', 'inUse')))).toBe(true);
  });

  it('knows the ceiling of each time by the decisions that were applied, and today’s where there are none', () => {
    const decision = (at: number, from: number, to: number, outcome = 'applied') => ({
      ...PAYLOADS.decision(at),
      subsystem: 'demo.pool',
      at,
      from,
      to,
      outcome,
    });
    const decisions = [decision(12_500, 6, 7, 'refused'), decision(12_000, 2, 6), decision(11_000, 8, 2)] as never;
    const events = [metrics(50, 1), metrics(150, 1), metrics(250, 1), metrics(300, 1)];
    const ceilings = (rows: ReturnType<typeof historyRows>) => rows.map(({ values }) => values.get(CEILING));
    expect(ceilings(historyRows(events, { ...known, decisions }, 0))).toEqual([8, 2, 6]);
    expect(ceilings(historyRows(events, known, 0))).toEqual([4, 4, 4]);
  });

  it('begins anew where the clock of the host was set back', () => {
    const rows = historyRows([metrics(500, 1), metrics(600, 2), metrics(100, 3), metrics(200, 4)], known, 0);
    expect(rows.map(({ values }) => values.get(IN_USE))).toEqual([3, 4]);
  });
});

describe('the charts of a page that was just opened', () => {
  it('begin with what the host has kept, told once, and go on with their own readings', async () => {
    const scene = newScene();
    scene.open();
    await scene.until(() => scene.asked.length === 1);
    expect(scene.asked).toEqual([{ url: '/v1/events?topics=metrics', lastEventId: '0' }]);
    scene.write('event: gap\ndata: {"afterId":0,"resumesAt":700}\n\n');
    for (const [id, inUse] of [
      [100, 1],
      [200, 2],
      [1_000, 3],
      [1_001, 9],
    ] as const)
      scene.write(frameOf(id, inUse));
    await scene.until(() => scene.read().length > 1);
    // host and browser have the same clock here; more than 5 s without a reading are a hole
    expect(scene.read()).toEqual([1, 2, null, 3, 4]);
    expect(scene.sampler.ring.read([MACHINE_SERIES.cpu]).values.get(MACHINE_SERIES.cpu)).toEqual([null, null, null, null, 0.5]);
    expect(scene.store.state).toMatchObject({ gaps: 0, lastEventId: undefined, subsystems: [{ metrics: { inUse: 4 } }] });
    // another connection asks for nothing more
    scene.store.dispatch({ type: 'connection', connection: { phase: 'lost', since: 0 } });
    scene.open();
    expect(scene.asked).toHaveLength(1);
    expect(scene.isEnded()).toBe(true);
  });

  it('begin with the page, and ask for nothing, where there is no subsystem', async () => {
    const scene = newScene();
    scene.open([]);
    expect([scene.asked, scene.timers]).toEqual([[], []]);
  });

  it('begin with the page when the host says nothing of before, or ends the stream', async () => {
    for (const end of ['silence', 'end'] as const) {
      const scene = newScene();
      scene.open();
      await scene.until(() => scene.asked.length === 1);
      scene.write(frameOf(100, 1));
      if (end === 'silence') scene.timers[0]?.();
      else scene.end();
      await scene.until(() => scene.isEnded());
      expect(scene.read()).toEqual([4]);
    }
  });
});

function frameOf(id: number, inUse: number): string {
  const { event, data } = eventOf('metrics', id, PAYLOADS.metrics(inUse));
  return `event: ${event}\nid: ${id}\ndata: ${data}\n\n`;
}

/** A page that is not connected yet, with one reading of its own at 20.01 s, and a host that keeps what the test writes. */
function newScene() {
  const now = () => 20_010;
  const store = new Store({ now, schedule: (callback) => callback() });
  const sampler = new Sampler({ store, now, every: () => () => {} });
  const asked: { readonly url: string; readonly lastEventId: string | null }[] = [];
  const timers: (() => void)[] = [];
  let control: ReadableStreamDefaultController<Uint8Array> | undefined;
  let signal: AbortSignal | null | undefined;
  const requests = new HostRequests(async (url, init) => {
    asked.push({ url, lastEventId: new Headers(init.headers).get('last-event-id') });
    signal = init.signal;
    const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
    signal?.addEventListener('abort', () => control?.error(signal?.reason));
    return new Response(body);
  });
  const after = (_delayMs: number, callback: () => void) => {
    timers.push(callback);
    return () => {};
  };
  fillCharts({ store, requests, sampler, timers: { now, after, random: () => 1 } });
  return {
    store,
    sampler,
    asked,
    timers,
    open(names?: readonly string[]) {
      store.dispatch({ type: 'status', status: statusAt(20_000, names === undefined ? {} : { names }) });
      store.dispatch({ type: 'connection', connection: { phase: 'live', since: 0 } });
      if (sampler.ring.length === 0) sampler.sample();
    },
    write: (text: string) => control?.enqueue(new TextEncoder().encode(text)),
    end: () => control?.close(),
    isEnded: () => signal?.aborted === true,
    read: () => sampler.ring.read([IN_USE]).values.get(IN_USE) ?? [],
    async until(look: () => boolean) {
      for (let turn = 0; turn < 2_000 && !look(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(look()).toBe(true);
    },
  };
}
