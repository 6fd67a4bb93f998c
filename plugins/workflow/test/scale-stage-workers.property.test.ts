import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scaleStageWorkers, stageWorkerBounds } from '../src/scale-stage-workers.js';

const load = fc.record({ ready: fc.nat(10_000), oldestMs: fc.nat(5_000), inUse: fc.nat(100) });
const bounds = fc
  .tuple(fc.double({ min: 0.1, max: 128, noNaN: true }), fc.integer({ min: 1, max: 200 }))
  .map(([cores, configured]) => stageWorkerBounds(cores, configured));

it('the limit moves by one at most, stays within the bounds, and says why', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 300 }), load, bounds, (limit, given, within) => {
      const { limit: next, reason } = scaleStageWorkers(limit, given, within);
      const inside = Math.min(within.most, Math.max(within.floor, limit));
      expect(Math.abs(next - inside)).toBeLessThanOrEqual(1);
      expect(next).toBeGreaterThanOrEqual(within.floor);
      expect(next).toBeLessThanOrEqual(within.most);
      expect(reason).not.toBe('');
    }),
  );
});

it('under a constant load it comes to rest', () => {
  fc.assert(
    fc.property(load, bounds, (given, within) => {
      let limit = within.most;
      const seen: number[] = [];
      for (let step = 0; step < 450; step += 1) {
        limit = scaleStageWorkers(limit, given, within).limit;
        seen.push(limit);
      }
      expect(new Set(seen.slice(-20)).size).toBe(1);
    }),
  );
});

it('more than five ready stages for each slot are a step up, fewer than one stage for each a step down, between nothing', () => {
  const within = { floor: 1, most: 8 };
  const step = (ready: number, inUse = 0, oldestMs = 0) => scaleStageWorkers(4, { ready, inUse, oldestMs }, within).limit;
  expect([step(21), step(20), step(4), step(3), step(3, 1), step(0, 4), step(0, 3)]).toEqual([5, 4, 4, 3, 4, 4, 3]);
  expect(step(1, 4, 1_001)).toBe(5);
});
