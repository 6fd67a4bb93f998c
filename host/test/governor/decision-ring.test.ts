import type { ScalingDecision } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { DecisionRing } from '../../src/governor/decision-ring.js';

const decision = (id: string, subsystem = 'a.x'): ScalingDecision => ({
  id,
  subsystem,
  from: 1,
  to: 2,
  reason: '',
  limitedBy: 'demand',
  at: 0,
  outcome: 'applied',
  inputs: {},
});

describe('DecisionRing', () => {
  it('lists the newest first and forgets the oldest', () => {
    const ring = new DecisionRing(3);
    for (const id of ['1', '2', '3', '4']) ring.add(decision(id));
    expect(ring.list({ limit: 10 }).map(({ id }) => id)).toEqual(['4', '3', '2']);
    expect(ring.list({ limit: 1 }).map(({ id }) => id)).toEqual(['4']);
  });

  it('finds those of one subsystem', () => {
    const ring = new DecisionRing(3);
    ring.add(decision('1', 'a.x'));
    ring.add(decision('2', 'b.y'));
    expect(ring.list({ subsystem: 'a.x', limit: 10 }).map(({ id }) => id)).toEqual(['1']);
  });

  it('is empty at first', () => {
    expect(new DecisionRing().list({ limit: 10 })).toEqual([]);
  });
});
