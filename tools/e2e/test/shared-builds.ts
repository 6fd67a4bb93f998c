import { cpSync, existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
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
        if (existsSync(build)) linkFolder(build, path.join(copy, CACHE, String(hash)));
      }
    } finally {
      database.close();
    }
  }
}

/** The same files under a second name, which costs next to nothing: nx writes what it keeps once, and copies what it takes from there. */
function linkFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to); // on another disk, or where links are not allowed
  }
}
