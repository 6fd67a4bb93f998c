import { createHash } from 'node:crypto';
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type IClock, type ILogger, type IRandom, messageOf, Semaphore, silentLogger, systemClock, systemRandom } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { Inspection, IRepository, IWorkspaces, Workspace } from '../jobs/session-contracts.js';
import { hidesChanges } from './index-flags.js';
import { KeyedMutex } from './keyed-mutex.js';
import { hasRefFiles } from './ref-files.js';
import { markOwn, register, registrationOf, registrations, unregister, WORK_BRANCHES } from './registration.js';
import { removeLargeFolder } from './remove-folder.js';
import { retryGit } from './retry-git.js';
import { runGit, wordsOfGit } from './run-git.js';
import { statusPaths } from './status-paths.js';
import { WorkBranches } from './work-branches.js';

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
 * Worktrees of git, each at `<folder>/<repository>/<name>` on its own branch `bellows/work/<name>`. Submodules stay empty, and files of
 * LFS are what the filters configured on this machine make of them.
 *
 *     folder made ──► registered ──► branch made ──► files written
 *          └───────────────┴──────────────┴──► on any failure all of it is removed; after a crash by `sweep`
 *
 * Processes are what this costs. With 1,000 files on two cores, a session from `create` to `remove` takes 7 of git and one of `rm`; what
 * git does in files (registrations, HEADs, flags of an index) is done or read here instead, by the formats that it documents. Every
 * step by a git of its own took 19, and of CPU 95 ms instead of 68 in processes and 47 instead of 17 in the host.
 */
export class Workspaces implements IWorkspaces {
  readonly #folder: string;
  readonly #clock: IClock;
  readonly #random: IRandom;
  readonly #logger: ILogger;
  readonly #registering: KeyedMutex;
  readonly #checkouts: Semaphore;
  readonly #branches: WorkBranches;
  /** Paths of those made here and not removed, with what git keeps of each: a sweep leaves them alone, whatever it was told. */
  readonly #alive = new Map<string, string | null>();

  constructor(options: WorkspacesOptions) {
    this.#folder = path.resolve(options.folder);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    this.#registering = new KeyedMutex(this.#clock);
    this.#checkouts = new Semaphore({ permits: options.maxCheckouts ?? 2, clock: this.#clock });
    this.#branches = new WorkBranches(this.#pauses);
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
      undo.push(() => unregister(repository.commonDir, workspace.path));
      const gitDir = await this.#register(repository, workspace, signal);
      await this.#checkOut(workspace, { gitDir, signal, onBranch: () => undo.push(() => this.#branches.remove(repository, name)) });
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
  async inspect(workspace: Workspace, signal?: AbortSignal): Promise<Inspection> {
    const options = await this.#optionsOf(workspace, signal);
    const args = ['rev-list', '--no-commit-header', `--max-count=${SHORT_HISTORY}`, '--format=%H %T %P', 'HEAD', '--'];
    const { code, stdout } = await runGit(workspace.path, args, { ...options, answers: [0, 128] });
    const [commit, tree] = stdout.split(/[ \n]/);
    if (code !== 0 || commit === undefined || tree === undefined) throw broken(workspace, 'its HEAD is no commit');
    if (!stdout.split(/[ \n]/).includes(workspace.base) && !(await this.#descends(workspace, commit, options))) {
      throw broken(workspace, `its commit ${commit} does not descend from ${workspace.base}, where it began`);
    }
    try {
      return { commit, tree, uncommitted: commit === workspace.base ? await statusPaths(workspace.path, 'normal', options) : [] };
    } catch (error) {
      signal?.throwIfAborted();
      throw broken(workspace, messageOf(error), error);
    }
  }

  /**
   * Afterwards HEAD is detached: an agent may have switched to a branch that is not its own, and that must not move. Whatever the agent
   * left half done (a rebase, a merge, a lock file) is given up. Call it when no process of the agent lives.
   */
  async reset(workspace: Workspace, commit: string, signal?: AbortSignal): Promise<void> {
    const options = await this.#optionsOf(workspace, signal);
    const index = path.join(options.gitDir, 'index');
    for (const lock of ['index.lock', 'HEAD.lock']) await rm(path.join(options.gitDir, lock), { force: true });
    if (await hidesChanges(index, commit.length / 2)) await rm(index, { force: true });
    const permit = await this.#checkouts.acquire(signal === undefined ? {} : { signal });
    try {
      await this.#putFiles(workspace, commit, options);
    } finally {
      permit?.release();
    }
  }

  async #putFiles({ path: folder }: Workspace, commit: string, options: WorktreeOptions): Promise<void> {
    const checkOut = () => runGit(folder, ['checkout', '--force', '--detach', '--quiet', commit], options);
    await checkOut().catch(async (error) => {
      if (!/index file/.test(wordsOfGit(error))) throw error;
      await rm(path.join(options.gitDir, 'index'), { force: true });
      await checkOut();
    });
    // twice: also repositories that the agent made inside
    await runGit(folder, ['clean', '-f', '-f', '-d', '-q'], options);
  }

  /** Whether `commit` comes from where the workspace began; for histories longer than those `inspect` reads anyway. */
  async #descends({ path: folder, base }: Workspace, commit: string, options: WorktreeOptions): Promise<boolean> {
    const { code } = await runGit(folder, ['merge-base', '--is-ancestor', base, commit], { ...options, answers: [0, 1, 128] });
    return code === 0;
  }

