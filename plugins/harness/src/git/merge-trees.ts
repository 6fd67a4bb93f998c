import type { IRepository } from '../jobs/session-contracts.js';
import { runGit } from './run-git.js';

export type MergedTrees =
  | { readonly outcome: 'merged'; readonly tree: string }
  | { readonly outcome: 'conflict'; readonly files: readonly string[] };

export interface TreesToMerge {
  readonly ours: string;
  readonly theirs: string;
  readonly signal?: AbortSignal;
}

/** Merges two commits without any working copy. Names at most a hundred files that conflict. `GIT_FAILED` for histories without a common commit. */
export async function mergeTrees(repository: IRepository, { ours, theirs, signal }: TreesToMerge): Promise<MergedTrees> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs];
  const { code, stdout } = await runGit(repository.path, args, { answers: [0, 1], ...(signal === undefined ? {} : { signal }) });
  const [tree = '', ...files] = stdout.split('\0').filter((part) => part !== '');
  return code === 0 ? { outcome: 'merged', tree: tree.trim() } : { outcome: 'conflict', files: files.slice(0, MAX_FILES) };
}

const MAX_FILES = 100;
