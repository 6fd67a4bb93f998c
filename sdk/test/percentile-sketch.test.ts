import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PercentileSketch } from '../src/percentile-sketch.js';
import { FakeClock } from '../src/testing/fake-clock.js';

describe('PercentileSketch', () => {
  it('answers 0 while it is empty', () => {
    const sketch = new PercentileSketch({ windowMs: 1_000, clock: new FakeClock() });
    expect(sketch.percentile(0.99)).toBe(0);
    expect(sketch.count).toBe(0);
  });

  it('forgets a sample when the window has passed, and not before three quarters of it', async () => {
    const clock = new FakeClock();
    const sketch = new PercentileSketch({ windowMs: 1_000, clock });
    await clock.advance(249);
    sketch.record(50);
    await clock.advance(750);
    expect(sketch.count).toBe(1);
    expect(Math.abs(sketch.percentile(0.5) - 50)).toBeLessThanOrEqual(0.5);
    await clock.advance(1);
    expect(sketch.count).toBe(0);
    expect(sketch.percentile(0.5)).toBe(0);
  });

  it('is within 1 % of the exact percentile, also over several slices', async () => {
    const values = fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(values, fc.double({ min: 0, max: 1, noNaN: true }), async (samples, p) => {
        const clock = new FakeClock();
        const sketch = new PercentileSketch({ windowMs: 1_000, clock });
        for (const [index, sample] of samples.entries()) {
          if (index === Math.floor(samples.length / 2)) await clock.advance(300);
          sketch.record(sample);
        }
        const sorted = samples.toSorted((a, b) => a - b);
        const rank = p * (sorted.length - 1);
        // between two ranks either neighbour is a right answer
        const low = sorted[Math.floor(rank)] ?? 0;
        const high = sorted[Math.ceil(rank)] ?? 0;
        expect(sketch.count).toBe(samples.length);
        expect(sketch.percentile(p)).toBeGreaterThanOrEqual(low * 0.9899);
        expect(sketch.percentile(p)).toBeLessThanOrEqual(high * 1.0101);
      }),
      { numRuns: 50 },
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses the sample %p', (sample) => {
    const sketch = new PercentileSketch({ windowMs: 1_000, clock: new FakeClock() });
    expect(() => sketch.record(sample)).toThrow(expect.objectContaining({ code: 'SAMPLE_NOT_FINITE' }));
    expect(sketch.count).toBe(0);
  });

  it('refuses options of another name', () => {
    const given = { windowMs: 1_000, windoMs: 1, clock: new FakeClock() };
    expect(() => new PercentileSketch(given)).toThrow(
      expect.objectContaining({
        kind: 'input',
        code: 'SKETCH_OPTIONS_INVALID',
        message: expect.stringContaining('options.windoMs is unknown: did you mean windowMs?'),
      }),
    );
  });

  it('refuses a window without length and a percentile outside of 0 to 1', () => {
    const clock = new FakeClock();
    expect(() => new PercentileSketch({ windowMs: 0, clock })).toThrow(expect.objectContaining({ code: 'WINDOW_INVALID' }));
    const sketch = new PercentileSketch({ windowMs: 1, clock });
    expect(() => sketch.percentile(99)).toThrow(expect.objectContaining({ code: 'PERCENTILE_INVALID' }));
  });
});
