import { GitFailure, type GitSurroundings, runGit } from './run-git.js';
import { unwritable } from './source-repository.js';

export interface CloneFiles {
  readonly clone: string;
  /** The branch that is checked out; it moves when files are left out. */
  readonly branch: string;
  /** Paths that are needed. */
  readonly needed: readonly string[];
  /** All there are. */
  readonly fileCount: number;
  /** With more files than these the others are left out. */
  readonly mostFiles: number;
}

/**
 * Checks the files of the clone out. Of a large tree only what is needed, by a commit that removes the rest: every agent gets a working
 * folder with all files, which must not take minutes. Answers whether files were left out.
 */
export async function checkOutFiles(files: CloneFiles, git: GitSurroundings): Promise<boolean> {
  const { clone, fileCount, mostFiles } = files;
  const isLarge = fileCount > mostFiles;
  try {
    if (isLarge) await leaveOut(files, git);
    await runGit({ folder: clone, args: ['reset', '--quiet', '--hard'] }, git);
  } catch (error) {
    if (error instanceof GitFailure) throw unwritable(clone, error);
    throw error;
  }
  return isLarge;
}

async function leaveOut({ clone, branch, needed }: CloneFiles, git: GitSurroundings): Promise<void> {
  const ask = async (args: readonly string[], input = '') => (await runGit({ folder: clone, args, input }, git)).toString();
  const wanted = new Set(needed);
  const entries = (await ask(['ls-tree', '-r', '-z', '--full-tree', 'HEAD']))
    .split('\0')
    .filter((line) => wanted.has(line.slice(line.indexOf('\t') + 1)));
  await ask(['read-tree', '--empty']);
  await ask(['update-index', '-z', '--index-info'], entries.map((line) => `${line}\0`).join(''));
  const tree = (await ask(['write-tree'])).trim();
  const message = `Keep the ${needed.length} files that the demo works on`;
  const commit = (await ask(['commit-tree', tree, '-p', 'HEAD', '-m', message])).trim();
  await ask(['update-ref', `refs/heads/${branch}`, commit]);
}
