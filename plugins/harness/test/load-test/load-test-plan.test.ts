import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { failedCriteria } from '../../src/load-test/judge-load-test.js';
import { planLoadTest } from '../../src/load-test/load-test-plan.js';
import { generateLoadTestSpec, LOAD_TEST_SCENARIOS } from '../../src/load-test/load-test-spec.js';
import { SessionTally } from '../../src/load-test/load-test-summary.js';

describe('the plan of a load test', () => {
  it('has the scenarios of the original, issue for issue', () => {
    const shown = Object.entries(LOAD_TEST_SCENARIOS).map(([name, spec]) => [
      name,
      spec.totalIssues,
      spec.concurrentAgents,
      spec.avgSessionDurationMs,
      spec.rampUpMs,
      spec.failureRate,
      spec.sessionDurationVariance,
    ]);
    expect(shown).toEqual([
      ['smoke', 10, 5, 30_000, 10_000, 0.1, 0.3],
      ['light', 50, 8, 45_000, 30_000, 0.1, 0.3],
      ['medium', 100, 15, 60_000, 60_000, 0.1, 0.3],
      ['heavy', 200, 25, 60_000, 90_000, 0.1, 0.3],
      ['stress', 300, 35, 60_000, 120_000, 0.15, 0.3],
    ]);
  });

  it('keeps durations within the variance, arrivals within the ramp, and failures at their rate; the same seed gives the same plan', () => {
    const specs = fc.record({
      totalIssues: fc.integer({ min: 1, max: 300 }),
      failureRate: fc.double({ min: 0, max: 0.5, noNaN: true }),
      sessionDurationVariance: fc.double({ min: 0, max: 1, noNaN: true }),
      rampUpMs: fc.integer({ min: 0, max: 100_000 }),
      speed: fc.integer({ min: 1, max: 100 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(specs, (fields) => {
        const spec = generateLoadTestSpec({ ...fields, avgSessionDurationMs: 10_000 });
        const plan = planLoadTest(spec);
        expect(plan).toEqual(planLoadTest(spec));
        for (const { durationMs, arrivesAtMs } of plan) {
          expect(Math.abs(durationMs * spec.speed - 10_000)).toBeLessThanOrEqual(10_000 * spec.sessionDurationVariance + 0.001);
          expect(arrivesAtMs * spec.speed).toBeLessThanOrEqual(spec.rampUpMs);
        }
        const failing = plan.filter(({ fails }) => fails).length;
        const rate = failing / (plan.length + failing);
        expect(Math.abs(rate - spec.failureRate)).toBeLessThanOrEqual(0.5 / plan.length + 0.001);
      }),
    );
  });

  it.each([{ totalIssues: 0 }, { failureRate: 0.6 }, { speed: 0 }, { concurrentAgents: 1.5 }])('refuses %j', (fields) => {
    expect(() => generateLoadTestSpec(fields)).toThrow(expect.objectContaining({ code: 'LOAD_TEST_INVALID' }));
  });
});

describe('the acceptance criteria', () => {
  const good = { successRate: 0.8, health: 'degraded', workerStalls: 1, peakConcurrentWorkers: 20, targetWorkers: 25 } as const;

  it.each([
    ['all of them at their edge', {}, 0],
    ['79 % success', { successRate: 0.79 }, 1],
    ['unhealthy at the end', { health: 'unhealthy' }, 1],
    ['3 stalls of 25 workers', { workerStalls: 3 }, 1],
    ['19 of 25 agents', { peakConcurrentWorkers: 19 }, 1],
    ['31 of 25 agents', { peakConcurrentWorkers: 31 }, 1],
    ['4 of 5 agents', { peakConcurrentWorkers: 4, targetWorkers: 5, workerStalls: 0 }, 0],
    ['one stall of 5 workers', { peakConcurrentWorkers: 5, targetWorkers: 5 }, 1],
    ['everything', { successRate: 0, health: 'unhealthy', workerStalls: 25, peakConcurrentWorkers: 0 }, 4],
  ] as const)('%s', (_name, fields, count) => {
    expect(failedCriteria({ ...good, ...fields })).toHaveLength(count);
  });
});

describe('the tally of sessions', () => {
  it('answers exact percentiles', () => {
    const tally = new SessionTally();
    for (let ms = 100; ms >= 1; ms -= 1) tally.onSessionEnd(ms, ms > 10);
    expect([tally.percentileMs(0.95), tally.percentileMs(0.99), tally.avgMs, tally.successRate]).toEqual([95, 99, 50.5, 0.9]);
    expect(new SessionTally().percentileMs(0.99)).toBe(0);
  });
});
