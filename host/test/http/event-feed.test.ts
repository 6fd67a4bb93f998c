import type { ScalingDecision } from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventFeed, type EventStream } from '../../src/http/event-feed.js';

let clock: FakeClock;
let bus: RecordingBus;
let feed: EventFeed;
beforeEach(() => {
  clock = new FakeClock();
  bus = new RecordingBus({ clock });
  feed = new EventFeed({ bus, clock });
});
afterEach(() => {
  feed.close();
  bus.close();
});

/** A client that takes `room` chunks before it wants to be asked again. */
function client(options: { topics?: ReadonlySet<string>; afterId?: number; room?: number } = {}) {
  const seen = { text: '', ended: false, room: options.room ?? Number.POSITIVE_INFINITY };
  const sink = {
    write(chunk: string) {
      seen.text += chunk;
      seen.room -= 1;
      return seen.room > 0;
    },
    end: () => {
      seen.ended = true;
    },
  };
  const stream: EventStream = feed.open({
    sink,
    topics: options.topics ?? 'all',
    ...(options.afterId === undefined ? {} : { afterId: options.afterId }),
  });
  const ids = () => [...seen.text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  return { seen, stream, ids };
}

async function publish(count: number, topic = 'demo.tick'): Promise<number[]> {
  const ids: number[] = [];
  for (let index = 0; index < count; index += 1) {
    ids.push(bus.publish({ topic, payload: { index } }).id);
    // Less than a mailbox at a time, so that the bus drops nothing here.
    if (index % 100 === 99) await clock.advance(0);
  }
  await clock.advance(0);
  return ids;
}

describe('EventFeed', () => {
  it('sends each event with its topic, id and whole envelope', async () => {
    const { seen } = client();
    const [id] = await publish(1);
    const frame = seen.text.split('\n\n').find((block) => block.startsWith('event: demo.tick')) ?? '';
    const [event, idLine, data = ''] = frame.split('\n');
    expect([event, idLine]).toEqual(['event: demo.tick', `id: ${id}`]);
    expect(JSON.parse(data.slice('data: '.length))).toMatchObject({
      topic: 'demo.tick',
      id,
      source: 'host',
      version: 1,
      payload: { index: 0 },
    });
  });

  it('sends the topics asked for and no other', async () => {
    const { ids } = client({ topics: new Set(['demo.b']) });
    await publish(2, 'demo.a');
    const wanted = await publish(2, 'demo.b');
    expect(ids()).toEqual(wanted);
  });

  it('resumes after the last event a client has, without a gap or an event twice', async () => {
    const published = await publish(20);
    const { ids, seen } = client({ afterId: published[9] as number });
    const more = await publish(5);
    expect(ids()).toEqual([...published.slice(10), ...more]);
    expect(seen.text).not.toContain('event: gap');
  });

  it('tells of the gap after a restart: ids of this run begin above those of the last one, which were many', async () => {
    const [before] = await publish(1);
    feed.close();
    const again = new RecordingBus({ clock, lastId: 1_000 });
    feed = new EventFeed({ bus: again, clock });
    const early = client({ afterId: before as number });
    expect(early.seen.text).toContain('event: gap\n');
    const first = again.publish({ topic: 'demo.tick', payload: 1 });
    await clock.advance(0);
    const late = client({ afterId: before as number });
    expect([late.seen.text.includes('event: gap\n'), late.ids()]).toEqual([true, [first.id]]);
    const all = client({ afterId: 0 });
    expect([all.seen.text.includes('event: gap\n'), all.ids()]).toEqual([false, [first.id]]);
    again.close();
  });

  it('tells of the gap when it is too long ago, or of another run of the host', async () => {
    const published = await publish(1_100);
    const old = client({ afterId: published[5] as number });
    expect(old.seen.text).toContain('event: gap\n');
    expect(old.ids()).toEqual(published.slice(100));
    const foreign = client({ afterId: 10_000_000 });
    expect(foreign.seen.text).toContain('event: gap\n');
    expect(foreign.ids()).toEqual(published.slice(100));
    const recent = client({ afterId: published[99] as number });
    expect(recent.seen.text).not.toContain('event: gap');
    expect(recent.ids()).toEqual(published.slice(100));
  });

  it('holds back for a slow reader without keeping anything for it, and goes on where it was', async () => {
    const slow = client({ room: 4 });
    const published = await publish(10);
    expect(slow.ids()).toEqual(published.slice(0, 3));
    slow.seen.room = 100;
    slow.stream.resume();
    expect(slow.ids()).toEqual(published);
  });

  it('skips what a reader was too slow for and says so', async () => {
    const slow = client({ room: 2 });
    const published = await publish(1_500);
    slow.seen.room = 10_000;
    slow.stream.resume();
    expect(slow.seen.text).toContain('event: gap\n');
    expect(slow.ids()).toEqual([published[0], ...published.slice(500)]);
  });

  it('shows life to an idle reader, and ends one that has taken nothing for a minute', async () => {
    const idle = client();
    const dead = client({ room: 1 });
    await clock.advance(15_000);
    expect(idle.seen.text).toContain(': still here\n\n');
    expect(dead.seen.ended).toBe(false);
    await clock.advance(60_000);
    expect(dead.seen.ended).toBe(true);
    expect(feed.streams).toBe(1);
  });

  it('sends the envelope of a payload JSON cannot hold, and everything after it', async () => {
    const { ids, seen } = client();
    const cyclic: Record<string, unknown> = { big: 1n };
    const { id } = bus.publish({ topic: 'demo.odd', payload: cyclic });
    const [next] = await publish(1);
    expect(ids()).toEqual([id, next]);
    expect(seen.text).toContain('"payload":null');
  });

  it('takes a bounded number of readers, and leaves bus and clock when it closes', async () => {
    const readers = Array.from({ length: 100 }, () => client());
    expect(() => feed.demandRoom()).toThrow(expect.objectContaining({ code: 'EVENT_STREAMS_FULL', kind: 'capacity' }));
    readers[0]?.stream.close();
    expect(() => feed.demandRoom()).not.toThrow();
    feed.close();
    feed.close();
    expect(readers[1]?.seen.ended).toBe(true);
    expect(readers[0]?.seen.ended).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('knows the events of the host by their topics', async () => {
    const { seen } = client({ topics: new Set(['decision']) });
    const payload = {
      id: 'd',
      subsystem: 's',
      from: 1,
      to: 2,
      reason: 'r',
      limitedBy: 'cpu',
      at: 1,
      outcome: 'none',
      inputs: {},
    } satisfies ScalingDecision;
    bus.publish({ topic: 'decision', payload });
    await clock.advance(0);
    expect(seen.text).toContain('event: decision\n');
  });
});
