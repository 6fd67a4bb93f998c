import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { withRunningTime } from '../../src/testing/running-time.js';

/** The work of a process that others keep from its machine: each step of it takes long. */
async function slowly(steps: number): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    const until = performance.now() + 60;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe('the time of a phase of a test host', () => {
  it('stands still for what gets on, however slow the machine is', async () => {
    const clock = new FakeClock();
    await withRunningTime(clock, () => slowly(6));
    expect(clock.monotonicMs()).toBe(0);
  });

  it('stands still while a file is read, however long that takes', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-running-time-'));
    try {
      const slow = path.join(folder, 'pipe');
      execFileSync('mkfifo', [slow]);
      const clock = new FakeClock();
      const written = pause(500).then(() => writeFile(slow, 'text'));
      await withRunningTime(clock, () => readFile(slow));
      expect(clock.monotonicMs()).toBe(0);
      await written;
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('goes on for what waits for the clock', async () => {
    const clock = new FakeClock();
    await withRunningTime(clock, () => clock.sleep(30));
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(30);
  });

  it('does not go on by the time in which the machine or the code held everything up', async () => {
    const [clock, heldUpMs, beganAt] = [new FakeClock(), 400, performance.now()];
    const phase = async () => {
      await pause(300);
      for (const until = performance.now() + heldUpMs; performance.now() < until; );
      await pause(20);
    };
    await withRunningTime(clock, phase);
    expect(clock.monotonicMs()).toBeLessThan(performance.now() - beganAt - heldUpMs);
  });
});
