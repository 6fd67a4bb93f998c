import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planRetry } from '../../src/client/plan-retry.js';
import { RemoteError } from '../../src/client/remote-error.js';
import { type ErrorKind, STATUS_BY_KIND } from '../../src/errors.js';
import { seededRandom } from '../../src/random.js';

const policies = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 10 }),
  initialMs: fc.integer({ min: 0, max: 1_000 }),
  maxMs: fc.integer({ min: 0, max: 60_000 }),
  maxRetryAfterMs: fc.integer({ min: 0, max: 60_000 }),
});
const tries = fc.record({
  kind: fc.constantFrom(...(Object.keys(STATUS_BY_KIND) as ErrorKind[])),
  retryAfterMs: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
  header: fc.option(fc.integer({ min: 0, max: 100 }).map(String), { nil: null }),
  attempt: fc.integer({ min: 1, max: 12 }),
  isSafe: fc.boolean(),
  remainingMs: fc.oneof(fc.integer({ min: -10, max: 100_000 }), fc.constant(Number.POSITIVE_INFINITY)),
});

describe('planRetry', () => {
  it('waits as long as was asked for, never beyond the deadline or the tries, and repeats only what may be repeated', () => {
    fc.assert(
      fc.property(tries, policies, fc.integer(), ({ kind, retryAfterMs, header, ...rest }, policy, seed) => {
        const body = { code: 'SAMPLE', message: 'Sample.', traceId: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
        const error = new RemoteError(STATUS_BY_KIND[kind], body, header);
        const waitMs = planRetry({ error, ...rest }, policy, seededRandom(seed));
        expect(planRetry({ error, ...rest }, policy, seededRandom(seed))).toBe(waitMs);
        if (waitMs === undefined) return;
        expect(rest.attempt).toBeLessThan(policy.maxAttempts);
        expect(['capacity', 'not_ready']).toContain(error.kind);
        expect(rest.isSafe || retryAfterMs !== undefined).toBe(true);
        expect(waitMs).toBeLessThan(rest.remainingMs);
        expect(waitMs).toBeGreaterThanOrEqual(error.retryAfterMs ?? 0);
        expect(waitMs).toBeLessThanOrEqual(Math.max(policy.maxMs, policy.maxRetryAfterMs * 1.25));
      }),
    );
  });

  it('plans nothing for what is no Bellows error', () => {
    const failed = { error: new Error('mine'), attempt: 1, isSafe: true, remainingMs: 1_000 };
    expect(planRetry(failed, { maxAttempts: 3, initialMs: 1, maxMs: 1, maxRetryAfterMs: 1 }, seededRandom(1))).toBeUndefined();
  });
});
