import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { committedProgram } from '../git/committed-program.js';
import type { IRepository } from '../jobs/session-contracts.js';
import { commandEnvironment } from './command-environment.js';

/** Where a command is to run. */
export interface ProgramPlace {
  readonly repository: IRepository;
  /** What the workspaces begin at. */
  readonly commit: string;
  /** What commands are given besides the environment of the host. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Why `program` could not be started in a workspace, and what to do; null when nothing speaks against it. It is looked for as the system
 * will: a path as it is, one that is relative in the workspace, a bare name on the PATH.
 */
export async function programFault(program: string, place: ProgramPlace): Promise<string | null> {
  if (path.isAbsolute(program)) return fileFault(program);
  if (program.includes('/')) return workspaceFault(program, place);
  return pathFault(program, place);
}

async function fileFault(file: string): Promise<string | null> {
  if (!(await isFile(file))) return `there is no file ${shown(file)}: correct the path`;
  return (await mayBeRun(file)) ? null : `${shown(file)} may not be run: make it executable (chmod +x)`;
}

async function workspaceFault(program: string, { repository, commit }: ProgramPlace): Promise<string | null> {
  const file = path.posix.normalize(program);
  const meant = 'relative paths are meant from the top of the workspace, which holds what is committed';
  if (file.startsWith('../')) return `${shown(program)} leads out of the workspace: ${meant}. Give an absolute path`;
  const found = await committedProgram(repository, commit, file);
  if (found === 'missing')
    return `there is no ${shown(file)} in commit ${commit.slice(0, 12)}: ${meant}. Commit it, or give an absolute path`;
  if (found === 'program') return null;
  return `${shown(file)} is not executable in commit ${commit.slice(0, 12)}: ${meant}. Make it executable (git update-index --chmod=+x) and commit that, or name its interpreter first`;
}

/** What the system takes when there is no PATH. */
const DEFAULT_PATH = '/usr/bin:/bin';

async function pathFault(program: string, { repository, env }: ProgramPlace): Promise<string | null> {
  const { PATH = DEFAULT_PATH } = commandEnvironment({ env, cwd: repository.path, sessionId: '' });
  let found = false;
  for (const folder of PATH.split(':')) {
    // it is another folder in every workspace: nobody can tell
    if (!path.isAbsolute(folder)) return null;
    const file = path.join(folder, program);
    if (!(await isFile(file))) continue;
    if (await mayBeRun(file)) return null;
    found = true;
  }
  if (found) return `${shown(program)} is on the PATH of the host, but may not be run: make it executable (chmod +x)`;
  return `there is no ${shown(program)} on the PATH of the host: install it or give its path; relative paths, such as ./${program}, are meant from the top of the workspace`;
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function mayBeRun(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A name may hold anything, and any amount of it. */
function shown(name: string): string {
  return JSON.stringify(name.length > 300 ? `${name.slice(0, 299)}…` : name);
}
