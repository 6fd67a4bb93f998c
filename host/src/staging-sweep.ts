import { readdir, readlink, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Removes every staged folder that is neither in `keep` nor where one in `keep` finds its packages: earlier versions of plugins, what a
 * killed host left half-made, and what is empty then. Only for the one who holds the data folder, and not while plugins are loaded.
 * Answers how many folders went.
 */
export async function sweepStaging(stagingDir: string, keep: ReadonlySet<string>): Promise<number> {
  const packages = await Promise.all([...keep].map(async (folder) => path.resolve(folder, await linkedFrom(folder))));
  const kept = new Set([...keep, ...packages]);
  let removed = 0;
  for (const group of await namesIn(stagingDir)) {
    let left = 0;
    for (const name of await namesIn(path.join(stagingDir, group))) {
      const folder = path.join(stagingDir, group, name);
      if (kept.has(folder)) {
        left += 1;
        continue;
      }
      await rm(folder, { recursive: true, force: true });
      removed += 1;
    }
    if (left === 0) await rm(path.join(stagingDir, group), { recursive: true, force: true });
  }
  return removed;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

/** Where a copy finds its packages; a plugin that is loaded in place has its own. */
async function linkedFrom(folder: string): Promise<string> {
  return readlink(path.join(folder, 'node_modules')).catch(() => '');
}
