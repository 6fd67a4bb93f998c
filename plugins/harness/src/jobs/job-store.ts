import type { DatabaseSync } from 'node:sqlite';
import { makeNewFile, messageOf } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import { type Change, type ChangeWriter, changeWriter } from './job-changes.js';
import { createTables, openTables } from './job-schema.js';
import {
  type IssueRecord,
  issueFromRow,
  type JobRecord,
  type JobSummary,
  jobFromRow,
  type SessionRecord,
  sessionFromRow,
  summaryFromRow,
} from './stored-records.js';

/** How long a statement waits, blocking, for another process; there is none unless the folder's lock was broken. */
const BUSY_TIMEOUT_MS = 1_000;

/**
 * Jobs, issues, sessions and events in one SQLite file: write-ahead log, synced at every commit. The changes of one call are kept
 * together or not at all; all calls of one turn of the event loop share one commit, because the sync is what costs.
 * One owner at a time. Everything rejects or throws `HARNESS_STORE_FAILED` when the disk is full and after `close`.
 */
export class JobStore {
  readonly #database: DatabaseSync;
  readonly #writer: ChangeWriter;
  #pending: Pending[] = [];
  #closed = false;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#writer = changeWriter(database);
  }

  /** Opens or makes the file; its folder must be there. */
  static async open(file: string): Promise<JobStore> {
    // not at the top: the module costs start-up time of every process that imports this package
    const { DatabaseSync } = await import('node:sqlite');
    let database: DatabaseSync | undefined;
    try {
      await makeNewFile(file, async (aside) => {
        const made = new DatabaseSync(aside);
        try {
          createTables(made);
        } finally {
          made.close();
        }
      });
      database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
      openTables(database);
      return new JobStore(database);
    } catch (error) {
      database?.close();
      throw storeFailed(error);
    }
  }

  /** Resolves when all of `changes` are durable. Order is that of the calls. */
  write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#commitPending());
    });
  }

  job(id: string): JobRecord | null {
    const row = this.#read((database) => database.prepare('SELECT * FROM jobs WHERE id = ?').get(id));
    return row === undefined ? null : jobFromRow(row);
  }

  /** In the order of the job's list. */
  issues(jobId: string): readonly IssueRecord[] {
    return this.#read((database) => database.prepare('SELECT * FROM issues WHERE job = ? ORDER BY position').all(jobId)).map(issueFromRow);
  }

  runningJobs(): readonly JobRecord[] {
    return this.#read((database) => database.prepare(`SELECT * FROM jobs WHERE status = 'running' ORDER BY seq`).all()).map(jobFromRow);
  }

  /** Newest first, those before the cursor; `cursor` is null when there are no more. */
  list({ limit, cursor }: { readonly limit: number; readonly cursor: number | null }): JobPage {
    const rows = this.#read((database) =>
      database
        .prepare(
          `SELECT jobs.seq, jobs.id, repo, branch, jobs.status, created_at, jobs.ended_at, COUNT(issues.id) AS total,
             SUM(issues.status = 'landed') AS landed, SUM(issues.status = 'failed') AS failed
           FROM (SELECT * FROM jobs WHERE seq < ? ORDER BY seq DESC LIMIT ?) AS jobs LEFT JOIN issues ON issues.job = jobs.id
           GROUP BY jobs.seq ORDER BY jobs.seq DESC`,
        )
        .all(cursor ?? Number.MAX_SAFE_INTEGER, limit + 1),
    );
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: rows.slice(0, limit).map(summaryFromRow), cursor: last === undefined ? null : Number(last.seq) };
  }

  /** What hosts before this one, or this one, have not cleaned up. */
  sessions(): readonly SessionRecord[] {
    return this.#read((database) => database.prepare('SELECT * FROM sessions ORDER BY since').all()).map(sessionFromRow);
  }

  /** Forgets jobs that ended before `endedBefore` (ms since 1970) and have no session left; answers their ids. */
  sweep(endedBefore: number): readonly string[] {
    return this.#read((database) =>
      database
        .prepare('DELETE FROM jobs WHERE ended_at < ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE job = jobs.id) RETURNING id')
        .all(endedBefore),
    ).map(({ id }) => id as string);
  }

  /** Commits what is pending, then closes the file. Twice is fine. */
  close(): void {
    if (this.#closed) return;
    this.#commitPending();
    this.#closed = true;
    this.#database.close();
  }

  #commitPending(): void {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return;
    try {
      this.#writer(pending.flatMap(({ changes }) => changes));
      for (const { resolve } of pending) resolve();
    } catch (error) {
      if (pending.length === 1) pending[0]?.reject(storeFailed(error));
      // one call that cannot be kept must not take the others with it
      else for (const call of pending) this.#commitAlone(call);
    }
  }

  #commitAlone({ changes, resolve, reject }: Pending): void {
    try {
      this.#writer(changes);
      resolve();
    } catch (error) {
      reject(storeFailed(error));
    }
  }

  #read<T>(query: (database: DatabaseSync) => T): T {
    if (this.#closed) throw closed();
    try {
      return query(this.#database);
    } catch (error) {
      throw storeFailed(error);
    }
  }
}

export interface JobPage {
  readonly items: readonly JobSummary[];
  readonly cursor: number | null;
}

interface Pending {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** https://www.sqlite.org/rescode.html: busy, locked, read-only, I/O error, full, cannot open. Time or people may mend these. */
const MAY_PASS: ReadonlySet<number> = new Set([5, 6, 8, 10, 13, 14]);

function storeFailed(error: unknown) {
  const code = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) & 0xff : -1;
  const what = `The database of the harness cannot be used (${messageOf(error)})`;
  return harnessError('HARNESS_STORE_FAILED', `${what}: look at the disk and for a second host on this data folder`, {
    cause: error,
    data: { mayPass: MAY_PASS.has(code) },
  });
}

function closed() {
  return harnessError('HARNESS_STORE_FAILED', 'The database of the harness is closed: use it only between start and stop');
}
