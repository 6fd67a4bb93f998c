import { BoundedCache, backoffMs, type IClock, type IRandom, systemClock, systemRandom } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { ILanding, IRepository, IWorkspaces, LandingRequest, LandingResult } from '../jobs/session-contracts.js';
import { CheckedOutBranch } from './checked-out-branch.js';
import { KeyedMutex } from './keyed-mutex.js';
import { type MergedTrees, mergeTrees } from './merge-trees.js';
import { retryGit } from './retry-git.js';
import { runGit } from './run-git.js';

export interface LandingOptions {
  readonly workspaces: Pick<IWorkspaces, 'reset'>;
  /** How often it begins again because somebody else moved the branch. Default 10. */
  readonly maxAttempts?: number;
  readonly clock?: IClock;
  readonly random?: IRandom;
}

/**
 * Merges with plumbing only, so that nobody's files or index are touched:
 *
 *     tip ──► merge ──► conflict
 *              │
 *              └─ tree ─(not verified yet)─► verify ──► rejected
 *                  │                           │
 *                  └───────────┬──────────── passed
 *                              ▼
 *                          candidate ──► compare-and-swap ──► landed
 *                                               └─ the tip is another one ─► begin again
 *
 * Always a merge commit whose first parent is the old tip: `git revert -m 1` undoes one issue. What is on the branch already has
 * landed as it is. An abort counts until the candidate is told; from then on the outcome is the branch's.
 */
export class Landing implements ILanding {
  readonly #options: LandingOptions;
  readonly #clock: IClock;
  readonly #random: IRandom;
  readonly #turns: KeyedMutex;
  /** `<verifier> <tree>` that passed. Those that failed are not remembered: tests may fail by chance. */
  readonly #passed = new BoundedCache<true>({ maxEntries: 1_000 });

  /** Of tips that came from here. */
  readonly #trees = new BoundedCache<string>({ maxEntries: 100 });

  constructor(options: LandingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#turns = new KeyedMutex(this.#clock);
  }

  /** Also `BRANCH_INVALID`, `BRANCH_CHECKED_OUT`, `REPO_DIRTY`, and `LANDING_FAILED` when the branch moved every time. */
  land(request: LandingRequest): Promise<LandingResult> {
    // nothing is awaited before: the order of the calls counts
    const turn = `${request.repository.commonDir}\0${request.branch}`;
    return this.#turns.run(turn, () => this.#untilSettled(request), request.signal);
  }

  async hasLanded(repository: IRepository, branch: string, commit: string): Promise<boolean> {
    const tip = await repository.commitOf(`refs/heads/${branch}`);
    return tip !== null && contains(repository, tip, commit);
  }

  async #untilSettled(request: LandingRequest): Promise<LandingResult> {
    const attempts = this.#options.maxAttempts ?? 10;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      request.signal?.throwIfAborted();
      const result = await this.#attempt(request);
      if (result !== 'moved') return result;
      await this.#clock.sleep(backoffMs(attempt, this.#random, PAUSE), request.signal);
    }
    const message = `${request.commit} did not land: the branch ${request.branch} moved ${attempts} times meanwhile. Try again when fewer others write to it`;
    throw harnessError('LANDING_FAILED', message);
  }

  async #attempt(request: LandingRequest): Promise<LandingResult | 'moved'> {
    const { repository, branch, commit, signal } = request;
    const tip = await repository.ensureBranch(branch);
    const before = await CheckedOutBranch.find(request);
    await before?.assertClean();
    const merged = await this.#merge(request, tip);
    if (merged === null) return { outcome: 'landed', commit };
    if (merged.outcome === 'conflict') return merged;
    const candidate = await this.#commit(request, tip, merged.tree);
    const rejected = await this.#verify(request, candidate, merged.tree);
    if (rejected !== null) return rejected;
    signal?.throwIfAborted();
    // again: a verification takes minutes, and somebody may have switched to the branch
    const checkedOut = await CheckedOutBranch.find(request);
    await request.onCandidate(candidate);
    if (!(await this.#swap(request, candidate, tip))) return 'moved';
    await this.#trees.set(candidate, merged.tree);
    await checkedOut?.follow(tip, candidate);
    return { outcome: 'landed', commit: candidate };
  }

  /** Null when `tip` has the commit already. */
  async #merge({ repository, workspace, commit, tree, signal }: LandingRequest, tip: string): Promise<MergedTrees | null> {
    // it descends from its base, so that there is nothing to merge while the branch is still there
    if (tip === workspace.base && commit !== tip) return { outcome: 'merged', tree };
    const treeOfTip = this.#trees.get(tip);
    if (treeOfTip === undefined && (await contains(repository, tip, commit))) return null;
    const merged = await mergeTrees(repository, { ours: tip, theirs: commit, ...(signal === undefined ? {} : { signal }) });
    // what is on the branch already changes no file, so that git need not be asked about anything else
    const changesNothing = merged.outcome === 'merged' && merged.tree === treeOfTip;
    return changesNothing && (await contains(repository, tip, commit)) ? null : merged;
  }

  async #commit({ repository, commit, message }: LandingRequest, tip: string, tree: string): Promise<string> {
    // git refuses a message with NUL
    const input = message.replaceAll('\0', '');
    const { stdout } = await runGit(repository.path, ['commit-tree', '-p', tip, '-p', commit, tree], { input });
    return stdout.trim();
  }

  /** The rejection; null when the tree passed, now or before. */
  async #verify(request: LandingRequest, candidate: string, tree: string): Promise<LandingResult | null> {
    const { verifier } = request;
    const key = verifier === undefined ? null : `${verifier} ${tree}`;
    if (tree === request.tree || (key !== null && this.#passed.get(key))) return null;
    await this.#options.workspaces.reset(request.workspace, candidate, request.signal);
    request.signal?.throwIfAborted();
    const verdict = await request.verify(tree);
    if (!verdict.passed) return { outcome: 'rejected', verdict };
    if (key !== null) await this.#passed.set(key, true);
    return null;
  }

  /** Whether the branch went from `tip` to `candidate`. */
  async #swap({ repository, branch, commit }: LandingRequest, candidate: string, tip: string): Promise<boolean> {
    const args = ['update-ref', '--create-reflog', '-m', `bellows: land ${commit}`, `refs/heads/${branch}`, candidate, tip];
    try {
      await retryGit(() => runGit(repository.path, args), { clock: this.#clock, random: this.#random });
      return true;
    } catch (error) {
      const now = await repository.commitOf(`refs/heads/${branch}`);
      if (now === candidate) return true;
      if (now !== tip) return false;
      throw error;
    }
  }
}

/** Short: the others that land need milliseconds. */
const PAUSE = Object.freeze({ initialMs: 20, factor: 2, maxMs: 1_000 });

async function contains(repository: IRepository, tip: string, commit: string): Promise<boolean> {
  const { code, stderr } = await runGit(repository.path, ['merge-base', '--is-ancestor', commit, tip], { answers: [0, 1, 128] });
  // "no" is what makes an issue be tried again, so it must not come from a git that could not look
  if (code === 128 && !/not a valid (commit|object) name/i.test(stderr)) throw cannotTell(tip, commit, stderr);
  return code === 0;
}

function cannotTell(tip: string, commit: string, words: string) {
  return harnessError('GIT_FAILED', `git cannot tell whether ${tip} contains ${commit}: ${words.trim().slice(0, 500)}`);
}
