import { type GitOptions, runGit } from './run-git.js';

/** The paths of `status --porcelain=v1 -z`, at most a hundred. `no`: of tracked files only. What is changed
 * inside of a submodule does not count: git would start another one there, on the configuration of that repository. */
export async function statusPaths(
  folder: string,
  untracked: 'no' | 'normal',
  options: Pick<GitOptions, 'gitDir' | 'signal'> = {},
): Promise<readonly string[]> {
  const args = ['status', '--porcelain=v1', '-z', '--no-renames', '--ignore-submodules=dirty', `--untracked-files=${untracked}`];
  const { stdout, truncated } = await runGit(folder, args, { ...options, maxOutputBytes: MAX_STATUS_BYTES });
  const entries = stdout.split('\0');
  // what follows the last NUL is nothing, or cut
  entries.pop();
  const paths = entries.map((entry) => entry.slice(3));
  return truncated ? paths.slice(0, MAX_FILES - 1).concat('…') : paths.slice(0, MAX_FILES);
}

const MAX_FILES = 100;
/** A hundred paths of the longest kind; what is beyond is not shown. */
const MAX_STATUS_BYTES = 512 * 1024;
