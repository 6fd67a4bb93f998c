import { harnessError } from '../errors.js';
import type { IRepository, LandingRequest } from '../jobs/session-contracts.js';
import { ownRegistrationAt } from './registration.js';
import { retryGit, systemPauses } from './retry-git.js';
import { runGit } from './run-git.js';

/** The files of a person who has checked out the branch that work lands on, and allowed it. */
export class CheckedOutBranch {
  readonly #repository: IRepository;
  readonly #branch: string;
  readonly #folder: string;

  private constructor({ repository, branch }: LandingRequest, folder: string) {
    this.#repository = repository;
    this.#branch = branch;
    this.#folder = folder;
  }

  /**
   * Null when nobody has it checked out. `BRANCH_CHECKED_OUT` when somebody has and the request does not allow it. An agent that switched to it
   * is taken off: its files stay, and what it commits goes on from there without the branch.
   */
  static async find(request: LandingRequest): Promise<CheckedOutBranch | null> {
    const { repository, branch, landOnCheckedOut } = request;
    let folder = await repository.checkedOutAt(branch);
    for (let agents = 0; folder !== null && agents < MAX_AGENTS; agents++) {
      const agent = await ownRegistrationAt(repository.commonDir, folder);
      if (agent === null) break;
      await detach(folder, agent);
      folder = await repository.checkedOutAt(branch);
    }
    if (folder === null) return null;
    if (landOnCheckedOut) return new CheckedOutBranch(request, folder);
    const message = `The branch ${branch} is checked out at ${folder}, and landing would change it under the files there. Name another branch, or allow it`;
    throw harnessError('BRANCH_CHECKED_OUT', message, { data: { folder } });
  }

  /** `REPO_DIRTY` when tracked files differ from the branch. */
  async assertClean(): Promise<void> {
    const files = await this.#repository.changedFiles(this.#folder);
    if (files.length > 0) throw this.#dirty(files);
  }

  /**
   * Brings the files from `tip` to `landed` after the branch moved. When that would overwrite something the branch goes back, as far as
   * nobody else has moved it, and it rejects with `REPO_DIRTY`. A crash in between leaves files that look as if they undid the landing.
   */
  async follow(tip: string, landed: string): Promise<void> {
    try {
      // a git of theirs may hold the index for a moment
      await retryGit(() => runGit(this.#folder, ['update-index', '--refresh'], { answers: [0, 1] }), systemPauses);
      await retryGit(() => runGit(this.#folder, ['read-tree', '-m', '-u', tip, landed]), systemPauses);
    } catch (error) {
      const back = ['update-ref', '-m', 'bellows: files could not follow', `refs/heads/${this.#branch}`, tip, landed];
      await runGit(this.#repository.path, back, { answers: [0, 1, 128] });
      throw this.#dirty(await this.#repository.changedFiles(this.#folder), error);
    }
  }

  #dirty(files: readonly string[], cause?: unknown) {
    const what =
      files.length > 0 ? `changes that are not committed: ${files.slice(0, 10).join(', ')}` : 'files in the way of what should land';
    const message = `The branch ${this.#branch} is checked out at ${this.#folder} with ${what}. Commit or stash them, or land on another branch`;
    return harnessError('REPO_DIRTY', message, { data: { folder: this.#folder, files }, ...(cause === undefined ? {} : { cause }) });
  }
}

/** Git lets one worktree have a branch; more come only one after the other, while this looks. */
const MAX_AGENTS = 20;

/** A failure means that the agent commits at this moment; then the next look finds the branch again. */
async function detach(folder: string, gitDir: string): Promise<void> {
  const options = { gitDir, answers: [0, 1, 128] };
  const head = await runGit(folder, ['rev-parse', '--verify', '--quiet', 'HEAD'], options);
  const commit = head.stdout.trim();
  if (head.code === 0) await runGit(folder, ['update-ref', '--no-deref', 'HEAD', commit, commit], options);
}
