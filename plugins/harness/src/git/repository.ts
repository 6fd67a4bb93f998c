import { realpath, stat } from 'node:fs/promises';
import { messageOf } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { IRepository } from '../jobs/session-contracts.js';
import { looseCommit, mayBeCheckedOut, refBehind } from './ref-files.js';
import { WORK_BRANCHES } from './registration.js';
import { type GitPauses, retryGit, systemPauses } from './retry-git.js';
import { runGit, wordsOfGit } from './run-git.js';
import { statusPaths } from './status-paths.js';

/**
 * The repository that has `folder`, or a folder above it, as its top; a bare one works too. `REPO_INVALID` when there is none, when it is
 * the inside of a `.git`, or when git refuses it because somebody else owns it; `REPO_EMPTY` without any commit.
 */
export async function openRepository(folder: string, pauses: GitPauses = systemPauses): Promise<IRepository> {
  const start = await existingFolder(folder);
  const { commonDir, bare, inWorkTree } = await locate(start);
  if (!bare && !inWorkTree) throw invalid(folder, 'it is the inside of a repository; name the folder with its files');
  const top = bare ? commonDir : await realpath(oneLine((await runGit(start, ['rev-parse', '--show-toplevel'])).stdout));
  const repository = new Repository({ path: top, commonDir, bare, pauses });
  if ((await repository.commitOf('HEAD')) === null && !(await hasRefs(top))) throw empty(top);
  return repository;
}

/** The longest that leaves room for `.lock` in a file name of 255 bytes. */
const MAX_BRANCH_BYTES = 200;

/** Resolves when git allows the name for a branch and it can mean nothing else; else `BRANCH_INVALID`. */
async function checkBranchName(folder: string, branch: string): Promise<void> {
  const shown = JSON.stringify(branch.slice(0, 100));
  if (/\p{Cc}/u.test(branch) || Buffer.byteLength(branch) > MAX_BRANCH_BYTES || /^(-|refs\/)|^(HEAD|@)$/.test(branch)) {
    throw harnessError('BRANCH_INVALID', `${shown} is no name for a branch. Choose one such as "main" or "team/work"`);
  }
  if (branch.startsWith(WORK_BRANCHES)) {
    throw harnessError('BRANCH_INVALID', `${shown} is no branch to land on: ${WORK_BRANCHES} is for workspaces. Choose another name`);
  }
  const answer = await runGit(folder, ['check-ref-format', '--branch', branch], { answers: [0, 1, 128] });
  // git also answers what `@{-1}` stands for
  if (answer.code !== 0 || answer.stdout !== `${branch}\n`) {
    throw harnessError('BRANCH_INVALID', `${shown} is no name git allows for a branch. Choose one such as "main" or "team/work"`);
  }
}

interface RepositoryParts {
  readonly path: string;
  readonly commonDir: string;
  readonly bare: boolean;
  readonly pauses: GitPauses;
}

class Repository implements IRepository {
  readonly path: string;
  readonly commonDir: string;
  readonly #bare: boolean;
  readonly #pauses: GitPauses;
  /** The last name that was found to be one: every landing asks for the same. */
  #validBranch: string | null = null;

  constructor(parts: RepositoryParts) {
    this.path = parts.path;
    this.commonDir = parts.commonDir;
    this.#bare = parts.bare;
    this.#pauses = parts.pauses;
  }

