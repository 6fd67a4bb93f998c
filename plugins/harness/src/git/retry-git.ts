import { backoffMs, type IClock, type IRandom, systemClock, systemRandom } from '@bellows/sdk';
import { wordsOfGit } from './run-git.js';

export interface GitPauses {
  readonly clock: Pick<IClock, 'sleep'>;
  readonly random: IRandom;
}

export const systemPauses: GitPauses = Object.freeze({ clock: systemClock, random: systemRandom });

/**
 * Calls `work` again after a short pause while it fails only because another git works on the same repository: a lock file is held, or an
 * entry of `worktrees` is half written (git reads those of all others and gives up at the first that is not whole). Other errors, and these
 * after 40 attempts, are passed on. `work` must be safe to repeat.
 */
export async function retryGit<T>(work: () => Promise<T>, pauses: GitPauses, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !TRANSIENT.test(wordsOfGit(error))) throw error;
      await pauses.clock.sleep(1 + backoffMs(attempt, pauses.random, PAUSE), signal);
    }
  }
}

const MAX_ATTEMPTS = 40;
/** A half-written entry is whole after milliseconds; a busy disk takes longer. About 8 s in all. */
const PAUSE = Object.freeze({ initialMs: 10, factor: 1.5, maxMs: 500 });
const TRANSIENT =
  /worktrees\/[^\n]*(commondir|gitdir|HEAD)|\.lock['’]?: File exists|unable to create '[^\n]*\.lock'|could not lock config|cannot lock ref '[^\n]*': unable to|could not create leading directories|could not create directory of/i;
