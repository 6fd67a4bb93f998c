import type { AttemptFailure, FailureReason, IssueStatus, JobSpec, JobStatus } from './job-records.js';
import type { ProcessIdentity } from './session-contracts.js';

export interface JobRecord {
  readonly spec: JobSpec;
  /** Of what was asked for, to tell a repeated request from another one of the same id. */
  readonly requestHash: string;
  readonly status: JobStatus;
  /** Somebody asked to cancel it; it may still be ending its sessions. */
  readonly cancelled: boolean;
  readonly warnings: readonly string[];
  readonly createdAt: number;
  readonly endedAt: number | null;
}

export interface IssueRecord {
  readonly id: string;
  readonly status: IssueStatus;
  /** Attempts that ended by themselves, and the one under way. */
  readonly attempts: number;
  /** Goes up with every session; what an earlier one reports is refused. */
  readonly epoch: number;
  /** Of the last attempt. */
  readonly failure: AttemptFailure | null;
  readonly commit: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface SessionRecord {
  readonly id: string;
  readonly jobId: string;
  readonly issueId: string;
  readonly epoch: number;
  readonly repo: string;
  readonly branch: string;
  readonly since: number;
  /** Folder of the workspace, once it was made; its name is the id of the session. */
  readonly workspacePath: string | null;
  readonly base: string | null;
  readonly process: ProcessIdentity | null;
  /** The merge commit it was about to land. */
  readonly candidate: string | null;
}

export interface JobSummary {
  readonly id: string;
  readonly status: JobStatus;
  readonly repo: string;
  readonly branch: string;
  readonly issues: number;
  readonly landed: number;
  readonly failed: number;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

type Row = Readonly<Record<string, unknown>>;

export function jobFromRow(row: Row): JobRecord {
  return {
    spec: JSON.parse(row.spec as string) as JobSpec,
    requestHash: row.request_hash as string,
    status: row.status as JobStatus,
    cancelled: row.cancelled === 1,
    warnings: JSON.parse(row.warnings as string) as string[],
    createdAt: row.created_at as number,
    endedAt: row.ended_at as number | null,
  };
}

export function issueFromRow(row: Row): IssueRecord {
  const reason = row.reason as FailureReason | null;
  return {
    id: row.id as string,
    status: row.status as IssueStatus,
    attempts: row.attempts as number,
    epoch: row.epoch as number,
    failure: reason === null ? null : { reason, message: row.message as string },
    commit: row.landed_commit as string | null,
    startedAt: row.started_at as number | null,
    endedAt: row.ended_at as number | null,
  };
}

export function sessionFromRow(row: Row): SessionRecord {
  const pid = row.pid as number | null;
  return {
    id: row.id as string,
    jobId: row.job as string,
    issueId: row.issue as string,
    epoch: row.epoch as number,
    repo: row.repo as string,
    branch: row.branch as string,
    since: row.since as number,
    workspacePath: row.workspace as string | null,
    base: row.base as string | null,
    process: pid === null ? null : { pid, startedAt: row.pid_started as string },
    candidate: row.candidate as string | null,
  };
}

export function summaryFromRow(row: Row): JobSummary {
  return {
    id: row.id as string,
    status: row.status as JobStatus,
    repo: row.repo as string,
    branch: row.branch as string,
    issues: Number(row.total),
    landed: Number(row.landed ?? 0),
    failed: Number(row.failed ?? 0),
    createdAt: row.created_at as number,
    endedAt: row.ended_at as number | null,
  };
}
