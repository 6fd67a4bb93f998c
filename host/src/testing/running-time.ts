import type { IClock } from '@bellows/sdk';

/** What starts, changes and stops within this time finds a fake clock where it stood, so that tests can count on its times. */
const STILL_MS = 250;
const STEP_MS = 10;

/**
 * Awaits a phase that may wait for the clock. Nobody can move a fake clock meanwhile, so from a quarter of a second on it moves, about
 * as real time does: a time-out then means what it says, and work that takes its time is not cut short. Time is counted in small steps,
 * of which a machine that stands still, or code that holds the event loop up, misses as many as it takes: that is no time of the phase.
 */
export async function withRunningTime<T>(clock: IClock, phase: Promise<T>): Promise<T> {
  if (!('advance' in clock && typeof clock.advance === 'function')) return phase;
  for (let waitedMs = 0; !(await endsWithin(STEP_MS, phase)); waitedMs += STEP_MS) {
    if (waitedMs >= STILL_MS) await clock.advance(STEP_MS);
  }
  return phase;
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
