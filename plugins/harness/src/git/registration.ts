import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
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
  /** Whether it was made here, not by a person. */
  readonly own: boolean;
}

/**
 * Makes git know the working copy at `workspace`, an empty folder, on no branch at `commit`. Any number at once, also by other hosts:
 * what `git worktree add` writes file by file, so that any other git that reads the half of it gives up, gets its name when it is whole.
 * Throws when the name is taken. A crash leaves what `unregister` removes.
 */
export async function register(commonDir: string, workspace: string, commit: string): Promise<void> {
  const registration = path.join(commonDir, 'worktrees', path.basename(workspace));
  const made = draftOf(commonDir, workspace);
  await mkdir(made, { recursive: true });
  await writeFile(path.join(made, 'commondir'), '../..\n');
  await writeFile(path.join(made, 'gitdir'), `${workspace}/.git\n`);
  await writeFile(path.join(made, 'HEAD'), `${commit}\n`);
  await markOwn(made, workspace);
  // before it is known: a `git worktree prune` removes what leads to nothing
  await writeFile(path.join(workspace, '.git'), `gitdir: ${registration}\n`, { flag: 'wx' });
  for (let attempt = 1; ; attempt++) {
    await mkdir(path.dirname(registration), { recursive: true });
    try {
      return await rename(made, registration);
    } catch (error) {
      // git removes the folder `worktrees` with its last entry
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === MAX_RENAMES) throw error;
    }
  }
}

const MAX_RENAMES = 10;
/** In a registration: the path of the workspace, which stays right when an agent uses `git worktree move`. Git takes no notice of it. */
const MARK = 'bellows';

/** Tells the registration of a workspace from those of people. */
export async function markOwn(registration: string, workspace: string): Promise<void> {
  await writeFile(path.join(registration, MARK), workspace);
}

/** The registration of the workspace, of this host or another one, that is at `folder`; null when a person made what is there. */
export async function ownRegistrationAt(commonDir: string, folder: string): Promise<string | null> {
  for (const { folder: registration, own } of await registrations(commonDir)) {
    const at = own ? await workspaceOf(registration) : null;
    if (at !== null && (await realpath(at).catch(() => null)) === folder) return registration;
  }
  return null;
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
      const marked = await markedOf(folder);
      const workspace = marked ?? (await workspaceOf(folder));
      return workspace === null ? [] : [{ folder, workspace, own: marked !== null }];
    }),
  );
  return all.flat();
}

/** Makes git forget the working copy at `workspace`; silent when it does not know it. Any number at once. */
export async function unregister(commonDir: string, workspace: string): Promise<void> {
  const usual = path.join(commonDir, 'worktrees', path.basename(workspace));
  const isUsual = ((await markedOf(usual)) ?? (await workspaceOf(usual))) === workspace;
  const found = isUsual ? [usual] : (await registrations(commonDir)).filter((one) => one.workspace === workspace).map((one) => one.folder);
  for (const folder of found) {
    // renamed first: another git that finds half of an entry gives up
    const away = path.join(commonDir, 'bellows', 'removed', randomUUID());
    await mkdir(path.dirname(away), { recursive: true });
    await rename(folder, away).catch(unlessMissing);
    await removeFolder(away);
  }
  await removeFolder(draftOf(commonDir, workspace));
}

/** Where it is made. The names of workspaces are unique. */
function draftOf(commonDir: string, workspace: string): string {
  return path.join(commonDir, 'bellows', 'made', path.basename(workspace));
}

async function markedOf(registration: string): Promise<string | null> {
  return readFile(path.join(registration, MARK), 'utf8').catch(() => null);
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
