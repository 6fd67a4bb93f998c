import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_SCALE_CONFIG, type ScaleConfig } from '../../src/config.js';
import { recommendedWorkers, scaleWorkers, type WorkerDemand, workerBounds } from '../../src/scaling/scale-workers.js';

const config: fc.Arbitrary<ScaleConfig> = fc
  .record({
    minWorkers: fc.integer({ min: 1, max: 50 }),
    more: fc.integer({ min: 0, max: 50 }),
    targetQueueDepth: fc.integer({ min: 1, max: 50 }),
    scaleUpThreshold: fc.double({ min: 0.6, max: 5, noNaN: true }),
    scaleDownThreshold: fc.double({ min: 0, max: 0.5, noNaN: true }),
    scaleCooldownMs: fc.integer({ min: 0, max: 100_000 }),
  })
  .map(({ more, ...fields }) => ({ ...DEFAULT_SCALE_CONFIG, ...fields, maxWorkers: fields.minWorkers + more }));

const demand: fc.Arbitrary<WorkerDemand> = fc
  .record({
    workers: fc.integer({ min: 1, max: 120 }),
    idle: fc.double({ min: 0, max: 1, noNaN: true }),
    readyIssues: fc.integer({ min: 0, max: 2_000 }),
    sinceChangeMs: fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constant(Number.POSITIVE_INFINITY)),
    ceiling: fc.integer({ min: 1, max: 150 }),
  })
  .map(({ idle, ...fields }) => ({ ...fields, idleWorkers: Math.floor(idle * fields.workers) }));

const at = (fields: Partial<WorkerDemand>): WorkerDemand => ({
  workers: 10,
  idleWorkers: 0,
  readyIssues: 0,
  sinceChangeMs: Number.POSITIVE_INFINITY,
  ceiling: 1_000,
  ...fields,
});

describe('the threshold law of harness.scale', () => {
  it('never leaves the bounds, but for busy workers that must finish first', () => {
    fc.assert(
      fc.property(demand, config, (given, settings) => {
        const { min, max } = workerBounds(settings, given.ceiling);
        const { workers } = scaleWorkers(given, settings);
        const busy = given.workers - given.idleWorkers;
        expect(workers).toBeGreaterThanOrEqual(Math.min(min, given.workers));
        expect(workers).toBeLessThanOrEqual(Math.max(max, busy));
        expect(max).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('never removes a busy worker', () => {
    fc.assert(
      fc.property(demand, config, (given, settings) => {
        expect(scaleWorkers(given, settings).workers).toBeGreaterThanOrEqual(given.workers - given.idleWorkers);
      }),
    );
  });

  it('goes up only above the upper threshold and down only below the lower one, inside of the bounds', () => {
    fc.assert(
      fc.property(demand, config, (given, settings) => {
        const { min, max } = workerBounds(settings, given.ceiling);
        fc.pre(given.workers >= min && given.workers <= max);
        const ratio = given.readyIssues / given.workers;
        const { workers } = scaleWorkers(given, settings);
        if (workers > given.workers) expect(ratio).toBeGreaterThan(settings.scaleUpThreshold);
        if (workers < given.workers) {
          expect(ratio).toBeLessThan(settings.scaleDownThreshold);
          expect(workers).toBe(given.workers - 1);
        }
      }),
    );
  });

  it('changes at most once per cool-down, whatever happens, and a step that changes nothing begins none', () => {
    const steps = fc.array(
      fc.record({ passMs: fc.integer({ min: 0, max: 40_000 }), readyIssues: fc.integer({ min: 0, max: 500 }), busy: fc.nat() }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(config, steps, (settings, moments) => {
        let [workers, nowMs, changedAtMs] = [settings.minWorkers, 0, Number.NEGATIVE_INFINITY];
        for (const { passMs, readyIssues, busy } of moments) {
          nowMs += passMs;
          const idleWorkers = workers - (busy % (workers + 1));
          const step = scaleWorkers({ workers, idleWorkers, readyIssues, sinceChangeMs: nowMs - changedAtMs, ceiling: 1_000 }, settings);
          if (step.workers === workers) continue;
          expect(nowMs - changedAtMs).toBeGreaterThanOrEqual(settings.scaleCooldownMs);
          [workers, changedAtMs] = [step.workers, nowMs];
        }
      }),
    );
  });

  it('comes to rest at minWorkers when there is nothing to do', () => {
    fc.assert(
      fc.property(config, (settings) => {
        let workers = settings.maxWorkers;
        for (let step = 0; step <= settings.maxWorkers; step += 1)
          workers = scaleWorkers(at({ workers, idleWorkers: workers }), settings).workers;
        expect(workers).toBe(settings.scaleDownThreshold > 0 ? settings.minWorkers : settings.maxWorkers);
        expect(scaleWorkers(at({ workers, idleWorkers: workers }), settings).workers).toBe(workers);
      }),
    );
  });

  it.each([
    ['40 issues for 10 workers are 4 each: one more for every 10', { readyIssues: 40 }, 14, 'none'],
    ['20 issues for 10 workers are 2 each, not above', { readyIssues: 20 }, 10, 'below_threshold'],
    ['21 issues for 10 workers', { readyIssues: 21 }, 13, 'none'],
    ['5 issues for 20 workers: one fewer', { workers: 20, idleWorkers: 3, readyIssues: 5 }, 19, 'none'],
    ['5 issues for 20 busy workers: nobody is stopped', { workers: 20, readyIssues: 5 }, 20, 'busy'],
    ['never past maxWorkers', { workers: 29, readyIssues: 500 }, 30, 'none'],
    ['at maxWorkers', { workers: 30, readyIssues: 500 }, 30, 'cap'],
    ['below the governor', { workers: 12, readyIssues: 500, ceiling: 12 }, 12, 'ceiling'],
    ['in the cool-down', { readyIssues: 500, sinceChangeMs: 59_999 }, 10, 'cooldown'],
    ['at its end', { readyIssues: 500, sinceChangeMs: 60_000 }, 30, 'none'],
    ['at minWorkers without work', { workers: 4, idleWorkers: 4 }, 4, 'nothing_ready'],
    ['at minWorkers with little work', { workers: 4, readyIssues: 1 }, 4, 'minimum'],
    ['below minWorkers, also in the cool-down', { workers: 1, sinceChangeMs: 0 }, 4, 'none'],
    ['a governor that allows fewer than minWorkers', { workers: 3, ceiling: 3, readyIssues: 1, idleWorkers: 0 }, 3, 'ceiling'],
    ['a governor that allows one', { workers: 1, ceiling: 1, idleWorkers: 1 }, 1, 'nothing_ready'],
  ] as const)('%s', (_name, fields, workers, limitedBy) => {
    expect(scaleWorkers(at(fields), DEFAULT_SCALE_CONFIG)).toMatchObject({ workers, limitedBy });
  });

  it('recommends one worker for every targetQueueDepth issues, within the bounds', () => {
    expect([0, 41, 100, 101, 5_000].map((ready) => recommendedWorkers(ready, DEFAULT_SCALE_CONFIG))).toEqual([4, 5, 10, 11, 30]);
  });
});
