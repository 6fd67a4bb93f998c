import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { type IClock, type ILogger, type IRandom, messageOf, Semaphore, silentLogger, systemClock, systemRandom } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { IRepository, IWorkspaces, Workspace } from '../jobs/session-contracts.js';
import { KeyedMutex } from './keyed-mutex.js';
import { registrationOf, registrations, unregister, WORK_BRANCHES } from './registration.js';
import { removeFolder } from './remove-folder.js';
import { retryGit } from './retry-git.js';
import { runGit } from './run-git.js';
import { statusPaths } from './status-paths.js';

export interface WorkspacesOptions {
  /** Holds all workspaces of this host and nothing else; made when missing. No other host may use it. */
  readonly folder: string;
  /** How many write their files at once. Default 2: more only wait for the same disk. */
  readonly maxCheckouts?: number;
  readonly clock?: IClock;
  readonly random?: IRandom;
  readonly logger?: ILogger;
}

/**
 * Working copies made with `git worktree`, each at `<folder>/<repository>/<name>` on its own branch `bellows/work/<name>`. Submodules
 * stay empty, and files of LFS are what the filters configured on this machine make of them.
 *
 *     folder made ──► branch made ──► registered ──► files written
 *          └───────────────┴──────────────┴──► on any failure all of it is removed; after a crash by `sweep`
 */
export class Workspaces implements IWorkspaces {
  readonly #folder: string;
  readonly #clock: IClock;
  readonly #random: IRandom;
  readonly #logger: ILogger;
  readonly #registering: KeyedMutex;
  readonly #checkouts: Semaphore;
  /** Made here and not removed: a sweep leaves them alone, whatever it was told. */
  readonly #alive = new Set<string>();

  constructor(options: WorkspacesOptions) {
    this.#folder = path.resolve(options.folder);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    this.#registering = new KeyedMutex(this.#clock);
    this.#checkouts = new Semaphore({ permits: options.maxCheckouts ?? 2, clock: this.#clock });
  }

