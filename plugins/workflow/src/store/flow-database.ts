import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type BellowsError, isBellowsError, makeNewFile, messageOf, NotReadyError, sqliteError } from '@bellows/sdk';
import { workflowError } from '../errors.js';

export interface FlowDatabaseOptions {
  /** How long opening waits, blocking, for another process to let go of the file. Default 0: fails at once. */
  readonly busyTimeoutMs?: number;
  /** How large the file may grow. Default: as large as the disk. */
  readonly maxBytes?: number;
}

/**
 * Opens or makes `flow.db` in a folder, which is made too, and holds it against every other process until it is closed.
 * `FLOW_STORE_IN_USE`, `FLOW_STORE_CORRUPT`, `FLOW_STORE_NEWER`, or `STORE_FULL` and `STORE_UNREACHABLE` of the SDK.
 */
export async function openFlowDatabase(folder: string, options: FlowDatabaseOptions = {}): Promise<DatabaseSync> {
  // not at the top: the module costs start-up time of every process that imports this plugin
  const { DatabaseSync } = await import('node:sqlite');
  const file = path.join(folder, FLOW_FILE);
  let database: DatabaseSync | undefined;
  try {
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    await makeMissing(file, DatabaseSync);
    database = new DatabaseSync(file, { timeout: options.busyTimeoutMs ?? 0 });
    take(database);
    // nothing is written before: a file of somebody else stays as it is
    checkOwner(database, file);
    configure(database, options);
    return database;
  } catch (error) {
    database?.close();
    throw openError(error, file);
  }
}

export const FLOW_FILE = 'flow.db';

/** Only the owner: inputs and outputs of runs may be anything. */
const PRIVATE_FOLDER = 0o700;
/** Written into the header of the file ("BLWF"), so that another program's database is told from ours. */
const APPLICATION_ID = 0x424c5746;
/** Raised with every change of the tables below; a file with a higher one is refused. */
const SCHEMA_VERSION = 1;
const PAGE_BYTES = 4_096;
/** The tail of the log and the open end of each index stay in memory; more made no difference at 500,000 events/s. */
const CACHE_KIB = 16_384;
/**
 * SQLite copies the log into the file when it has this many pages (16 MiB). The default of 1,000 makes more commits pay for a copy
 * (p99 of commits of 40 events 0.84 ms against 0.51 ms), 16,000 makes the few that pay wait 24 ms instead of 8 ms.
 */
const CHECKPOINT_PAGES = 4_000;

/** An empty one that is found later is no first start: runs were in it. */
async function makeMissing(file: string, Database: typeof DatabaseSync): Promise<void> {
  await makeNewFile(file, async (aside) => {
    // SQLite would write what is in it into the new file
    if (await hasContent(`${file}-wal`)) throw corrupt(file, `it is gone, and ${file}-wal, the log of it, is there`);
    const database = new Database(aside);
    try {
      database.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
      database.exec(`BEGIN; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    } finally {
      database.close();
    }
  });
}

function hasContent(file: string): Promise<boolean> {
  return stat(file).then(
    ({ size }) => size > 0,
    () => false,
  );
}

function take(database: DatabaseSync): void {
  // first of all: the locks of the first transaction are then kept until the end, and no shared memory file is needed
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('BEGIN EXCLUSIVE');
  database.exec('COMMIT');
}

function configure(database: DatabaseSync, { maxBytes }: FlowDatabaseOptions): void {
  database.exec('PRAGMA journal_mode = WAL');
  // FULL syncs the log at every commit; NORMAL would acknowledge what a power cut can still take
  database.exec('PRAGMA synchronous = FULL');
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  // a long log is cut back after a checkpoint instead of staying as long as it once was
  database.exec(`PRAGMA journal_size_limit = ${4 * CHECKPOINT_PAGES * PAGE_BYTES}`);
  database.exec(`PRAGMA cache_size = ${-CACHE_KIB}`);
  if (maxBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
}

function checkOwner(database: DatabaseSync, file: string): void {
  const version = pragma(database, 'user_version');
  if (pragma(database, 'application_id') === APPLICATION_ID) {
    if (version <= SCHEMA_VERSION) return;
    throw workflowError(
      'FLOW_STORE_NEWER',
      `${file} was written by a newer version (its format is ${version}, this one knows up to ${SCHEMA_VERSION}): use that version, or another data folder`,
    );
  }
  const isEmpty = version === 0 && database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  throw corrupt(file, isEmpty ? 'it is empty, as a backup that was cut off' : 'it belongs to another program');
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/**
 * `runs.input` is null where the input is long: it then stands in `long_inputs`, so that a change of the status does not write it again.
 * `status` and `events.type` are the numbers of `flow-rows.ts`. `removed_key` is the highest key of a run that retention removed.
 */
const SCHEMA = `
CREATE TABLE runs (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version INTEGER NOT NULL, input_hash TEXT NOT NULL,
  attributes TEXT, priority INTEGER NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, runs_commands INTEGER NOT NULL,
  parent_key INTEGER, parent_stage INTEGER, created_at INTEGER NOT NULL, dormant INTEGER NOT NULL, status INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, ended_at INTEGER, output TEXT, error TEXT, input TEXT);
CREATE TABLE long_inputs (run INTEGER PRIMARY KEY, input TEXT NOT NULL);
CREATE INDEX runs_created ON runs (created_at);
CREATE INDEX runs_status ON runs (status, created_at);
CREATE INDEX runs_name ON runs (name, created_at);
CREATE INDEX runs_active ON runs (key) WHERE ended_at IS NULL AND dormant = 0;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE events (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, type INTEGER NOT NULL, stage INTEGER NOT NULL, attempt INTEGER NOT NULL,
  at INTEGER NOT NULL, data TEXT, PRIMARY KEY (run, seq)) WITHOUT ROWID;
CREATE TABLE waits (run INTEGER NOT NULL, stage INTEGER NOT NULL, due_at INTEGER, PRIMARY KEY (run, stage)) WITHOUT ROWID;
CREATE TABLE definitions (
  name TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT NOT NULL, json TEXT, outline TEXT, created_at INTEGER NOT NULL,
  PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE marks (removed_key INTEGER NOT NULL);
INSERT INTO marks VALUES (0);
`;

function openError(error: unknown, file: string): BellowsError {
  if (isBellowsError(error)) return error;
  if (typeof error === 'object' && error !== null && 'syscall' in error) {
    const message = `The folder of ${file} cannot be made or used (${String((error as NodeJS.ErrnoException).code)}): check its rights and the disk`;
    return new NotReadyError('STORE_UNREACHABLE', message, { plugin: 'workflow', cause: error });
  }
  const known = sqliteError(error, file);
  switch (known.code) {
    case 'STORE_BUSY':
      return workflowError('FLOW_STORE_IN_USE', `Another process has opened ${file}: end it, or use another data folder`, { cause: error });
    case 'STORE_CORRUPT':
      return corrupt(file, messageOf(error), error);
    default:
      return known;
  }
}

/** The error of a database that cannot be relied upon. */
export function corrupt(file: string, why: string, cause?: unknown): BellowsError {
  return workflowError(
    'FLOW_STORE_CORRUPT',
    `${file} is damaged or no database of runs (${why}): restore it from a backup, or move it and all files whose names begin with its name away to start empty`,
    {
      status: 500,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
