import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countRestart } from '../src/restart-intensity.js';

const limits = { maxRestarts: 2, maxSeconds: 5 };

function run(timesMs: readonly number[], options = limits): boolean[] {
  let restarts: readonly number[] = [];
  return timesMs.map((atMs) => {
    const count = countRestart(restarts, atMs, options);
    restarts = count.restartsAtMs;
    return count.exceeded;
  });
}

describe('countRestart', () => {
  it('gives up at strictly more restarts than allowed within the window', () => {
    expect(run([0, 1_000, 2_000])).toEqual([false, false, true]);
  });

  it('forgives what is older than the window, to the millisecond', () => {
    expect(run([0, 1_000, 5_000])).toEqual([false, false, true]);
    expect(run([0, 1_000, 5_001])).toEqual([false, false, false]);
  });

  it('gives up at the first restart when none is allowed', () => {
    expect(run([0], { maxRestarts: 0, maxSeconds: 5 })).toEqual([true]);
  });

  it('says the same as counting all restarts of the window afresh, and keeps no more than those', () => {
    const gaps = fc.array(fc.nat(4_000), { maxLength: 40 });
    const options = fc.record({ maxRestarts: fc.nat(5), maxSeconds: fc.nat(10) });
    fc.assert(
      fc.property(gaps, options, (pauses, given) => {
        let nowMs = 0;
        const times = pauses.map((pause) => (nowMs += pause));
        let restarts: readonly number[] = [];
        for (const [index, atMs] of times.entries()) {
          const inWindow = times.slice(0, index + 1).filter((each) => each >= atMs - given.maxSeconds * 1_000);
          const count = countRestart(restarts, atMs, given);
          expect(count).toEqual({ exceeded: inWindow.length > given.maxRestarts, restartsAtMs: inWindow });
          restarts = count.restartsAtMs;
        }
      }),
    );
  });
});
