import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeStall } from '../../src/scaling/judge-stall.js';

const FLOOR = 600_000;

describe('whether a session is stalled', () => {
  it.each([
    ['has just made progress, silently', { progressAgeMs: 0, lifeAgeMs: Infinity }, 'healthy'],
    ['made progress exactly the floor ago', { progressAgeMs: FLOOR, lifeAgeMs: Infinity }, 'healthy'],
    ['runs long tests: CPU, no progress', { progressAgeMs: 2 * FLOOR, lifeAgeMs: 1_000 }, 'healthy'],
    ['is dead', { progressAgeMs: FLOOR + 1, lifeAgeMs: FLOOR + 1 }, 'stalled'],
    ['never showed life', { progressAgeMs: FLOOR + 1, lifeAgeMs: Infinity }, 'stalled'],
    ['was busy for exactly three floors', { progressAgeMs: 3 * FLOOR, lifeAgeMs: 0 }, 'healthy'],
    ['was busy for longer than three floors', { progressAgeMs: 3 * FLOOR + 1, lifeAgeMs: 0 }, 'stalled'],
  ] as const)('one that %s', (_, evidence, verdict) => {
    expect(judgeStall(evidence, FLOOR)).toBe(verdict);
  });

  it('never gets better by waiting', () => {
    const age = fc.integer({ min: 0, max: 5 * FLOOR });
    fc.assert(
      fc.property(age, age, age, (progressAgeMs, lifeAgeMs, passed) => {
        const later = { progressAgeMs: progressAgeMs + passed, lifeAgeMs: lifeAgeMs + passed };
        if (judgeStall({ progressAgeMs, lifeAgeMs }, FLOOR) === 'stalled') expect(judgeStall(later, FLOOR)).toBe('stalled');
      }),
    );
  });

  it('is answered within twice the floor for who does nothing, and within three times for who makes no progress', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: FLOOR }), fc.integer({ min: 0, max: 5 * FLOOR }), (floorMs, lifeAgeMs) => {
        expect(judgeStall({ progressAgeMs: 2 * floorMs, lifeAgeMs: 2 * floorMs }, floorMs)).toBe('stalled');
        expect(judgeStall({ progressAgeMs: 3 * floorMs + 1, lifeAgeMs }, floorMs)).toBe('stalled');
      }),
    );
  });
});
