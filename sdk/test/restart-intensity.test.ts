import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RestartWindow } from '../src/restart-intensity.js';

const limits = { maxRestarts: 2, maxSeconds: 5 };
const DAY_MS = 24 * 3_600_000;

function run(timesMs: readonly number[], options = limits): boolean[] {
  const window = new RestartWindow(options);
  return timesMs.map((atMs) => window.add(atMs));
}

describe('RestartWindow', () => {
  it('gives up at strictly more restarts than allowed within the window', () => {
    expect(run([0, 1_000, 2_000])).toEqual([false, false, true]);
  });

  it('forgives what is older than the window, to the millisecond', () => {
    expect(run([0, 1_000, 5_000])).toEqual([false, false, true]);
    expect(run([0, 1_000, 5_001])).toEqual([false, false, false]);
  });

  it('gives up at the first restart when none is allowed, and never when any number is', () => {
    expect(run([0], { maxRestarts: 0, maxSeconds: 5 })).toEqual([true]);
    expect(run([0, 0, 0], { maxRestarts: Number.POSITIVE_INFINITY, maxSeconds: 5 })).toEqual([false, false, false]);
  });

  it('never adds occasional restarts up, over a year of one every day', () => {
    const year = Array.from({ length: 365 }, (_, day) => day * DAY_MS);
    expect(run(year, { maxRestarts: 1, maxSeconds: 3_600 })).not.toContain(true);
  });

  it('says the same as counting all restarts of the window afresh', () => {
    const gaps = fc.array(fc.nat(4_000), { maxLength: 40 });
    const options = fc.record({ maxRestarts: fc.nat(5), maxSeconds: fc.nat(10) });
    fc.assert(
      fc.property(gaps, options, (pauses, given) => {
        let nowMs = 0;
        const times = pauses.map((pause) => (nowMs += pause));
        const afresh = times.map((atMs, index) => {
          const inWindow = times.slice(0, index + 1).filter((each) => each >= atMs - given.maxSeconds * 1_000);
          return inWindow.length > given.maxRestarts;
        });
        expect(run(times, given)).toEqual(afresh);
      }),
    );
  });
});