  async create(
    repository: IRepository,
    { name, base, signal }: { readonly name: string; readonly base: string; readonly signal?: AbortSignal },
  ): Promise<Workspace> {
    signal?.throwIfAborted();
    if (!NAME.test(name) || /\.\.|\.lock$|\.$/.test(name))
      throw failed(name, 'the name has other characters than letters, digits, ".", "_", "-"');
    const undo: (() => Promise<unknown>)[] = [];
    try {
      const parent = await this.#parentOf(repository);
      const workspace = { name, base, path: path.join(parent, name) };
      await this.#reserve(workspace);
      undo.push(() => this.#removeFolder(workspace.path));
      await this.#makeBranch(repository, workspace, signal);
      undo.push(() => this.#removeBranch(repository, name));
      undo.push(() => unregister(repository.commonDir, workspace.path));
      await this.#register(repository, workspace, signal);
      await this.#writeFiles(workspace, signal);
      return workspace;
    } catch (error) {
      for (const step of undo.reverse()) await step().catch((why) => this.#logger.warn('left-over of a workspace', { name, error: why }));
      signal?.throwIfAborted();
      throw failed(name, messageOf(error), error);
    }
  }

  /**
   * What counts is the commit of HEAD, on whatever branch or none, also in the middle of a rebase. `WORKSPACE_BROKEN` when the folder or its
   * `.git` is gone or another one, or HEAD is nothing that descends from the base.
   */
  async inspect(workspace: Workspace): Promise<{ readonly commit: string; readonly uncommitted: readonly string[] }> {
    await registrationOf(workspace.path);
    const head = await runGit(workspace.path, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { answers: [0, 1, 128] });
    if (head.code !== 0) throw broken(workspace, 'its HEAD is no commit');
    const commit = head.stdout.trim();
    const descends = await runGit(workspace.path, ['merge-base', '--is-ancestor', workspace.base, commit], { answers: [0, 1, 128] });
    if (descends.code !== 0) throw broken(workspace, `its commit ${commit} does not descend from ${workspace.base}, where it began`);
    try {
      return { commit, uncommitted: await statusPaths(workspace.path, 'normal') };
    } catch (error) {
      throw broken(workspace, messageOf(error), error);
    }
  }

  /**
   * Afterwards HEAD is detached: an agent may have switched to a branch that is not its own, and that must not move. Whatever the agent
   * left half done (a rebase, a merge, a lock file) is given up. Call it when no process of the agent lives.
   */
  async reset(workspace: Workspace, commit: string, signal?: AbortSignal): Promise<void> {
    const registration = await registrationOf(workspace.path);
    for (const lock of ['index.lock', 'HEAD.lock']) await rm(path.join(registration, lock), { force: true });
    if (await this.#hidesChanges(workspace)) await rm(path.join(registration, 'index'), { force: true });
    const permit = await this.#checkouts.acquire(signal === undefined ? {} : { signal });
    try {
      const options = signal === undefined ? {} : { signal };
      await runGit(workspace.path, ['checkout', '--force', '--detach', '--quiet', commit], options);
      // twice: also repositories that the agent made inside
      await runGit(workspace.path, ['clean', '-f', '-f', '-d', '-q'], options);
    } finally {
      permit?.release();
    }
  }

  async remove(repository: IRepository, workspace: Pick<Workspace, 'path' | 'name'>): Promise<void> {
    const parent = await this.#parentOf(repository);
    if (workspace.path !== path.join(parent, workspace.name) || !NAME.test(workspace.name)) {
      throw failed(workspace.name, `${workspace.path} is not where this host keeps workspaces of this repository, so it is not removed`);
    }
    // a sweep may try again what fails from here on
    this.#alive.delete(workspace.path);
    // the folder last: as long as it is there, a sweep after a crash finds it
    await unregister(repository.commonDir, workspace.path);
    await this.#removeBranch(repository, workspace.name);
    await removeFolder(workspace.path);
  }

  /**
   * Removes every workspace of `repository` in the folder of this host that is not in `keep`, also half-made ones and those whose folder is
   * gone, and answers their names. Those made by this object stay. What cannot be removed is logged and stays for the next sweep.
   */
  async sweep(repository: IRepository, keep: ReadonlySet<string>): Promise<readonly string[]> {
    const parent = await this.#parentOf(repository);
    const registered = (await registrations(repository.commonDir)).filter((one) => path.dirname(one.workspace) === parent);
    const names = new Set([...(await readdir(parent)), ...registered.map((one) => path.basename(one.workspace))]);
    const removed: string[] = [];
    for (const name of [...names].sort()) {
      const workspace = { name, path: path.join(parent, name) };
      if (keep.has(name) || this.#alive.has(workspace.path)) continue;
      try {
        await this.remove(repository, workspace);
        removed.push(name);
      } catch (error) {
        this.#logger.warn('a workspace that nobody needs could not be removed', { name, error });
      }
    }
    return removed;
  }

  /** A folder per repository: a half-made workspace does not tell what it is of. */
  async #parentOf(repository: IRepository): Promise<string> {
    const key = createHash('sha256').update(repository.commonDir).digest('hex').slice(0, 16);
    await mkdir(path.join(this.#folder, key), { recursive: true });
    return realpath(path.join(this.#folder, key));
  }

  /** Fails when somebody has the name, here or in the folder; only what was made by this call is undone. */
  async #reserve({ path: folder }: Workspace): Promise<void> {
    if (this.#alive.has(folder)) throw new Error('the name is taken');
    this.#alive.add(folder);
    try {
      await mkdir(folder);
    } catch (error) {
      this.#alive.delete(folder);
      throw error;
    }
  }

  #removeFolder(folder: string): Promise<void> {
    this.#alive.delete(folder);
    return removeFolder(folder);
  }

  /** Not by `worktree add -b`: that cannot be repeated, and cannot tell whose the branch is when it fails. */
  async #makeBranch(repository: IRepository, { name, base }: Workspace, signal: AbortSignal | undefined): Promise<void> {
    const args = ['update-ref', '-m', 'bellows: workspace', `refs/heads/${WORK_BRANCHES}${name}`, base, '0'.repeat(base.length)];
    await retryGit(() => runGit(repository.path, args), this.#pauses, signal);
  }

  async #register(repository: IRepository, workspace: Workspace, signal: AbortSignal | undefined): Promise<void> {
    const add = async () => {
      // a failed one takes the folder with it
      await mkdir(workspace.path, { recursive: true });
      // aborted only between attempts: it takes milliseconds, and a killed one leaves an entry that is "initializing" for ever
      await runGit(repository.path, ['worktree', 'add', '--no-checkout', workspace.path, WORK_BRANCHES + workspace.name]);
    };
    const work = () => retryGit(add, this.#pauses, signal);
    await this.#registering.run(repository.commonDir, work, signal);
  }

  async #writeFiles(workspace: Workspace, signal: AbortSignal | undefined): Promise<void> {
    const options = signal === undefined ? {} : { signal };
    const permit = await this.#checkouts.acquire(options);
    try {
      await runGit(workspace.path, ['reset', '--hard', '--quiet', workspace.base], options);
    } finally {
      permit?.release();
    }
  }

  async #removeBranch(repository: IRepository, name: string): Promise<void> {
    const branch = WORK_BRANCHES + name;
    await retryGit(() => runGit(repository.path, ['update-ref', '--no-deref', '-d', `refs/heads/${branch}`]), this.#pauses);
    // an agent that pushed with -u left the upstream of the branch in the configuration
    const section = `branch.${branch}`;
    const pattern = `^${section.replaceAll('.', '\\.')}\\.`;
    const settings = await runGit(repository.path, ['config', '--local', '--get-regexp', pattern], { answers: [0, 1] });
    if (settings.code === 1) return;
    const removeSection = () => runGit(repository.path, ['config', '--local', '--remove-section', section], { answers: [0, 128] });
    await retryGit(removeSection, this.#pauses);
  }

  /** Whether the index says of a file that its changes do not matter (assume-unchanged, skip-worktree), or cannot be read. */
  async #hidesChanges({ path: folder }: Workspace): Promise<boolean> {
    const { code, stdout, truncated } = await runGit(folder, ['ls-files', '-v', '-z'], { answers: [0, 128] });
    return code !== 0 || truncated || /(^|\0)[a-zS] /.test(stdout);
  }

  get #pauses() {
    return { clock: this.#clock, random: this.#random };
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function failed(name: string, why: string, cause?: unknown) {
  const message = `The workspace ${JSON.stringify(name.slice(0, 100))} failed: ${why}`;
  return harnessError('WORKSPACE_FAILED', message, cause === undefined ? {} : { cause });
}

function broken(workspace: Workspace, why: string, cause?: unknown) {
  const message = `No work can be taken from the workspace ${workspace.path}: ${why}`;
  return harnessError('WORKSPACE_BROKEN', message, cause === undefined ? {} : { cause });
}
