import { CapacityError, seededRandom, silentLogger, z } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { OperationRegistry } from '../../src/operations/operation-registry.js';
import { RefusalCounts } from '../../src/operations/refusal-counts.js';

const some = (counts: RefusalCounts) => counts.all().filter(({ count }) => count > 0);

describe('RefusalCounts', () => {
  it('tells apart the tenants that the configuration names, and no more of them than 200 whatever callers make up', () => {
    const counts = new RefusalCounts();
    const names = Array.from({ length: 300 }, (_, n) => `t${n}`);
    counts.setTenants([...names, '__proto__']);
    for (const name of [...names, '__proto__', 'made-up', 'default']) counts.count(name, 'TENANT_LIMIT');
    const tenants = new Set(counts.all().map(({ tenant }) => tenant));
    expect(tenants.size).toBeLessThanOrEqual(201);
    expect(some(counts).reduce((sum, { count }) => sum + count, 0)).toBe(303);
    expect(some(counts)).toContainEqual({ tenant: 't0', code: 'TENANT_LIMIT', count: 1 });
    expect([...tenants]).not.toContain('made-up');
  });

  it('counts each refused call once, not what handlers refuse, and not again where a caller passes it on', async () => {
    const registry = new OperationRegistry({
      clock: new FakeClock(),
      logger: silentLogger,
      random: seededRandom(1),
      tenants: { acme: { limits: { maxConcurrentOperations: 1 } } },
    });
    const operations = registry.forPlugin('demo', new AbortController().signal);
    const provide = (name: string, handler: () => Promise<unknown>) =>
      operations.provide({ name, summary: '', input: z.unknown(), output: z.unknown(), handler });
    provide('demo.inner', async () => null);
    provide('demo.outer', () => operations.call('demo.inner', null, { tenant: 'acme' }));
    provide('demo.full', async () => {
      throw new CapacityError('TENANT_LIMIT', 'of the handler');
    });
    await expect(operations.call('demo.outer', null, { tenant: 'acme' })).rejects.toMatchObject({ code: 'TENANT_LIMIT' });
    await expect(operations.call('demo.full', null, { tenant: 'acme' })).rejects.toMatchObject({ code: 'TENANT_LIMIT' });
    expect(some(registry.metrics.refusals)).toEqual([{ tenant: 'acme', code: 'TENANT_LIMIT', count: 1 }]);
  });
});
