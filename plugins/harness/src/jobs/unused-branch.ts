import { type ILogger, messageOf } from '@bellows/sdk';
import type { JobBoard } from './job-board.js';
import type { JobSpec } from './job-records.js';
import type { IRepository } from './session-contracts.js';

export interface BranchSurroundings {
  readonly board: Pick<JobBoard, 'jobs'>;
  readonly logger: ILogger;
  repository(): Promise<IRepository>;
}

/**
 * Removes the branch that a job made and on which nothing came to be: it still is where it began, nobody has it checked out, and no other
 * job lands on it. Never rejects: a branch that stays harms nobody.
 */
export async function removeUnusedBranch(
  { id, repo, branch, branchMadeAt }: Pick<JobSpec, 'id' | 'repo' | 'branch' | 'branchMadeAt'>,
  { board, logger, repository }: BranchSurroundings,
): Promise<void> {
  if (branchMadeAt === undefined) return;
  if (board.jobs.some((job) => job.id !== id && job.spec.repo === repo && job.spec.branch === branch)) return;
  try {
    const removed = await (await repository()).removeBranch(branch, branchMadeAt);
    if (removed) logger.debug('A branch was removed again, because nothing landed on it', { job: id, branch });
  } catch (error) {
    logger.warn('A branch on which nothing landed could not be removed', { job: id, branch, error: messageOf(error) });
  }
}
