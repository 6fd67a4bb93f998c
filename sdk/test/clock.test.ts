import { describe, expect, it } from '@jest/globals';
import { longTimer, systemClock } from '../src/index.js';
import { FakeClock } from '../src/testing/index.js';

const DAY_MS = 86_400_000;

describe('longTimer', () => {
  it('fires once, when its time has come and not when a single timer would end', async () => {
    const clock = new FakeClock();
    let fired = 0;
    longTimer(clock, 60 * DAY_MS, () => (fired += 1));
    for (let day = 0; day < 59; day += 1) await clock.advance(DAY_MS);
    expect(fired).toBe(0);
    await clock.advance(DAY_MS);
    expect([fired, clock.pending]).toEqual([1, 0]);
  });

  it('leaves nothing behind when it is cancelled at whatever time, and never fires for Infinity', async () => {
    for (const days of [0, 30, 61]) {
      const clock = new FakeClock();
      let fired = 0;
      const cancel = longTimer(clock, 60 * DAY_MS, () => (fired += 1));
      for (let day = 0; day < days; day += 1) await clock.advance(DAY_MS);
      cancel();
      cancel();
      expect([clock.pending, fired]).toEqual([0, days > 60 ? 1 : 0]);
    }
    const clock = new FakeClock();
    const cancel = longTimer(clock, Number.POSITIVE_INFINITY, () => expect('never').toBe('now'));
    for (let day = 0; day < 200; day += 1) await clock.advance(DAY_MS);
    expect(clock.pending).toBe(1);
    cancel();
    expect(clock.pending).toBe(0);
  });
});

describe('systemClock', () => {
  it('fires no timer at once that is too long for one of the system', async () => {
    const fired: string[] = [];
    const cancels = [
      systemClock.setTimer(40 * DAY_MS, () => fired.push('timer')),
      systemClock.setTimer(Number.POSITIVE_INFINITY, () => fired.push('never')),
      systemClock.setRepeating(40 * DAY_MS, () => fired.push('repeating')),
    ];
    await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
    expect(fired).toEqual([]);
    for (const cancel of cancels) cancel();
  });
});
