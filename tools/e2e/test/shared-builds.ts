import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { REPOSITORY } from './running-host.js';

const DATA = '.nx/workspace-data';
const CACHE = '.nx/cache';
/** Of each project the build that was made or used last: the one of the files as they are, when they are built. */
const LATEST_BUILDS = `
  SELECT hash, max(accessed_at) FROM cache_outputs JOIN task_details USING (hash) WHERE target = 'build' AND code = 0 GROUP BY project`;

/**
 * Lets a copy of the repository know what nx has built here. nx takes it where the hash of all inputs is the same, else it builds: so
 * this saves time, and decides nothing. Without a build here there is nothing to share.
 */
export function shareBuilds(copy: string): void {
  if (!existsSync(path.join(REPOSITORY, DATA))) return;
  mkdirSync(path.join(copy, DATA), { recursive: true });
  for (const name of readdirSync(path.join(REPOSITORY, DATA)).filter((file) => file.endsWith('.db'))) {
    const database = new DatabaseSync(path.join(REPOSITORY, DATA, name), { readOnly: true, timeout: 10_000 });
    try {
      // nx may write to it at this moment: this takes one state of it, whole
      database.prepare('VACUUM INTO ?').run(path.join(copy, DATA, name));
      for (const { hash } of database.prepare(LATEST_BUILDS).all()) {
        const build = path.join(REPOSITORY, CACHE, String(hash));
        if (existsSync(build)) cpSync(build, path.join(copy, CACHE, String(hash)), { recursive: true });
      }
    } finally {
      database.close();
    }
  }
}
