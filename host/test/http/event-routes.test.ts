import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, type LoopbackHost, listen, startLoopbackHost, until } from './loopback-host.js';

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost();
});
afterAll(() => host.close());

const status = (plugin: string) => ({ plugin, state: 'active' as const, reason: 'r', message: '', since: 1, configRevision: 1 });

describe('/v1/events', () => {
  it('streams the topics asked for and resumes where a client left', async () => {
    const first = await listen(host, '/v1/events?topics=status,decision');
    expect(first.response).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
    host.bus.publish({ topic: 'control', payload: { kind: 'drain' } });
    const { id } = host.bus.publish({ topic: 'status', payload: status('one') });
    await until(() => first.text.includes('"plugin":"one"'));
    expect(first.text).not.toContain('event: control');
    first.response.destroy();
    host.bus.publish({ topic: 'status', payload: status('two') });
    const second = await listen(host, '/v1/events?topics=status', { 'last-event-id': String(id) });
    await until(() => second.text.includes('"plugin":"two"'));
    expect(second.text).not.toContain('"plugin":"one"');
    second.response.destroy();
  });

  it('streams a topic that nobody has published on yet, and says so to people', async () => {
    const stream = await listen(host, '/v1/events?topics=shelf.stored,status');
    await until(() => stream.text.includes('\n\n'));
    expect(stream.text).toMatch(/^: nobody has published shelf\.stored so far; topics there are: .*status.*\n\n/);
    host.bus.publish({ topic: 'shelf.stored', payload: { title: 'a' } });
    await until(() => stream.text.includes('event: shelf.stored'));
    stream.response.destroy();
  });

  it('refuses what cannot be a topic, too many of them, and ids it never gave', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `t${index}`).join();
    for (const topics of ['', 'a%20b', '*', '5', 'a,,b', 'a%0Ab', many]) {
      expect(await ask(host, `/v1/events?topics=${topics}`)).toMatchObject({
        status: 400,
        json: { error: { code: 'QUERY_INVALID', details: [{ path: 'query.topics' }] } },
      });
    }
    expect(await ask(host, '/v1/events', { headers: { 'last-event-id': '-1' } })).toMatchObject({
      status: 400,
      json: { error: { code: 'HEADER_INVALID' } },
    });
  });

  it('opens no stream for a HEAD request', async () => {
    expect((await ask(host, '/v1/events', { method: 'HEAD' })).status).toBe(405);
  });

  it('lets a reader that reads nothing slow down nobody else', async () => {
    const stuck = await listen(host, '/v1/events?topics=status');
    stuck.response.pause();
    const healthy = await listen(host, '/v1/events?topics=status');
    const bulky = { ...status('bulk'), message: 'x'.repeat(20_000) };
    for (let round = 0; round < 400; round += 1) host.bus.publish({ topic: 'status', payload: bulky });
    host.bus.publish({ topic: 'status', payload: status('last') });
    await until(() => healthy.text.includes('"plugin":"last"'));
    expect(stuck.text).not.toContain('"plugin":"last"');
    for (const { response } of [stuck, healthy]) response.destroy();
  });

  it('ends streams when the host closes', async () => {
    const closing = await startLoopbackHost();
    const stream = await listen(closing, '/v1/events');
    await closing.close();
    await until(() => stream.ended);
  });
});
