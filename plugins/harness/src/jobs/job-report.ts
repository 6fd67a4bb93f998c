import type { FailureReason, IssueStatus, JobStatus } from './job-records.js';
import { sessionLogs } from './session-logs.js';
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
  /** Absolute path of what the agent of the last attempt wrote; missing where none was started. */
  readonly log?: string;
  /** Absolute path of what the verification wrote; only where that is why the issue failed. */
  readonly verifyLog?: string;
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

/** `logs`: the folder of the job's. */
export function jobReport(job: JobRecord, records: readonly IssueRecord[], logs: string): JobReport {
  const titles = new Map(job.spec.issues.map(({ id, title }) => [id, title]));
  const issues = records.map((issue) => ({ ...issueReport(issue, titles.get(issue.id) ?? ''), ...logsOf(issue, logs) }));
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

/** Without them an agent was not started. */
const WITHOUT_AGENT: ReadonlySet<FailureReason> = new Set(['agent_not_started', 'workspace_failed']);

function logsOf(record: IssueRecord, folder: string): Pick<IssueReport, 'log' | 'verifyLog'> {
  const { epoch, status, failure } = record;
  const reason = status === 'failed' ? failure?.reason : undefined;
  if (epoch === 0 || (reason !== undefined && WITHOUT_AGENT.has(reason))) return {};
  const { agent, verify } = sessionLogs(folder, record);
  return reason === 'verification_failed' ? { log: agent, verifyLog: verify } : { log: agent };
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