  async commitOf(revision: string): Promise<string | null> {
    if (revision.includes('\0')) return null;
    if (revision.startsWith('refs/')) return this.#commitAt(revision);
    // a tag may have the name of a branch, and git would take the tag
    return (await this.#commitAt(`refs/heads/${revision}`)) ?? (await this.#commitAt(revision));
  }

  async ensureBranch(branch: string): Promise<string> {
    if (branch !== this.#validBranch) await checkBranchName(this.path, branch);
    this.#validBranch = branch;
    const ref = `refs/heads/${branch}`;
    const present = (await looseCommit(this.commonDir, branch)) ?? (await this.#commitAt(ref));
    if (present !== null) return present;
    const head = await this.#commitAt('HEAD');
    if (head === null) throw empty(this.path);
    const none = '0'.repeat(head.length);
    try {
      await retryGit(() => runGit(this.path, ['update-ref', '-m', 'bellows: created', ref, head, none]), this.#pauses);
      return head;
    } catch (error) {
      const made = await this.#commitAt(ref);
      if (made !== null) return made;
      if (!/exists; cannot create/.test(wordsOfGit(error))) throw error;
      const message = `The branch ${branch} cannot be beside one whose name is a folder of it, or the other way round. Choose another name`;
      throw harnessError('BRANCH_INVALID', message, { cause: error });
    }
  }

  async removeBranch(branch: string, commit: string): Promise<boolean> {
    const ref = `refs/heads/${branch}`;
    // not left to git alone: what it says of a ref that is gone is also what it says of one that is locked
    if ((await this.#commitAt(ref)) !== commit || (await this.checkedOutAt(branch)) !== null) return false;
    try {
      await retryGit(() => runGit(this.path, ['update-ref', '--no-deref', '-d', ref, commit]), this.#pauses);
      return true;
    } catch (error) {
      if ((await this.#commitAt(ref)) !== commit) return false;
      throw error;
    }
  }

  async checkedOutAt(branch: string): Promise<string | null> {
    const ref = await refBehind(this.commonDir, `refs/heads/${branch}`);
    // nearly always nobody has it, and that is known without a process
    if (!(await mayBeCheckedOut(this.commonDir, ref))) return null;
    const list = () => runGit(this.path, ['worktree', 'list', '--porcelain', '-z']);
    const { stdout } = await retryGit(list, this.#pauses);
    for (const entry of stdout.split('\0\0')) {
      const lines = entry.split('\0');
      const folder = lines.find((line) => line.startsWith('worktree '))?.slice('worktree '.length);
      if (folder === undefined || !lines.includes(`branch ${ref}`)) continue;
      // one that somebody deleted has no files that could differ from the branch
      const real = await realpath(folder).catch(() => null);
      if (real !== null) return real === this.commonDir ? this.#topOfMain() : real;
    }
    return null;
  }

  /** Git names the repository itself where that is not beside the files, as of a submodule. */
  async #topOfMain(): Promise<string> {
    return realpath(oneLine((await runGit(this.commonDir, ['rev-parse', '--show-toplevel'])).stdout));
  }

  async changedFiles(folder = this.path): Promise<readonly string[]> {
    return this.#bare && folder === this.path ? [] : statusPaths(folder, 'no');
  }

  async #commitAt(revision: string): Promise<string | null> {
    const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
    const { code, stdout, stderr } = await runGit(this.path, args, { answers: [0, 1, 128] });
    if (code === 128 && /not a git repository|cannot change to|dubious/.test(stderr)) throw invalid(this.path, stderr.trim().slice(0, 500));
    return code === 0 ? oneLine(stdout) : null;
  }
}

async function existingFolder(folder: string): Promise<string> {
  try {
    const real = await realpath(folder);
    if ((await stat(real)).isDirectory()) return real;
  } catch (error) {
    throw invalid(folder, messageOf(error));
  }
  throw invalid(folder, 'it is no folder');
}

interface Location {
  readonly commonDir: string;
  readonly bare: boolean;
  readonly inWorkTree: boolean;
}

async function locate(folder: string): Promise<Location> {
  const args = ['rev-parse', '--path-format=absolute', '--git-common-dir', '--is-bare-repository', '--is-inside-work-tree'];
  const { code, stdout, stderr } = await runGit(folder, args, { answers: [0, 128] });
  if (code !== 0) throw invalid(folder, refusal(stderr));
  // from the end: the name of a folder may hold line breaks
  const lines = oneLine(stdout).split('\n');
  const inWorkTree = lines.pop() === 'true';
  const bare = lines.pop() === 'true';
  return { commonDir: await realpath(lines.join('\n')), bare: bare && !inWorkTree, inWorkTree };
}

function refusal(words: string): string {
  if (!words.includes('dubious ownership')) return words.trim().slice(0, 500);
  return 'somebody else owns it, so git refuses it. Run the host as its owner, or allow it with `git config --global --add safe.directory <folder>`';
}

async function hasRefs(folder: string): Promise<boolean> {
  return (await runGit(folder, ['for-each-ref', '--count=1', 'refs/heads', 'refs/remotes', 'refs/tags'])).stdout !== '';
}

function oneLine(stdout: string): string {
  return stdout.replace(/\n$/, '');
}

function invalid(folder: string, why: string) {
  return harnessError('REPO_INVALID', `${JSON.stringify(folder.slice(0, 300))} is no repository to work on: ${why}`);
}

function empty(folder: string) {
  return harnessError('REPO_EMPTY', `The repository at ${folder} has no commit yet. Make a first one`);
}
