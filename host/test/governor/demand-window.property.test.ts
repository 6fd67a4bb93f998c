import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DemandWindow } from '../../src/governor/demand-window.js';

describe('DemandWindow', () => {
  it('answers the highest demand of the window, as a look at all samples would', () => {
    const samples = fc.array(fc.tuple(fc.nat(100), fc.nat(50)), { maxLength: 60 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 300 }), (steps, windowMs) => {
        const window = new DemandWindow(windowMs);
        const all: [number, number][] = [];
        let nowMs = 0;
        for (const [stepMs, demand] of steps) {
          nowMs += stepMs;
          all.push([nowMs, demand]);
          const highest = Math.max(...all.filter(([at]) => at > nowMs - windowMs).map(([, value]) => value));
          expect(window.update(nowMs, demand)).toBe(highest);
        }
      }),
    );
  });
});
