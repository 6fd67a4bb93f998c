import { afterAll } from '@jest/globals';
import { DiskWatch } from '../../src/testing/disk-watch.js';

const disk = new DiskWatch();
afterAll(() => disk[Symbol.dispose]());

/** Resolves when no file is being looked at any more: how long that takes says the disk, and no clock of a test. */
export async function filesAreRead(): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve));
  while (disk.isBusy);
}
