import { z } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestOf, TokenTable } from '../../src/http/token-table.js';
import { ask, callOperation, type LoopbackHost, listen, startLoopbackHost, TOKEN, until, withToken } from './loopback-host.js';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const users = new TokenTable([
  { name: 'rita', role: 'reader', sha256: digestOf('reads').toString('hex') },
  { name: 'oscar', role: 'operator', sha256: digestOf('operates').toString('hex') },
]);

let local: LoopbackHost;
let shared: LoopbackHost;
beforeAll(async () => {
  local = relaying(await startLoopbackHost());
  shared = relaying(await startLoopbackHost({ users }));
});
afterAll(() => Promise.all([local.close(), shared.close()]));

/** With a plugin whose one operation, for readers, calls others on behalf of its caller. */
function relaying(host: LoopbackHost): LoopbackHost {
  const operations = host.registry.forPlugin('relay', new AbortController().signal);
  operations.provide({
    name: 'relay.call',
    summary: '',
    role: 'reader',
    input: z.strictObject({ to: z.string(), input: z.unknown() }),
    output: z.unknown(),
    handler: ({ to, input }, { authority }) => operations.call(to, input, { authority }),
  });
  return host;
}

const relay = (host: LoopbackHost, to: string, headers = {}) =>
  callOperation(host, 'relay.call', { to, input: to === 'demo.add' ? { first: 1, second: 2 } : {} }, headers);

describe('a call over HTTP that a plugin passes on', () => {
  it('runs no commands for somebody without a token, and all else on loopback', async () => {
    expect(await relay(local, 'demo.commands')).toMatchObject({ status: 403, json: { error: { code: 'COMMANDS_FORBIDDEN' } } });
    expect(await relay(local, 'demo.commands', withToken)).toMatchObject({ status: 200, json: 'ran' });
    expect(await relay(local, 'demo.add')).toMatchObject({ status: 200, json: 3 });
  });

  it('reaches as far as the role of the token where the host has users', async () => {
    expect(await relay(shared, 'demo.echo', bearer('reads'))).toMatchObject({ status: 200 });
    for (const to of ['demo.add', 'demo.commands']) {
      expect(await relay(shared, to, bearer('reads'))).toMatchObject({ status: 403, json: { error: { code: 'ROLE_TOO_LOW' } } });
      expect(await relay(shared, to, bearer('operates'))).toMatchObject({ status: 200 });
    }
    expect(await relay(shared, 'demo.echo')).toMatchObject({ status: 401, json: { error: { code: 'TOKEN_NEEDED' } } });
  });

  it('has the authority of the page when the page makes it', async () => {
    const link = await ask(local, `/?token=${TOKEN}`);
    const [cookie] = link.headers['set-cookie']?.[0]?.split(';') ?? [];
    expect(cookie).toMatch(/^bellows_/);
    expect(await relay(local, 'demo.commands', { cookie, origin: local.server.url })).toMatchObject({ status: 200, json: 'ran' });
  });

  it('leaves what reads as it was: page, events, status and listings need no token on loopback', async () => {
    const events = await listen(local, '/v1/events?topics=status');
    const payload = { plugin: 'x', state: 'active', reason: 'r', message: '', since: 1, configRevision: 1 } as const;
    local.bus.publish({ topic: 'status', payload });
    await until(() => events.text.includes('"plugin":"x"'));
    events.response.destroy();
    for (const path of ['/', '/v1/status', '/v1/operations', '/openapi.json', '/v1/decisions']) {
      expect({ path, status: (await ask(local, path)).status }).toEqual({ path, status: 200 });
    }
  });
});
