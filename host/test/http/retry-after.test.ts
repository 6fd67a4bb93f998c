import { BellowsError, CapacityError, ERROR_CODES, type ErrorKind, z } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HOST_ERROR_CODES } from '../../src/error-codes.js';
import { BodyBudget } from '../../src/http/body-budget.js';
import { type Answer, ask, callOperation, type LoopbackHost, listen, startLoopbackHost, until } from './loopback-host.js';

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost();
  const failing = host.registry.forPlugin('failing', new AbortController().signal);
  failing.provide({
    name: 'failing.with',
    summary: '',
    input: z.strictObject({ kind: z.string(), code: z.string(), retryAfterMs: z.union([z.number(), z.string()]).optional() }),
    output: z.unknown(),
    // JSON has no NaN and no Infinity
    handler: async ({ kind, code, retryAfterMs }) => {
      const options = retryAfterMs === undefined ? {} : { retryAfterMs: Number(retryAfterMs) };
      throw new BellowsError(kind as ErrorKind, code, 'no', options);
    },
  });
});
afterAll(() => host.close());

const STATUS: Readonly<Record<string, number>> = { capacity: 429, not_ready: 503 };
const codes = Object.entries({ ...ERROR_CODES, ...HOST_ERROR_CODES });

const told = ({ status, headers, json }: Answer) => [status, json?.error?.code, headers['retry-after']];

describe('Retry-After', () => {
  it('comes with every code that says there is no room or not yet, and with no other', async () => {
    const passing = codes.filter(([, { kind }]) => STATUS[kind] !== undefined);
    expect(passing.length).toBeGreaterThan(15);
    for (const [code, { kind }] of codes) {
      const expected = STATUS[kind];
      const answer = await callOperation(host, 'failing.with', { kind, code });
      expect([code, answer.headers['retry-after']]).toEqual([code, expected === undefined ? undefined : '1']);
      if (expected === undefined) continue;
      expect(told(answer)).toEqual([expected, code, '1']);
      expect(told(await callOperation(host, 'failing.with', { kind, code, retryAfterMs: 2_500 }))).toEqual([expected, code, '3']);
    }
  });

  it.each([
    ['NaN', '1'],
    ['Infinity', '86400'],
    ['-Infinity', '1'],
    ['-5', '1'],
    ['0', '1'],
    ['1e30', '86400'],
    ['1000.5', '2'],
  ])('is a whole number of seconds where a plugin says %s ms', async (retryAfterMs, expected) => {
    const answer = await callOperation(host, 'failing.with', { kind: 'capacity', code: 'FULL', retryAfterMs });
    expect(told(answer)).toEqual([429, 'FULL', expected]);
  });

  it('comes from the limits of tenant and host', async () => {
    const small = await startLoopbackHost({
      operations: { maxConcurrentOperations: 2, tenants: { a: { limits: { maxConcurrentOperations: 1 } } } },
    });
    const running = ['a', 'b'].map((tenant) => callOperation(small, 'demo.slow', {}, { 'bellows-tenant': tenant }));
    await until(() => small.slow.length === 2);
    expect(told(await callOperation(small, 'demo.echo', {}, { 'bellows-tenant': 'b' }))).toEqual([429, 'INSTANCE_LIMIT', '1']);
    for (const { release } of small.slow.splice(0)) release();
    await Promise.all(running);
    const one = callOperation(small, 'demo.slow', {}, { 'bellows-tenant': 'a' });
    await until(() => small.slow.length === 1);
    expect(told(await callOperation(small, 'demo.echo', {}, { 'bellows-tenant': 'a' }))).toEqual([429, 'TENANT_LIMIT', '1']);
    small.slow.pop()?.release();
    await one;
    await small.close();
  });

  it('comes from a plugin that stops, a full store of files, too many bodies and too many streams', async () => {
    const full = await startLoopbackHost({
      bodies: new BodyBudget(10),
      uploads: {
        read: () => Promise.reject(new Error('nothing is read here')),
        save: () => Promise.reject(new CapacityError('DISK_FULL', 'full', { retryAfterMs: 60_000 })),
      },
    });
    expect(told(await ask(full, '/v1/files', { method: 'POST', body: 'x' }))).toEqual([429, 'DISK_FULL', '60']);
    expect(told(await callOperation(full, 'demo.echo', JSON.stringify('x'.repeat(1_200_000))))).toEqual([429, 'BODIES_FULL', '1']);
    const streams = await Promise.all(Array.from({ length: 100 }, () => listen(full, '/v1/events')));
    expect(told(await ask(full, '/v1/events'))).toEqual([429, 'EVENT_STREAMS_FULL', '15']);
    for (const { response } of streams) response.destroy();
    const slow = callOperation(full, 'demo.slow');
    await until(() => full.slow.length === 1);
    const drained = full.registry.drain('demo', 10_000);
    expect(told(await callOperation(full, 'demo.echo'))).toEqual([503, 'OPERATION_STOPPING', '1']);
    full.slow.pop()?.release();
    await Promise.all([slow, drained]);
    await full.close();
  });

  it('comes from a host that is not ready', async () => {
    const starting = await startLoopbackHost({ ready: () => false });
    const answer = await ask(starting, '/ready');
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    await starting.close();
    expect((await ask(host, '/ready')).headers['retry-after']).toBeUndefined();
  });
});
