import { describe, expect, it } from '@jest/globals';
import { scalingDefaultProblems } from '../src/scaling-defaults.js';

describe('scalingDefaultProblems', () => {
  it('accepts what the governor can compute with, also nothing at all', () => {
    for (const good of [{}, { floor: 1 }, { costCores: 0.05 }, { floor: 4, costCores: 2.5 }]) {
      expect(scalingDefaultProblems(good)).toEqual([]);
    }
  });

  it('names every value it cannot, with the value', () => {
    for (const floor of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2' as never, null as never]) {
      expect(scalingDefaultProblems({ floor })).toEqual([`floor must be a whole number of at least 1, it is ${String(floor)}`]);
    }
    for (const costCores of [0, -0.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as never, null as never]) {
      expect(scalingDefaultProblems({ costCores })).toEqual([`costCores must be a finite number above 0, it is ${String(costCores)}`]);
    }
    expect(scalingDefaultProblems({ floor: 0, costCores: 0 })).toHaveLength(2);
  });
});
