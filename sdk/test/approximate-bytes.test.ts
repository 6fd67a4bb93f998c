import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { approximateBytes } from '../src/approximate-bytes.js';

const MUCH = 1_000_000;

describe('approximateBytes', () => {
  it('counts texts, names and bytes wherever they are', () => {
    const large = 'x'.repeat(1_000);
    for (const value of [
      large,
      { [large]: 1 },
      { deep: [{ down: large }] },
      new Map([[large, 1]]),
      new Set([large]),
      new Uint8Array(1_000),
    ]) {
      expect(approximateBytes(value, MUCH)).toBeGreaterThanOrEqual(1_000);
      expect(approximateBytes(value, MUCH)).toBeLessThan(1_100);
    }
  });

  it('ends for circles, and early for what is more than enough', () => {
    const circle: unknown[] = [];
    circle.push(circle, circle);
    expect(approximateBytes(circle, MUCH)).toBe(0);
    const rows = { length: 0 };
    const counted = Array.from({ length: 100_000 }, () =>
      Object.defineProperty({}, 'row', {
        enumerable: true,
        get() {
          rows.length += 1;
          return 1;
        },
      }),
    );
    expect(approximateBytes(counted, 1_000)).toBeGreaterThanOrEqual(1_000);
    expect(rows.length).toBeLessThan(1_000);
  });

  it('answers for any plain value', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(approximateBytes(value, 10_000)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });
});
