import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Ema } from '../src/ema.js';

describe('Ema', () => {
  it('has no value before the first sample, which then is the value', () => {
    const ema = new Ema(0.2);
    expect(ema.value).toBeUndefined();
    expect(ema.update(10)).toBe(10);
    expect(ema.value).toBe(10);
  });

  it('moves by alpha towards each sample', () => {
    const ema = new Ema(0.25);
    ema.update(0);
    expect(ema.update(100)).toBe(25);
    expect(ema.update(100)).toBe(43.75);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses the sample %p and keeps its value', (sample) => {
    const ema = new Ema(0.5);
    ema.update(4);
    expect(() => ema.update(sample)).toThrow(expect.objectContaining({ code: 'SAMPLE_NOT_FINITE' }));
    expect(ema.value).toBe(4);
  });

  it.each([0, -1, 1.01, Number.NaN])('refuses the alpha %p', (alpha) => {
    expect(() => new Ema(alpha)).toThrow(expect.objectContaining({ code: 'EMA_ALPHA_INVALID' }));
  });

  it('stays between the smallest and the largest sample', () => {
    const sample = fc.double({ noNaN: true, noDefaultInfinity: true });
    const alpha = fc.double({ min: 0, max: 1, minExcluded: true, noNaN: true });
    fc.assert(
      fc.property(alpha, fc.array(sample, { minLength: 1 }), (weight, samples) => {
        const ema = new Ema(weight);
        for (const each of samples) ema.update(each);
        const largest = samples.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        const rounding = Math.max(Number.MIN_VALUE * samples.length * 2, largest * 1e-12);
        expect(ema.value).toBeGreaterThanOrEqual(Math.min(...samples) - rounding);
        expect(ema.value).toBeLessThanOrEqual(Math.max(...samples) + rounding);
      }),
    );
  });
});
