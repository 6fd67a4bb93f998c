import type { IClock } from '@bellows/sdk';

/**
 * What `work` resolves with, or undefined when that takes longer than `limitMs`. What had come about by then and was only not heard of yet,
 * because this process was held up, still counts. Rejects as `work` does.
 */
export async function atMost<T>(clock: Pick<IClock, 'sleep'>, limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const giveUp = new AbortController();
  const over = clock.sleep(limitMs, giveUp.signal).then(
    // after a turn that took long, timers come before pipes and the ends of processes: these get a turn
    () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
    () => undefined,
  );
  try {
    return await Promise.race([work, over]);
  } finally {
    giveUp.abort();
  }
}
