import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Removes every staged folder that is not in `keep`: earlier versions of plugins, and what a killed host left half-made. Only for
 * the one who holds the data folder, after all plugins were loaded. Answers how many went.
 */
export async function sweepStaging(stagingDir: string, keep: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const group of await namesIn(stagingDir)) {
    for (const name of await namesIn(path.join(stagingDir, group))) {
      const folder = path.join(stagingDir, group, name);
      if (keep.has(folder)) continue;
      await rm(folder, { recursive: true, force: true });
      removed += 1;
    }
  }
  return removed;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
