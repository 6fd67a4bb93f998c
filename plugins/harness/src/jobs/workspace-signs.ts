import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { registrationOf } from '../git/registration.js';
import { statusPaths } from '../git/status-paths.js';
import type { ProgressSigns, Workspace } from './session-contracts.js';

/** Where the progress of an agent in this workspace shows: git's own files, and the files it has not committed. */
export async function workspaceSigns(workspace: Workspace, stallTimeoutMs: number): Promise<ProgressSigns> {
  const registration = await registrationOf(workspace.path);
  const files = ['HEAD', 'index', 'logs/HEAD'].map((name) => path.join(registration, name));
  return { files, digest: () => changesDigest(workspace.path, registration), digestAfterMs: stallTimeoutMs / 2 };
}

/** '' while nothing differs from the last commit; else another word whenever a changed file is written again. */
async function changesDigest(folder: string, gitDir: string): Promise<string> {
  const changed = await statusPaths(folder, 'normal', { gitDir });
  if (changed.length === 0) return '';
  const hash = createHash('sha256');
  for (const name of changed) {
    const stats = await lstat(path.join(folder, name)).catch(() => null);
    hash.update(`${name}\0${stats?.mtimeMs ?? ''}\0${stats?.size ?? ''}\0`);
  }
  return hash.digest('hex');
}
