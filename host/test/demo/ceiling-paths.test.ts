import type { ScalingDecision } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ceilingPaths } from '../../src/demo/ceiling-paths.js';

const decision = (at: number, [from, to]: readonly [number, number], some: Partial<ScalingDecision> = {}): ScalingDecision => ({
  id: `d${at}`,
  subsystem: 'a.x',
  at,
  from,
  to,
  reason: 'its own words',
  limitedBy: 'share',
  outcome: 'applied',
  inputs: { demand: 9, windowDemand: 7, weight: 2 },
  ...some,
});
const ACTS = [
  { name: 'first', at: 10 },
  { name: 'second', at: 20 },
];

describe('ceilingPaths', () => {
  it('tells of each act and subsystem where the ceiling began, turned and ended, and why at both ends', () => {
    const decisions = [
      decision(5, [1, 2]),
      decision(12, [2, 6], { inputs: { demand: 12, weight: 1 } }),
      decision(14, [6, 4], { limitedBy: 'stabilization' }),
      decision(16, [4, 1], { limitedBy: 'floor', inputs: { demand: 0 } }),
      decision(20, [1, 3], { limitedBy: 'demand', inputs: { demand: 3 } }),
      decision(21, [1, 2], { subsystem: 'b.y' }),
    ];
    expect(ceilingPaths(decisions, ACTS)).toEqual([
      {
        act: 'first',
        subsystem: 'a.x',
        ceilings: [1, 6, 1],
        why: 'wants 12: gets its share (weight 1); then wants nothing: keeps its floor',
      },
      { act: 'second', subsystem: 'a.x', ceilings: [1, 3], why: 'wants 3: gets all it wants' },
      { act: 'second', subsystem: 'b.y', ceilings: [1, 2], why: 'wants 9: gets its share (weight 2)' },
    ]);
  });

  it('has words for a fall that waits, and those of the governor for what is rare', () => {
    const why = (limitedBy: ScalingDecision['limitedBy']) => ceilingPaths([decision(12, [3, 1], { limitedBy })], ACTS)[0]?.why;
    expect([why('stabilization'), why('memory')]).toEqual(['wanted 7 a moment ago: kept a while', 'its own words']);
  });

  it('says what was refused, and leaves out what changed the reason only', () => {
    const decisions = [
      decision(11, [2, 2], { outcome: 'none' }),
      decision(12, [2, 1], { subsystem: 'b.y', outcome: 'refused', error: 'all are busy' }),
    ];
    expect(ceilingPaths(decisions, ACTS)).toEqual([{ act: 'first', subsystem: 'b.y', ceilings: [2], why: 'refused: all are busy' }]);
  });

  it('leads from the first ceiling to the last, each act going on where the one before ended, up and down in turn', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }), (walk) => {
        const steps = walk.map((to, index) => decision(index, [walk[index - 1] ?? 1, to]));
        const paths = ceilingPaths(steps, ACTS);
        const ends = paths.map(({ ceilings }) => [ceilings[0], ceilings.at(-1)]);
        expect(ends.flat()).toEqual(paths.length === 0 ? [] : [1, ...ends.flat().slice(1, -1), walk.at(-1)]);
        if (ends.length > 1) expect(ends[1]?.[0]).toBe(ends[0]?.[1]);
        for (const { ceilings } of paths) {
          const ways = ceilings.slice(1).map((to, index) => Math.sign(to - ceilings[index]!));
          expect(ways.every((way, index) => way !== 0 && way !== ways[index - 1])).toBe(true);
        }
      }),
    );
  });
});
