import path from 'node:path';
import { harnessError } from '../errors.js';
import type { HarnessServices } from './harness-services.js';
import type { JobSpec } from './job-records.js';
import { type CheckedJobRequest, checkDriver, issuesOf, type JobCaller, requestHash } from './job-requests.js';
import type { IRepository } from './session-contracts.js';
import type { JobRecord } from './stored-records.js';

/** How many changed files a warning names. */
const MAX_NAMED = 5;

/** What is known of a request before its issues are read: enough to recognise a repeated one. */
export interface LocatedRequest {
  readonly id: string;
  readonly request: CheckedJobRequest;
  readonly caller: JobCaller;
  readonly repository: IRepository;
  readonly hash: string;
}

/** Opens the repository. `FEATURE_UNSUPPORTED`, `REPO_INVALID`, `REPO_EMPTY`. */
export async function locateRequest(
  { id, request, caller }: Pick<LocatedRequest, 'id' | 'request' | 'caller'>,
  cwd: string,
  services: HarnessServices,
): Promise<LocatedRequest> {
  checkDriver(request);
  const repository = await services.openRepository(path.resolve(cwd, request.repo));
  return { id, request, caller, repository, hash: requestHash(request, repository.path, caller.tenant) };
}

/** Reads the issues. `ISSUES_INVALID`. */
export async function specOf({ id, request, caller, repository }: LocatedRequest): Promise<JobSpec> {
  const { tenant, user, authority } = caller;
  return {
    id,
    repo: repository.path,
    branch: request.branch ?? `bellows/${id}`,
    landOnCheckedOut: request.landOnCheckedOut,
    issues: await issuesOf(request, repository.path),
    agent: { driver: 'plain', command: request.agent.command },
    verify: request.verify,
    maxWorkers: request.maxWorkers ?? null,
    tenant,
    user,
    authority,
  };
}

export interface PreparedBranch {
  /** The commit it was made at; null when it was there. */
  readonly madeAt: string | null;
  /** What the caller should know of the repository. */
  readonly warnings: readonly string[];
}

/**
 * Makes the branch where it is missing.
 * `BRANCH_INVALID`, `BRANCH_CHECKED_OUT`, and `REPO_DIRTY` where the files of a checked-out branch would have to follow.
 */
export async function prepareBranch(spec: JobSpec, repository: IRepository): Promise<PreparedBranch> {
  const { branch, landOnCheckedOut } = spec;
  const wasThere = (await repository.commitOf(`refs/heads/${branch}`)) !== null;
  const commit = await repository.ensureBranch(branch);
  const madeAt = wasThere ? null : commit;
  const folder = await repository.checkedOutAt(branch);
  if (folder !== null && !landOnCheckedOut) {
    const message = `The branch ${branch} is checked out at ${folder}: name another branch, or allow it with landOnCheckedOut (on the command line --land-on-checked-out)`;
    throw harnessError('BRANCH_CHECKED_OUT', message, { data: { folder } });
  }
  const dirty = folder === null ? [] : await repository.changedFiles(folder);
  if (dirty.length > 0) {
    const message = `The branch ${branch} is checked out at ${folder} with uncommitted changes in ${named(dirty)}: commit or stash them`;
    throw harnessError('REPO_DIRTY', message, { data: { files: dirty } });
  }
  const unseen = await repository.changedFiles();
  if (unseen.length === 0) return { madeAt, warnings: [] };
  const warning = `Agents work from the last commit: they do not see the uncommitted changes of ${unseen.length} files (${named(unseen)})`;
  return { madeAt, warnings: [warning] };
}

export function newJobRecord(
  { hash }: LocatedRequest,
  spec: JobSpec,
  { warnings, createdAt }: Pick<JobRecord, 'warnings' | 'createdAt'>,
): JobRecord {
  return { spec, requestHash: hash, status: 'running', cancelled: false, warnings, createdAt, endedAt: null };
}

function named(files: readonly string[]): string {
  const more = files.length - MAX_NAMED;
  return `${files.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
