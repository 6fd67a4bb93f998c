import { setTimeout as delay } from 'node:timers/promises';
import type { IClock } from '@bellows/sdk';

/** What starts and stops within this time finds a fake clock where it stood, so that tests can count on its times. */
const STILL_MS = 250;
const STEP_MS = 10;

/**
 * Awaits a phase that may wait for the clock. Nobody can move a fake clock meanwhile, so from a quarter of a second on it moves with
 * real time: a time-out then means what it says, and work that takes its time is not cut short.
 */
export async function withRunningTime<T>(clock: IClock, phase: Promise<T>): Promise<T> {
  if (!('advance' in clock && typeof clock.advance === 'function')) return phase;
  let isOver = false;
  const over = phase.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  await Promise.race([over, delay(STILL_MS, undefined, { ref: true })]);
  for (let before = performance.now(); !isOver; ) {
    await Promise.race([over, delay(STEP_MS)]);
    const now = performance.now();
    if (!isOver) await clock.advance(now - before);
    before = now;
  }
  return phase;
}
