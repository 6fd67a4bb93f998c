import type { DatabaseSync } from 'node:sqlite';
import { corruptError } from '../sqlite-error.js';

/**
 * A value up to 64 KiB stands in the row of its path; a larger one is a stream of pieces, of which the row knows the number. So whatever a
 * query by path reads is small. A path stands in two trees, which check each other: a row that one of them lost is missed in the other.
 */
const TABLES = [
  `CREATE TABLE value (id INTEGER PRIMARY KEY, path TEXT NOT NULL, path_sum INTEGER NOT NULL, sum INTEGER NOT NULL, data BLOB, stream INTEGER, pieces INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT`,
  'CREATE UNIQUE INDEX value_by_path ON value (path, path_sum)',
  'CREATE INDEX value_by_sum ON value (path_sum)',
  'CREATE UNIQUE INDEX value_by_stream ON value (stream) WHERE stream IS NOT NULL',
  'CREATE TABLE piece (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, data BLOB NOT NULL) STRICT',
  'CREATE TABLE commits (id INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT',
];
/** The only table of files of version 0.1, without checksums. */
const FIRST_TABLE = 'CREATE TABLE entries (path TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT';
export const INLINE_BYTES = 64 * 1024;

/** Beside the file from its first commit until it is closed: how many commits were acknowledged. */
export function countFileOf(file: string): string {
  return `${file}-commits`;
}

export type Layout = 'current' | 'first';

/** `STORE_CORRUPT` for anything that no version of this package makes: damage there would look like an empty store. */
export function layoutOf(database: DatabaseSync, file: string): Layout {
  // those of SQLite itself come with ANALYZE
  const found = database.prepare(`SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`).all();
  const statements = sorted(found.map((row) => String(row.sql)));
  if (statements === sorted(TABLES)) return 'current';
  if (statements === FIRST_TABLE) return 'first';
  throw corruptError(file, 'its tables are not those of a store');
}

/** VACUUM, which also makes backups, puts the tables before the indexes. */
function sorted(statements: readonly string[]): string {
  return statements.toSorted().join(';');
}

export function createTables(database: DatabaseSync): void {
  for (const statement of TABLES) database.exec(statement);
  database.exec('INSERT INTO commits (id, count) VALUES (1, 0)');
}

/** Every value of a file of version 0.1, one at a time. */
export function firstValues(database: DatabaseSync): Iterable<{ readonly path: string; readonly data: Uint8Array<ArrayBuffer> }> {
  return database.prepare('SELECT path, data FROM entries').iterate() as Iterable<never>;
}

export function dropFirstTable(database: DatabaseSync): void {
  database.exec('DROP TABLE entries');
}
