import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { IRepository } from '../jobs/session-contracts.js';
import { KeyedMutex } from './keyed-mutex.js';
import { WORK_BRANCHES } from './registration.js';
import { type GitPauses, retryGit } from './retry-git.js';
import { runGit } from './run-git.js';

/** Removes branches of workspaces; those that are asked for while git removes others go together in one process. */
export class WorkBranches {
  readonly #pauses: GitPauses;
  readonly #turns = new KeyedMutex();
  readonly #next = new Map<string, Batch>();

  constructor(pauses: GitPauses) {
    this.#pauses = pauses;
  }

  /** With what git configured about it. Silent when it is gone; any number at once. */
  async remove(repository: IRepository, name: string): Promise<void> {
    // an agent that was killed while it committed left it; nobody else writes this branch
    await rm(`${path.join(repository.commonDir, 'refs/heads', WORK_BRANCHES, name)}.lock`, { force: true });
    const batch = this.#batchOf(repository);
    batch.names.push(name);
    try {
      await batch.removed;
    } catch (error) {
      if (batch.names.length === 1) throw error;
      // one of the others may be what cannot be removed
      await this.#delete(repository, [name]);
    }
    await this.#forgetSettings(repository, name);
  }

  #batchOf(repository: IRepository): Batch {
    const key = repository.commonDir;
    const open = this.#next.get(key);
    if (open !== undefined) return open;
    const names: string[] = [];
    const removed = this.#turns.run(key, () => {
      this.#next.delete(key);
      return this.#delete(repository, names);
    });
    const batch = { names, removed };
    this.#next.set(key, batch);
    return batch;
  }

  async #delete(repository: IRepository, names: readonly string[]): Promise<void> {
    const input = [...new Set(names)].map((name) => `delete refs/heads/${WORK_BRANCHES}${name}\n`).join('');
    await retryGit(() => runGit(repository.path, ['update-ref', '--no-deref', '--stdin'], { input }), this.#pauses);
  }

  /** An agent that pushed with -u left the upstream of the branch in the configuration. */
  async #forgetSettings({ path: folder, commonDir }: IRepository, name: string): Promise<void> {
    const section = `branch.${WORK_BRANCHES}${name}`;
    const config = await readFile(path.join(commonDir, 'config'), 'utf8').catch(() => null);
    if (config !== null && !config.includes(WORK_BRANCHES + name)) return;
    const remove = () => runGit(folder, ['config', '--local', '--remove-section', section], { answers: [0, 128] });
    await retryGit(remove, this.#pauses);
  }
}

interface Batch {
  readonly names: string[];
  readonly removed: Promise<void>;
}
