import type { IClock } from '@bellows/sdk';
import type { HostClient } from '../cli/host-client.js';
import type { DemoFolder } from './demo-folder.js';
import type { DemoLimits } from './demo-limits.js';
import type { WorkPlan } from './plan-work.js';
import type { GitSurroundings } from './run-git.js';

/** What each part of the demo works with. */
export interface DemoWork {
  readonly client: HostClient;
  readonly folder: DemoFolder;
  /** The clone, absolute. */
  readonly clone: string;
  readonly plan: WorkPlan;
  readonly limits: DemoLimits;
  readonly git: GitSurroundings;
  readonly clock: IClock;
}

/** Calls `task` for every item, so many at once, in their order. Rejects with the first error, after those under way have ended. */
export async function forEachAtOnce<T>(atOnce: number, items: AsyncIterable<T>, task: (item: T) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let failed = false;
  const takeAll = async () => {
    for (;;) {
      const next = failed ? { done: true as const } : await iterator.next();
      if (next.done) return;
      await task((next as { readonly value: T }).value);
    }
  };
  const takers = Array.from({ length: atOnce }, () =>
    takeAll().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  const ends = await Promise.allSettled(takers);
  const first = ends.find((end) => end.status === 'rejected');
  if (first) throw first.reason;
}

/** `12,345`. */
export function thousands(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** `1 run`, `2 runs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${thousands(count)} ${count === 1 ? one : many}`;
}
