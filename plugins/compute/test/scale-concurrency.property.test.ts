import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { concurrencyBounds, loadOf, scaleConcurrency } from '../src/scale-concurrency.js';

const cores = fc.integer({ min: 1, max: 256 });
const load = fc.double({ min: 0, max: 1, noNaN: true });

describe('the law of compute.wasm', () => {
  it('keeps every limit between half the cores and twice the cores', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1_000, max: 10_000 }), load, cores, (limit, sample, count) => {
        const { floor, ceiling } = concurrencyBounds(count);
        const next = scaleConcurrency(limit, sample, count).limit;
        expect(next).toBeGreaterThanOrEqual(floor);
        expect(next).toBeLessThanOrEqual(ceiling);
      }),
    );
  });

  it('never moves more than one step, and never against the load', () => {
    fc.assert(
      fc.property(load, cores, fc.nat(), (sample, count, at) => {
        const { floor, ceiling } = concurrencyBounds(count);
        const limit = floor + (at % (ceiling - floor + 1));
        const step = scaleConcurrency(limit, sample, count).limit - limit;
        if (sample < 0.5) expect(step === 1 || (step === 0 && limit === ceiling)).toBe(true);
        else if (sample > 0.8) expect(step === -1 || (step === 0 && limit === floor)).toBe(true);
        else expect(step).toBe(0);
      }),
    );
  });

  it('comes to rest under a constant load', () => {
    fc.assert(
      fc.property(load, cores, (sample, count) => {
        let limit = count;
        for (let step = 0; step < 2 * count; step += 1) limit = scaleConcurrency(limit, sample, count).limit;
        expect(scaleConcurrency(limit, sample, count).limit).toBe(limit);
      }),
    );
  });

  it.each([
    [0.5, 4],
    [0.8, 4],
    [0.499, 5],
    [0.801, 3],
  ])('answers a load of %d with a limit of %i', (sample, limit) => {
    expect(scaleConcurrency(4, sample, 4).limit).toBe(limit);
  });

  it('weighs utilisation with 70 % and memory with 30 %, and stays between 0 and 1 whatever it is told', () => {
    expect(loadOf({ utilisation: 1, memoryRatio: 0 })).toBeCloseTo(0.7);
    expect(loadOf({ utilisation: 0, memoryRatio: 1 })).toBeCloseTo(0.3);
    fc.assert(
      fc.property(fc.double(), fc.double(), (utilisation, memoryRatio) => {
        const value = loadOf({ utilisation, memoryRatio });
        expect(value >= 0 && value <= 1).toBe(true);
      }),
    );
  });
});
