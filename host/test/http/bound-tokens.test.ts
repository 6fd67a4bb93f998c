import { z } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { digestOf, TokenTable } from '../../src/http/token-table.js';
import { callOperation, type LoopbackHost, startLoopbackHost } from './loopback-host.js';

const bearer = (token: string, more = {}) => ({ authorization: `Bearer ${token}`, ...more });
const entry = (name: string, role: 'operator' | 'admin', bound = {}) => ({ name, role, sha256: digestOf(name).toString('hex'), ...bound });
const users = new TokenTable([
  entry('free', 'operator'),
  entry('acme', 'operator', { tenant: 'acme' }),
  entry('ann', 'operator', { tenant: 'acme', user: 'ann' }),
  entry('boss', 'admin', { tenant: 'acme', user: 'boss' }),
]);

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost({ users });
  const relay = host.registry.forPlugin('relay', new AbortController().signal);
  relay.provide({
    name: 'relay.as',
    summary: '',
    input: z.strictObject({ tenant: z.string() }),
    output: z.unknown(),
    handler: ({ tenant }, { authority }) => relay.call('demo.call', {}, { tenant, authority }),
  });
});
afterAll(() => host.close());

const whoami = async (token: string, headers = {}) => {
  const { status, json } = await callOperation(host, 'demo.call', {}, bearer(token, headers));
  return status === 200 ? `${json.tenant}/${json.user}` : json.error.code;
};
const naming = (tenant?: string, user?: string) => ({ 'bellows-tenant': tenant, 'bellows-user': user });

describe('a token that is bound', () => {
  it('says who calls where nothing is named', async () => {
    expect(await whoami('free')).toBe('default/free');
    expect(await whoami('acme')).toBe('acme/acme');
    expect(await whoami('ann')).toBe('acme/ann');
    expect(await whoami('boss')).toBe('acme/boss');
  });

  it('is refused for another tenant or user, and taken for its own', async () => {
    expect(await whoami('acme', naming('acme', 'whoever'))).toBe('acme/whoever');
    expect(await whoami('ann', naming('acme', 'ann'))).toBe('acme/ann');
    for (const [token, headers] of [
      ['acme', naming('other')],
      ['acme', naming('Acme')],
      ['acme', naming('default')],
      ['ann', naming('acme', 'bob')],
      ['ann', naming('other', 'ann')],
    ] as const) {
      expect(await whoami(token, headers)).toBe('TENANT_FORBIDDEN');
    }
  });

  it('binds no admin, and one that is free names any', async () => {
    expect(await whoami('boss', naming('other', 'bob'))).toBe('other/bob');
    expect(await whoami('free', naming('other', 'bob'))).toBe('other/bob');
  });

  it('reaches no other tenant through a plugin that calls on', async () => {
    const relayed = async (token: string, tenant: string) => (await callOperation(host, 'relay.as', { tenant }, bearer(token))).status;
    expect(
      await Promise.all([relayed('acme', 'acme'), relayed('acme', 'other'), relayed('boss', 'other'), relayed('free', 'other')]),
    ).toEqual([200, 403, 200, 200]);
  });
});

describe('a header that names somebody', () => {
  it.each(['', 'x'.repeat(201), 'ü', 'a\tb'])('is refused when it is %j', async (value) => {
    expect(await whoami('free', naming(value))).toBe('HEADER_INVALID');
  });

  it('is refused when it is a token of kilobytes, of odd bytes, or half of one', async () => {
    for (const token of ['x'.repeat(12_000), 'ÿþ', '', 'fre', 'freee', 'free free']) {
      expect((await callOperation(host, 'demo.call', {}, bearer(token))).status).toBe(401);
    }
    expect(await whoami('free')).toBe('default/free');
  });
});
