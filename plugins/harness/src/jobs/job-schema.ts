import type { DatabaseSync } from 'node:sqlite';

/** Raised when a file written by an older version cannot be read as it is; the pragma `user_version` holds it. */
const SCHEMA_VERSION = 1;

/** Makes the tables in a file that is new. */
export function createTables(database: DatabaseSync): void {
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(`BEGIN; ${TABLES} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

/** Before anything else is done with a file. Throws for one of a newer version, and for an empty one: jobs were in it. */
export function openTables(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version > SCHEMA_VERSION) throw new Error(`it was written by a newer version of this plugin (schema ${version})`);
  if (version === 0) throw new Error('it is empty, as a backup that was cut off: restore it, or move it away to start without jobs');
  database.exec('PRAGMA journal_mode = WAL');
  // FULL syncs the log at every commit; the usual NORMAL may lose the last commits when the power goes
  database.exec('PRAGMA synchronous = FULL');
  database.exec('PRAGMA foreign_keys = ON');
}

/** Times are REAL: a clock may tell fractions of a millisecond. */
const TABLES = `
CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE NOT NULL,
  request_hash TEXT NOT NULL,
  repo TEXT NOT NULL,
  branch TEXT NOT NULL,
  status TEXT NOT NULL,
  spec TEXT NOT NULL,
  warnings TEXT NOT NULL,
  cancelled INTEGER NOT NULL,
  created_at REAL NOT NULL,
  ended_at REAL
) STRICT;
CREATE INDEX jobs_by_status ON jobs (status);
CREATE INDEX jobs_by_end ON jobs (ended_at);
CREATE TABLE issues (
  job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  position INTEGER NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  reason TEXT,
  message TEXT,
  landed_commit TEXT,
  started_at REAL,
  ended_at REAL,
  PRIMARY KEY (job, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  job TEXT NOT NULL,
  issue TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  repo TEXT NOT NULL,
  branch TEXT NOT NULL,
  since REAL NOT NULL,
  workspace TEXT,
  base TEXT,
  pid INTEGER,
  pid_started TEXT,
  candidate TEXT
) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  issue TEXT,
  type TEXT NOT NULL,
  at REAL NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_job ON events (job, seq);
`;