  async #optionsOf(workspace: Workspace, signal: AbortSignal | undefined): Promise<WorktreeOptions> {
    const gitDir = await registrationOf(workspace.path);
    const known = this.#alive.get(workspace.path) ?? gitDir;
    if (gitDir !== known) throw broken(workspace, 'its .git leads to another place than the one that was made with it');
    return signal === undefined ? { gitDir } : { gitDir, signal };
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
    await this.#branches.remove(repository, workspace.name);
    await removeLargeFolder(workspace.path);
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
    this.#alive.set(folder, null);
    try {
      await mkdir(folder);
    } catch (error) {
      this.#alive.delete(folder);
      throw error;
    }
  }

  #removeFolder(folder: string): Promise<void> {
    this.#alive.delete(folder);
    return removeLargeFolder(folder);
  }

  /** Its folder in the repository. */
  async #register({ path: top, commonDir }: IRepository, workspace: Workspace, signal: AbortSignal | undefined): Promise<string> {
    // git would copy the settings of that file
    const hasOwnSettings = (await stat(path.join(commonDir, 'config.worktree')).catch(() => null)) !== null;
    if (!hasOwnSettings && (await hasRefFiles(commonDir))) {
      await register(commonDir, workspace.path, workspace.base);
    } else {
      const add = async () => {
        // a failed one takes the folder with it
        await mkdir(workspace.path, { recursive: true });
        // aborted only between attempts: it takes milliseconds, and a killed one leaves an entry that is "initializing" for ever
        await runGit(top, ['worktree', 'add', '--no-checkout', '--detach', workspace.path, workspace.base]);
        await markOwn(await registrationOf(workspace.path), workspace.path);
      };
      await this.#registering.run(commonDir, () => retryGit(add, this.#pauses, signal), signal);
    }
    const gitDir = await registrationOf(workspace.path);
    this.#alive.set(workspace.path, gitDir);
    return gitDir;
  }

  /** Makes the branch and writes the files in one go. `onBranch` is called when the branch may be there, and is not somebody else's. */
  async #checkOut(
    { path: folder, name, base }: Workspace,
    { gitDir, signal, onBranch }: { readonly gitDir: string; readonly signal: AbortSignal | undefined; readonly onBranch: () => unknown },
  ): Promise<void> {
    const options = signal === undefined ? {} : { signal };
    const args = ['checkout', '--force', '--quiet', '--no-track', '-b', WORK_BRANCHES + name, base, '--'];
    const permit = await this.#checkouts.acquire(options);
    let attempts = 0;
    const checkOut = () => {
      signal?.throwIfAborted();
      attempts += 1;
      return runGit(folder, args, { ...options, gitDir });
    };
    try {
      await retryGit(checkOut, this.#pauses, signal);
      onBranch();
    } catch (error) {
      // one that is there before the first attempt is somebody else's
      if (attempts > 1 || (attempts === 1 && !/already exists/.test(wordsOfGit(error)))) onBranch();
      throw error;
    } finally {
      permit?.release();
    }
  }

  get #pauses() {
    return { clock: this.#clock, random: this.#random };
  }
}

/** Enough for what an agent commits in a session. */
const SHORT_HISTORY = 50;

interface WorktreeOptions {
  readonly gitDir: string;
  readonly signal?: AbortSignal;
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
