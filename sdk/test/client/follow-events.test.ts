import { describe, expect, it } from '@jest/globals';
import { from, take, toArray } from 'rxjs';
import { clientOf, eventStream, frame, nobody, refusal } from './fake-host.js';

/** Takes so many events while the clock goes on. */
async function idsOf(events: AsyncIterable<{ readonly id: number }>, count: number, clock: { advance(ms: number): Promise<void> }) {
  const ids: number[] = [];
  const taking = (async () => {
    for await (const { id } of events) if (ids.push(id) === count) return;
  })();
  let isDone = false;
  const ended = taking.finally(() => (isDone = true));
  for (let turn = 0; turn < 500 && !isDone; turn += 1) await clock.advance(1_000);
  await ended;
  return ids;
}

describe('events', () => {
  it('come as the host publishes them, frozen, and only what they should hold', async () => {
    const { client, asked } = clientOf([() => eventStream(frame(7, { depth: 1 }))]);
    for await (const event of client.events({ topics: ['sample', 'a:b'] })) {
      expect(event).toEqual({ topic: 'sample', id: 7, at: 1, source: 'host', version: 1, payload: { depth: 1 } });
      expect(Object.isFrozen(event)).toBe(true);
      break;
    }
    expect(asked[0]).toMatchObject({
      url: 'http://host.test:7070/v1/events?topics=sample,a%3Ab',
      headers: { accept: 'text/event-stream' },
    });
    expect(asked[0]!.signal.aborted).toBe(true);
  });

  it('go on after the last one when the stream ends, breaks, or nobody answers for a while', async () => {
    const { client, asked, clock } = clientOf([
      () => eventStream(frame(1) + frame(2)),
      nobody,
      () => refusal(503, { retryAfterMs: 1_000 }),
      () => eventStream(frame(3) + frame(4).slice(0, 20)),
      () => eventStream(frame(4)),
    ]);
    expect(await idsOf(client.events(), 4, clock)).toEqual([1, 2, 3, 4]);
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '2', '2', '3']);
  });

  it('begin after the id that was given', async () => {
    const { client, asked, clock } = clientOf([() => eventStream(frame(10))]);
    expect(await idsOf(client.events({ lastEventId: 9 }), 1, clock)).toEqual([10]);
    expect(asked[0]!.headers['last-event-id']).toBe('9');
  });

  it('tell of what is missing: a gap, and what is no event', async () => {
    const text = `event: gap\ndata: {"resumesAt":5}\n\n${frame(5)}event: x\ndata: no json\n\ndata: {"topic":1}\n\ndata: null\n\ndata: ${'x'.repeat(5_000_000)}\n\n${frame(6)}`;
    const { client, clock } = clientOf([() => eventStream(text)]);
    const losses: string[] = [];
    expect(await idsOf(client.events({ onLoss: (reason) => losses.push(reason) }), 2, clock)).toEqual([5, 6]);
    expect(losses.filter((reason) => reason === 'gap')).toHaveLength(1);
    expect(losses.length).toBeGreaterThanOrEqual(4);
  });

  it('end without an error when the signal aborts: while waiting, in a pause, and before the first', async () => {
    for (const answer of [() => eventStream(frame(1), false), nobody]) {
      const { client, clock } = clientOf([answer]);
      const abort = new AbortController();
      const all = (async () => {
        const ids: number[] = [];
        for await (const { id } of client.events({ signal: abort.signal })) ids.push(id);
        return ids;
      })();
      await clock.advance(5);
      abort.abort();
      expect((await all).length).toBeLessThanOrEqual(1);
      for await (const _event of client.events({ signal: abort.signal })) throw new Error('none should come');
      expect(clock.pending).toBe(0);
    }
  });

  it('are asked for anew when the host has been silent for too long', async () => {
    const { client, asked, clock } = clientOf([() => eventStream(frame(1), false), () => eventStream(frame(2), false)]);
    expect(await idsOf(client.events(), 2, clock)).toEqual([1, 2]);
    expect(asked).toHaveLength(2);
    expect(asked[0]!.signal.aborted).toBe(true);
  });

  it.each([400, 401, 403, 404])('end with the error of the host that no other try can change: %i', async (status) => {
    const { client } = clientOf([() => refusal(status, {})]);
    await expect(client.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'SAMPLE', status });
  });

  it('end with the last failure after as many as were to be put up with', async () => {
    const { client, asked, clock } = clientOf([nobody]);
    const next = client.events({ maxFailures: 3 })[Symbol.asyncIterator]().next();
    const failed = expect(next).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    await clock.advance(60_000);
    await failed;
    expect(asked).toHaveLength(3);
  });

  it('are no events when something else answers', async () => {
    const { client } = clientOf([() => new Response('<html>')]);
    await expect(client.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'ANSWER_INVALID' });
  });

  it('become an Observable', async () => {
    const { client } = clientOf([() => eventStream(frame(1) + frame(2) + frame(3), false)]);
    const events = await new Promise<readonly { id: number }[]>((resolve, reject) =>
      from(client.events()).pipe(take(2), toArray()).subscribe({ next: resolve, error: reject }),
    );
    expect(events.map(({ id }) => id)).toEqual([1, 2]);
  });
});
