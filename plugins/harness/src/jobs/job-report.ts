import type { IssueStatus, JobStatus } from './job-records.js';
import type { IssueRecord, JobRecord } from './stored-records.js';

export interface IssueReport {
  readonly id: string;
  readonly title: string;
  readonly status: IssueStatus;
  readonly attempts: number;
  readonly commit?: string;
  /** Of the last attempt that failed. */
  readonly reason?: string;
  readonly message?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** What `harness.get` answers. */
export interface JobReport {
  readonly id: string;
  readonly status: JobStatus;
  readonly repo: string;
  readonly branch: string;
  readonly issues: readonly IssueReport[];
  readonly landed: RunReport['landed'];
  /** Those that ended otherwise. */
  readonly failed: RunReport['failed'];
  readonly warnings: readonly string[];
  readonly createdAt: number;
  readonly endedAt?: number;
}

/** What `harness.run` answers. */
export interface RunReport {
  readonly id: string;
  readonly status: JobStatus;
  readonly landed: readonly { readonly issue: string; readonly commit: string }[];
  readonly failed: readonly { readonly issue: string; readonly reason: string; readonly attempts: number }[];
}

export function jobReport(job: JobRecord, records: readonly IssueRecord[]): JobReport {
  const titles = new Map(job.spec.issues.map(({ id, title }) => [id, title]));
  const issues = records.map((issue) => issueReport(issue, titles.get(issue.id) ?? ''));
  return {
    id: job.spec.id,
    status: job.status,
    repo: job.spec.repo,
    branch: job.spec.branch,
    issues,
    landed: issues.flatMap(({ id: issue, commit, status }) => (status === 'landed' && commit !== undefined ? [{ issue, commit }] : [])),
    failed: issues.flatMap(({ id: issue, reason = 'cancelled', attempts, status }) =>
      status === 'failed' || status === 'cancelled' ? [{ issue, reason, attempts }] : [],
    ),
    warnings: job.warnings,
    createdAt: job.createdAt,
    ...(job.endedAt === null ? {} : { endedAt: job.endedAt }),
  };
}

export function runReport({ id, status, landed, failed }: JobReport): RunReport {
  return { id, status, landed, failed };
}

function issueReport({ id, status, attempts, commit, failure, startedAt, endedAt }: IssueRecord, title: string): IssueReport {
  return {
    id,
    title,
    status,
    attempts,
    ...(commit === null ? {} : { commit }),
    ...(failure === null ? {} : { reason: failure.reason, message: failure.message }),
    ...(startedAt === null ? {} : { startedAt }),
    ...(endedAt === null ? {} : { endedAt }),
  };
}
