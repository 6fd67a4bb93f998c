import type { IRepository } from '../jobs/session-contracts.js';
import { runGit } from './run-git.js';

export type CommittedProgram = 'program' | 'not_executable' | 'missing';

/** What `file`, relative to the top and without `..`, is in `commit`. A link that leads out of the repository is taken for a program. */
export async function committedProgram(repository: IRepository, commit: string, file: string): Promise<CommittedProgram> {
  const { stdout } = await runGit(repository.path, ['ls-tree', '-z', '--full-tree', commit, '--', file]);
  if (stdout.startsWith('100755 ')) return 'program';
  if (stdout.startsWith('100')) return 'not_executable';
  // a link, below one, or nothing
  const follow = ['cat-file', '--batch-check', '--follow-symlinks', '-z'];
  const found = await runGit(repository.path, follow, { input: `${commit}:${file}\0` });
  return /^([0-9a-f]+ blob \d+|symlink \d+)$/m.test(found.stdout) ? 'program' : 'missing';
}
