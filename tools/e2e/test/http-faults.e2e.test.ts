import { beforeAll, describe, expect, it } from '@jest/globals';
import { GREETER, type RunningHost, startHost, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';

const JSON_TYPE = { 'content-type': 'application/json' };

let host: RunningHost;

beforeAll(async () => {
  const folder = tempFolder();
  const from = writePlugin(folder, {
    id: 'faulty',
    activate: `
    const input = sdk.z.unknown();
    const output = sdk.z.strictObject({ ok: sdk.z.literal(true) });
    const provide = (name, handler) => ctx.operations.provide({ name: 'faulty.' + name, summary: name, input, output, handler });
    provide('throws', async () => { throw new TypeError('a bug of the plugin'); });
    provide('lies', async () => ({ ok: 'perhaps' }));
    provide('refuses', async () => { throw new sdk.RefusedError('NOT_TODAY', 'It was understood and not done.'); });
    provide('full', async () => { throw new sdk.CapacityError('QUEUE_FULL', 'All places are taken.', { retryAfterMs: 2500 }); });
    provide('waits', async (_input, call) => { await ctx.clock.sleep(60_000, call.signal); return { ok: true }; });
    provide('ok', async () => ({ ok: true }));
    `,
  });
  host = await startHost({ folder, config: { plugins: { greeter: { from: GREETER }, faulty: { from } } } });
});

describe('a request that cannot be served', () => {
  it.each([
    ['no JSON', '{ "name": ', 400],
    ['not even text', '\u0000\u0001', 400],
    ['a list instead of an object', '[1, 2]', 400],
    ['a number instead of an object', '7', 400],
    ['a wrong type inside', '{ "name": 7 }', 400],
    ['an unknown key', '{ "name": "Ada", "nmae": "x" }', 400],
    ['a missing key', '{}', 400],
    ['an empty body', '', 400],
  ])('answers %s with 400 and an error of the agreed shape', async (_what, body, status) => {
    const answer = await host.request('/v1/operations/greeter.greet', { method: 'POST', headers: JSON_TYPE, body });
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({
      error: expect.objectContaining({ code: expect.any(String), message: expect.any(String), traceId: expect.any(String) }),
    });
  });

  it('says where in the body the fault is', async () => {
    const { json } = await host.call('greeter.greet', { name: 7 });
    expect(json.error.code).toBe('INPUT_INVALID');
    expect(json.error.details).toEqual([expect.objectContaining({ path: 'name', message: expect.any(String) })]);
  });

  it('suggests the nearest key for an unknown one', async () => {
    const { json } = await host.call('greeter.greet', { nmae: 'Ada', name: 'Ada' });
    expect(JSON.stringify(json.error.details)).toContain('nmae');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
    'refuses the body type %s',
    async (type) => {
      const answer = await host.request('/v1/operations/greeter.greet', {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"name":"Ada"}',
      });
      expect([400, 415]).toContain(answer.status);
      expect(answer.json.error.code).toEqual(expect.any(String));
    },
  );

  it('refuses a body above 64 MiB with 413 as soon as its length is announced', async () => {
    const answer = await host.request('/v1/operations/greeter.greet', {
      method: 'POST',
      headers: { ...JSON_TYPE, 'content-length': String(64 * 1024 * 1024 + 1) },
      body: '{',
    });
    expect([answer.status, answer.json.error.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('answers an unknown operation with 404 and the nearest name', async () => {
    const answer = await host.call('greeter.great', {});
    expect([answer.status, answer.json.error.code]).toEqual([404, 'OPERATION_UNKNOWN']);
    expect(JSON.stringify(answer.json.error)).toContain('greeter.greet');
  });

  it('answers an unknown route with 404 in the same shape', async () => {
    const answer = await host.request('/v1/nothing-here');
    expect([answer.status, answer.json.error.code]).toEqual([404, expect.any(String)]);
  });

  it('stays alive through all of it', async () => {
    expect((await host.call('greeter.greet', { name: 'Ada' })).json).toEqual({ greeting: 'Hello, Ada!' });
  });
});

describe('an operation that fails', () => {
  it('is a fault of the plugin (500) when it throws anything', async () => {
    const { status, json } = await host.call('faulty.throws');
    expect([status, json.error.plugin]).toEqual([500, 'faulty']);
  });

  it('is a fault of the plugin (500) when its answer does not fit its own schema', async () => {
    expect((await host.call('faulty.lies')).status).toBe(500);
  });

  it('answers 409 when it refuses', async () => {
    const { status, json } = await host.call('faulty.refuses');
    expect([status, json.error.code]).toEqual([409, 'NOT_TODAY']);
  });

  it('answers 429 with Retry-After in whole seconds when there is no room', async () => {
    const { status, json, headers } = await host.call('faulty.full');
    expect([status, json.error.code, json.error.retryAfterMs, headers['retry-after']]).toEqual([429, 'QUEUE_FULL', 2500, '3']);
  });

  it('answers 504 when the deadline of the header has passed', async () => {
    const { status, json } = await host.call('faulty.waits', {}, { 'bellows-deadline-ms': '40' });
    expect([status, json.error.code]).toEqual([504, 'DEADLINE_EXCEEDED']);
  });

  it.each(['soon', '-5', '0.5e', ''])('refuses the deadline %j', async (value) => {
    expect((await host.call('faulty.ok', {}, { 'bellows-deadline-ms': value })).status).toBe(400);
  });

  it('refuses an unknown criticality', async () => {
    expect((await host.call('faulty.ok', {}, { 'bellows-criticality': 'extreme' })).status).toBe(400);
  });

  it('carries the trace of the caller in an error', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { json } = await host.call('faulty.refuses', {}, { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(json.error.traceId).toBe(traceId);
  });
});

describe('local safety', () => {
  const port = () => new URL(host.url).port;

  it.each(['evil.example', 'evil.example:80', '192.0.2.1'])('refuses the Host header %s (DNS rebinding)', async (name) => {
    const answer = await host.request('/v1/status', { headers: { host: name } });
    expect(answer.status).toBe(403);
  });

  it('accepts the names of the loopback device', async () => {
    for (const name of ['127.0.0.1', 'localhost']) {
      expect((await host.request('/health', { headers: { host: `${name}:${port()}` } })).status).toBe(200);
    }
  });

  it.each(['https://evil.example', 'null', 'http://localhost.evil.example'])('refuses the Origin %s', async (origin) => {
    const answer = await host.call('greeter.greet', { name: 'Ada' }, { origin });
    expect(answer.status).toBe(403);
  });

  it('accepts its own page as Origin', async () => {
    expect((await host.call('greeter.greet', { name: 'Ada' }, { origin: host.url })).status).toBe(200);
  });

  it('runs commands of the machine only for callers with its token', async () => {
    const without = await host.call('greeter.shell');
    expect([without.status, without.json.error.code]).toEqual([401, expect.any(String)]);
    const wrong = await host.call('greeter.shell', {}, { authorization: `Bearer ${'0'.repeat(host.token.length)}` });
    expect([401, 403]).toContain(wrong.status);
    const right = await host.call('greeter.shell', {}, { authorization: `Bearer ${host.token}` });
    expect([right.status, right.json]).toEqual([200, { version: process.version }]);
  });

  it('never shows its token to a reader', async () => {
    for (const target of ['/v1/status', '/v1/plugins', '/ready', '/metrics', '/openapi.json', '/']) {
      expect((await host.request(target)).text).not.toContain(host.token);
    }
    expect(host.process.output().stderr).not.toContain(host.token);
  });

  it('refuses to listen elsewhere without a file of tokens', async () => {
    const file = writeConfig(tempFolder(), { host: { address: '0.0.0.0' } });
    for (const command of ['start', 'check']) {
      const { code, stderr } = await host.bellows([command, '--config', file]);
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toContain('tokensFile');
    }
  });
});
