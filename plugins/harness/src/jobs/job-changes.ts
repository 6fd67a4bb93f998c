import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { IssueRecord, JobRecord, SessionRecord } from './stored-records.js';

export interface JobEvent {
  readonly jobId: string;
  readonly issueId: string | null;
  /** `job.started`, `issue.landed`, … */
  readonly type: string;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One thing to keep. Records are written as a whole, whether they were there or not. */
export type Change =
  | { readonly kind: 'job'; readonly record: JobRecord }
  | { readonly kind: 'issue'; readonly jobId: string; readonly position: number; readonly record: IssueRecord }
  | { readonly kind: 'session'; readonly record: SessionRecord }
  | { readonly kind: 'session_gone'; readonly id: string }
  | { readonly kind: 'event'; readonly event: JobEvent };

/** Writes all or nothing; throws what SQLite threw. */
export type ChangeWriter = (changes: readonly Change[]) => void;

export function changeWriter(database: DatabaseSync): ChangeWriter {
  const statements = prepare(database);
  return (changes) => {
    try {
      statements.begin.run();
      for (const change of changes) write(statements, change);
      statements.commit.run();
    } catch (error) {
      // SQLite has rolled back by itself after some errors, a full disk among them
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
}

function write(statements: Statements, change: Change): void {
  switch (change.kind) {
    case 'job':
      statements.job.run(jobRow(change.record));
      break;
    case 'issue':
      statements.issue.run(issueRow(change));
      break;
    case 'session':
      statements.session.run(sessionRow(change.record));
      break;
    case 'session_gone':
      statements.sessionGone.run(change.id);
      break;
    case 'event': {
      const { jobId, issueId, type, at, data } = change.event;
      statements.event.run(jobId, issueId, type, at, JSON.stringify(data));
      break;
    }
  }
}

type Values = Record<string, SQLInputValue>;

function jobRow({ spec, requestHash, status, cancelled, warnings, createdAt, endedAt }: JobRecord): Values {
  return {
    id: spec.id,
    requestHash,
    repo: spec.repo,
    branch: spec.branch,
    status,
    spec: JSON.stringify(spec),
    warnings: JSON.stringify(warnings),
    cancelled: cancelled ? 1 : 0,
    createdAt,
    endedAt,
  };
}

function issueRow({ jobId, position, record }: Extract<Change, { kind: 'issue' }>): Values {
  const { id, status, attempts, epoch, failure, commit, startedAt, endedAt } = record;
  const { reason = null, message = null } = failure ?? {};
  return { jobId, id, position, status, attempts, epoch, reason, message, commit, startedAt, endedAt };
}

function sessionRow({ id, jobId, issueId, epoch, repo, branch, since, workspacePath, base, process, candidate }: SessionRecord): Values {
  const { pid = null, startedAt = null } = process ?? {};
  return { id, jobId, issueId, epoch, repo, branch, since, workspacePath, base, pid, startedAt, candidate };
}

interface Statements {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly job: StatementSync;
  readonly issue: StatementSync;
  readonly session: StatementSync;
  readonly sessionGone: StatementSync;
  readonly event: StatementSync;
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    job: database.prepare(
      `INSERT INTO jobs (id, request_hash, repo, branch, status, spec, warnings, cancelled, created_at, ended_at)
       VALUES (:id, :requestHash, :repo, :branch, :status, :spec, :warnings, :cancelled, :createdAt, :endedAt)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, warnings = excluded.warnings, cancelled = excluded.cancelled,
         ended_at = excluded.ended_at`,
    ),
    issue: database.prepare(
      `INSERT INTO issues (job, id, position, status, attempts, epoch, reason, message, landed_commit, started_at, ended_at)
       VALUES (:jobId, :id, :position, :status, :attempts, :epoch, :reason, :message, :commit, :startedAt, :endedAt)
       ON CONFLICT (job, id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts, epoch = excluded.epoch,
         reason = excluded.reason, message = excluded.message, landed_commit = excluded.landed_commit,
         started_at = excluded.started_at, ended_at = excluded.ended_at`,
    ),
    session: database.prepare(
      `INSERT INTO sessions (id, job, issue, epoch, repo, branch, since, workspace, base, pid, pid_started, candidate)
       VALUES (:id, :jobId, :issueId, :epoch, :repo, :branch, :since, :workspacePath, :base, :pid, :startedAt, :candidate)
       ON CONFLICT (id) DO UPDATE SET workspace = excluded.workspace, base = excluded.base, pid = excluded.pid,
         pid_started = excluded.pid_started, candidate = excluded.candidate`,
    ),
    sessionGone: database.prepare('DELETE FROM sessions WHERE id = ?'),
    event: database.prepare('INSERT INTO events (job, issue, type, at, data) VALUES (?, ?, ?, ?, ?)'),
  };
}
