import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rename } from 'node:fs/promises';
import path from 'node:path';
import { harnessError } from '../errors.js';
import { removeFolder } from './remove-folder.js';

/** Below it are the branches of workspaces. */
export const WORK_BRANCHES = 'bellows/work/';

/** An entry below `worktrees` of a repository: what git knows of one working copy. */
export interface Registration {
  readonly folder: string;
  /** The working copy it is for, which may be gone. */
  readonly workspace: string;
}

/**
 * Where git keeps what it knows of the working copy at `workspace`. `WORKSPACE_BROKEN` when the folder is gone, or its `.git` is no longer
 * the one that was made with it: git would look for a repository in the folders above, or take one that the agent made.
 */
export async function registrationOf(workspace: string): Promise<string> {
  const folder = await lstat(workspace).catch(() => null);
  if (folder?.isDirectory() !== true) throw broken(workspace, 'its folder is gone');
  const link = await readFile(path.join(workspace, '.git'), 'utf8').catch(() => null);
  const target = link === null ? undefined : /^gitdir: (.*?)\n?$/s.exec(link)?.[1];
  if (target === undefined) throw broken(workspace, 'its .git was removed or replaced');
  const registration = path.resolve(workspace, target);
  const [back, here] = await Promise.all([workspaceOf(registration), realpath(workspace)]);
  if (back === null || (await realpath(back).catch(() => null)) !== here) throw broken(workspace, 'its .git belongs to another repository');
  return registration;
}

/** Every working copy that is registered, also those whose folder is gone. */
export async function registrations(commonDir: string): Promise<readonly Registration[]> {
  const parent = path.join(commonDir, 'worktrees');
  const names = await readdir(parent).catch(() => []);
  const all = await Promise.all(
    names.map(async (name) => {
      const folder = path.join(parent, name);
      const workspace = await workspaceOf(folder);
      return workspace === null ? [] : [{ folder, workspace }];
    }),
  );
  return all.flat();
}

/** Makes git forget the working copy at `workspace`; silent when it does not know it. Any number at once. */
export async function unregister(commonDir: string, workspace: string): Promise<void> {
  const usual = path.join(commonDir, 'worktrees', path.basename(workspace));
  const isUsual = (await workspaceOf(usual)) === workspace;
  const found = isUsual ? [usual] : (await registrations(commonDir)).filter((one) => one.workspace === workspace).map((one) => one.folder);
  for (const folder of found) {
    // renamed first: another git that finds half of an entry gives up
    const away = path.join(commonDir, 'bellows', 'removed', randomUUID());
    await mkdir(path.dirname(away), { recursive: true });
    await rename(folder, away).catch(unlessMissing);
    await removeFolder(away);
  }
}

async function workspaceOf(registration: string): Promise<string | null> {
  const link = await readFile(path.join(registration, 'gitdir'), 'utf8').catch(() => null);
  return link === null ? null : path.dirname(path.resolve(registration, link.replace(/\n$/, '')));
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function broken(workspace: string, why: string) {
  return harnessError('WORKSPACE_BROKEN', `No work can be taken from the workspace ${workspace}: ${why}`);
}
