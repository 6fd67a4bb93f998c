import type { IClock } from '@bellows/sdk';
import { DiskWatch } from './disk-watch.js';

const STEP_MS = 10;
/**
 * What starts, changes and stops within so many steps finds a fake clock where it stood, so that tests can count on its times. Steps, and not
 * time: a process that gets little of a busy machine gets as far in a step, which only takes longer.
 */
const STILL_STEPS = 25;
/** A file that never comes, such as an empty pipe, must not hold a time-out up for ever. */
const MAX_STEPS_AT_DISK = 1_000;

/**
 * Begins a phase that may wait for the clock, and awaits it. Nobody can move a fake clock meanwhile, so after about a quarter of a second in which nothing was
 * read or written it moves, about as real time does: a time-out then means what it says, and work that takes its time is not cut short. A
 * machine that stands still, or code that holds the event loop up, misses as many steps as it takes: that is no time of the phase.
 */
export async function withRunningTime<T>(clock: IClock, begin: () => Promise<T>): Promise<T> {
  if (!('advance' in clock && typeof clock.advance === 'function')) return begin();
  using disk = new DiskWatch();
  const phase = begin();
  if (await endsWhileStill(phase, disk)) return phase;
  while (!(await endsWithin(STEP_MS, phase))) await clock.advance(STEP_MS);
  return phase;
}

async function endsWhileStill(phase: Promise<unknown>, disk: DiskWatch): Promise<boolean> {
  for (let [steps, atDisk] = [0, 0]; steps < STILL_STEPS && atDisk < MAX_STEPS_AT_DISK; ) {
    if (await endsWithin(STEP_MS, phase)) return true;
    if (disk.isBusy) atDisk += 1;
    else steps += 1;
  }
  return false;
}

/** Whether it settles within real time, whatever clock a plugin is given. Leaves no timer behind, and keeps the process alive meanwhile. */
export async function endsWithin(realMs: number, phase: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), realMs);
  });
  const over = phase.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([over, late]);
  } finally {
    clearTimeout(timer);
  }
}
