import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { withRunningTime } from '../../src/testing/running-time.js';

describe('a fake clock while a phase runs', () => {
  it('stands still in a short one', async () => {
    const clock = new FakeClock();
    expect(await withRunningTime(clock, pause(20, 'over'))).toBe('over');
    expect(clock.monotonicMs()).toBe(0);
  });

  it('moves on in one that waits for it', async () => {
    const clock = new FakeClock();
    await withRunningTime(clock, clock.sleep(100));
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(100);
  });

  it('does not move for the time in which the machine or the code held everything up', async () => {
    const [clock, heldUpMs, beganAt] = [new FakeClock(), 400, performance.now()];
    const phase = async () => {
      await pause(300);
      for (const until = performance.now() + heldUpMs; performance.now() < until; );
      await pause(20);
    };
    await withRunningTime(clock, phase());
    expect(clock.monotonicMs()).toBeLessThan(performance.now() - beganAt - heldUpMs);
  });
});
