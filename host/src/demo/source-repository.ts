import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, messageOf } from '@bellows/sdk';
import { GitFailure, type GitSurroundings, runGit } from './run-git.js';

/** The repository that the demo works on a clone of; nothing is ever written into it. */
export interface SourceRepository {
  readonly folder: string;
  /** The commit that is checked out. */
  readonly head: string;
  readonly isShallow: boolean;
  /** Whether there are changes that are not committed, which the demo does not see. */
  readonly isDirty: boolean;
  readonly historyKib: number;
}

/**
 * The repository of this folder. `ConfigError`: `DEMO_REPO_INVALID` when there is none or git refuses it, `DEMO_REPO_EMPTY` when it has no
 * commit, `DEMO_GIT_MISSING`.
 */
export async function openSourceRepository(folder: string, git: GitSurroundings): Promise<SourceRepository> {
  const ask = async (...args: readonly string[]) => (await runGit({ folder, args }, git)).toString().trim();
  if (!existsSync(folder)) throw new ConfigError('DEMO_REPO_INVALID', `There is no folder ${folder}: name a git repository with --repo.`);
  const [isBare, gitFolder, isShallow] = await ask('rev-parse', '--is-bare-repository', '--absolute-git-dir', '--is-shallow-repository')
    .then((text) => text.split('\n'))
    .catch((error: unknown) => {
      if (!(error instanceof GitFailure)) throw error;
      throw unreadable(folder, error);
    });
  const head = await ask('rev-parse', '--verify', '--quiet', 'HEAD^{commit}').catch((error: unknown) => {
    if (!(error instanceof GitFailure)) throw error;
    throw new ConfigError(
      'DEMO_REPO_EMPTY',
      `${folder} has no commit to work on: commit something, or name another repository with --repo.`,
    );
  });
  const root = isBare === 'true' ? gitFolder : await ask('rev-parse', '--show-toplevel');
  const size = await ask('count-objects', '-v').then(historyKibOf);
  const changes = isBare === 'true' ? '' : await ask('status', '--porcelain', '--untracked-files=no', '--ignore-submodules=all');
  return { folder: root ?? folder, head, isShallow: isShallow === 'true', isDirty: changes !== '', historyKib: size };
}

function unreadable(folder: string, error: GitFailure): ConfigError {
  // git's own advice stands in lines of which only the first are shown
  const [, foreign] = /dubious ownership in repository at '([^']+)'/.exec(error.message) ?? [];
  const message = foreign
    ? `${foreign} belongs to another user, and git reads it only when you say that you trust it (git config --global --add safe.directory '${foreign}'). Do that, or name another with --repo.`
    : `${folder} is no git repository that can be read: ${error.message}. Name another with --repo.`;
  return new ConfigError('DEMO_REPO_INVALID', message, { cause: error });
}

/** The clone that this command belongs to; undefined where it is installed as a package. */
export function cloneOf(packageFolder: string): string | undefined {
  const root = path.dirname(packageFolder);
  try {
    const { name } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { readonly name?: unknown };
    return name === 'bellows' && existsSync(path.join(root, '.git')) ? root : undefined;
  } catch {
    return undefined;
  }
}

export interface CloneOptions {
  readonly into: string;
  /** The branch that is checked out in the clone. */
  readonly branch: string;
  /** A larger history is referred to and not copied. */
  readonly copiedKib: number;
}

/**
 * Clones the history of the commit that is checked out, without files. Hooks, templates, signatures and filters of the user have no part
 * in it. `ConfigError`: `DEMO_FOLDER_UNUSABLE` when it cannot be written, `DEMO_REPO_INVALID` when it cannot be read.
 */
export async function cloneHistory(source: SourceRepository, options: CloneOptions, git: GitSurroundings): Promise<void> {
  const { into, branch, copiedKib } = options;
  const copying = source.historyKib > copiedKib ? '--shared' : '--no-hardlinks';
  try {
    const args = ['clone', '--quiet', copying, '--no-tags', '--no-checkout', '--template=', '--', source.folder, into];
    await runGit({ folder: path.dirname(into), args }, git);
    for (const [name, value] of CLONE_SETTINGS) await runGit({ folder: into, args: ['config', name, value] }, git);
    await runGit({ folder: into, args: ['remote', 'remove', 'origin'] }, git);
    await runGit({ folder: into, args: ['update-ref', `refs/heads/${branch}`, source.head] }, git);
    await runGit({ folder: into, args: ['symbolic-ref', 'HEAD', `refs/heads/${branch}`] }, git);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const isWriting = /No space left|Read-only file system|could not create|unable to (create|write)|Disk quota/i.test(error.message);
    if (isWriting) throw unwritable(into, error);
    throw new ConfigError('DEMO_REPO_INVALID', `${source.folder} cannot be cloned: ${error.message}. Name another with --repo.`, {
      cause: error,
    });
  }
}

export function unwritable(folder: string, error: unknown): ConfigError {
  return new ConfigError(
    'DEMO_FOLDER_UNUSABLE',
    `${folder} cannot be written (${messageOf(error)}): make room, or name another folder with --keep or TMPDIR.`,
    { cause: error },
  );
}

/** Names are given to commits by the harness; these are for what one commits by hand in a clone that is kept. */
const CLONE_SETTINGS = [
  ['user.name', 'Bellows demo'],
  ['user.email', 'demo@localhost'],
  ['commit.gpgSign', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.autocrlf', 'false'],
  ['gc.auto', '0'],
] as const;

function historyKibOf(counted: string): number {
  const sizes = [...counted.matchAll(/^size(?:-pack)?: (\d+)$/gm)].map(([, kib]) => Number(kib));
  return sizes.reduce((sum, kib) => sum + kib, 0);
}
