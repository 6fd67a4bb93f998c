import type { ScalingDecision } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ceilingMoves } from '../../src/demo/ceiling-moves.js';

let count = 0;
function decision(subsystem: string, from: number, to: number, more: Partial<ScalingDecision> = {}): ScalingDecision {
  count += 1;
  return {
    id: `d${count}`,
    subsystem,
    from,
    to,
    reason: `reason ${count}`,
    limitedBy: 'share',
    at: count,
    outcome: 'applied',
    inputs: {},
    ...more,
  };
}

describe('ceilingMoves', () => {
  it('tells steps of one direction and one limit as one move, with the last reason', () => {
    const steps = [decision('a.x', 1, 2), decision('a.x', 2, 4), decision('a.x', 4, 7, { reason: 'the last' })];
    expect(ceilingMoves(steps)).toEqual([
      { subsystem: 'a.x', at: steps[0]!.at, from: 1, to: 7, limitedBy: 'share', reason: 'the last', decisions: 3 },
    ]);
  });

  it('begins a new move where the direction or the limit changes', () => {
    const moves = ceilingMoves([decision('a.x', 1, 3), decision('a.x', 3, 2), decision('a.x', 2, 1, { limitedBy: 'floor' })]);
    expect(moves.map(({ from, to, limitedBy }) => [from, to, limitedBy])).toEqual([
      [1, 3, 'share'],
      [3, 2, 'share'],
      [2, 1, 'floor'],
    ]);
  });

  it('puts the newest last also when the decisions come newest first, and those of one moment in the order of their numbers', () => {
    const steps = [
      decision('a.x', 1, 2, { id: 'd9', at: 5 }),
      decision('b.y', 1, 2, { id: 'd10', at: 5 }),
      decision('c.z', 1, 2, { id: 'd11', at: 6 }),
    ];
    expect(ceilingMoves(steps.toReversed()).map(({ subsystem }) => subsystem)).toEqual(['a.x', 'b.y', 'c.z']);
  });

  it('leaves out what changed the reason only, and tells what was refused by itself', () => {
    const steps = [
      decision('a.x', 2, 2, { outcome: 'none' }),
      decision('a.x', 2, 1, { outcome: 'refused', error: 'all are busy' }),
      decision('a.x', 2, 1),
    ];
    expect(ceilingMoves(steps)).toMatchObject([
      { from: 2, to: 1, refused: 'all are busy' },
      { from: 2, to: 1, decisions: 1 },
    ]);
  });

  it('loses no step: the moves of a subsystem lead from its first ceiling to its last, one into the next', () => {
    const walks = fc.array(
      fc.tuple(fc.constantFrom('a.x', 'b.y'), fc.integer({ min: 1, max: 9 }), fc.constantFrom('share', 'floor', 'demand')),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(walks, (walk) => {
        const now = new Map<string, number>();
        const steps = walk.map(([subsystem, to, limitedBy]) => {
          const from = now.get(subsystem) ?? 1;
          now.set(subsystem, to);
          return decision(subsystem, from, to, {
            limitedBy: limitedBy as ScalingDecision['limitedBy'],
            ...(from === to ? { outcome: 'none' } : {}),
          });
        });
        const moves = ceilingMoves(steps);
        expect(moves.reduce((sum, move) => sum + move.decisions, 0)).toBe(steps.filter(({ from, to }) => from !== to).length);
        expect(moves.map(({ at }) => at)).toEqual(moves.map(({ at }) => at).toSorted((a, b) => a - b));
        for (const [subsystem, last] of now) {
          const own = moves.filter((move) => move.subsystem === subsystem);
          expect(own.at(-1)?.to ?? 1).toBe(last);
          for (const [index, move] of own.entries()) expect(move.from).toBe(own[index - 1]?.to ?? 1);
        }
      }),
    );
  });
});
