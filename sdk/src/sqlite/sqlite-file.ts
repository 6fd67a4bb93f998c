import { access, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { corruptError, sqliteError } from '../sqlite-error.js';
import { countFileOf, createTables, layoutOf } from './sqlite-layout.js';
import { SqliteWriter } from './sqlite-writer.js';
import { ValueReader } from './value-reader.js';

/** The options of a store, with every default in its place. */
export interface SqliteFileOptions {
  readonly busyTimeoutMs: number;
  readonly maxBytes: number | null;
  readonly pageBytes: number;
  /** Streams that are in use at this moment. */
  readonly streamsInUse: () => readonly number[];
}

export interface OpenSqliteFile {
  readonly reader: ValueReader;
  readonly writer: SqliteWriter;
  /** Resolves when all that was asked for before is answered, and thread and file are closed. To be called last, once. */
  close(): Promise<void>;
}

/** Opens `file`, makes it where it is missing, and brings one of version 0.1 to this one. Errors as of the store. */
export async function openSqliteFile(file: string, options: SqliteFileOptions): Promise<OpenSqliteFile> {
  let database: DatabaseSync | undefined;
  try {
    if (!(await isThere(file))) await makeFile(file, options.pageBytes);
    database = new DatabaseSync(file, { timeout: options.busyTimeoutMs });
    const writer = new SqliteWriter(file, options);
    if (layoutOf(database, file) === 'first') await upgrade(database, file, writer);
    await demandCommits(database, file);
    // whatever is written goes through the thread
    database.exec('PRAGMA query_only = 1');
    const opened = database;
    return { reader: new ValueReader(opened, file), writer, close: () => close(opened, file, writer) };
  } catch (error) {
    database?.close();
    throw sqliteError(error, file);
  }
}

/**
 * Never half made: built aside and renamed. So an empty file is a damaged one. Readable for its owner only, and so is the log beside it,
 * which gets the rights of the file.
 */
async function makeFile(file: string, pageBytes: number): Promise<void> {
  const aside = `${file}-new`;
  for (const name of [aside, `${aside}-wal`, `${aside}-shm`]) await rm(name, { force: true });
  try {
    await (await open(aside, 'wx', 0o600)).close();
  } catch {
    // SQLite fails next, and its error is the one that callers know
  }
  const database = new DatabaseSync(aside);
  try {
    database.exec(`PRAGMA page_size = ${Math.floor(pageBytes)}`);
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    database.exec('BEGIN');
    createTables(database);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
  await rename(aside, file);
  await syncFolder(file);
}

/**
 * A process that was killed leaves a log with its last commits. A log that was removed or damaged looks like one that ends earlier; the number of
 * commits beside it, which is written after each of them, tells.
 */
async function demandCommits(database: DatabaseSync, file: string): Promise<void> {
  const countFile = countFileOf(file);
  const text = await readFile(countFile, 'utf8').catch(() => '');
  // after a power failure it may hold anything older, zeros too; the commits themselves were synced
  const acknowledged = /^\d+\n$/.test(text) ? Number(text) : 0;
  const count = Number(database.prepare('SELECT count FROM commits WHERE id = 1').get()?.count ?? -1);
  if (count >= acknowledged) return;
  throw corruptError(
    file,
    `${acknowledged - count} of the last commits are missing: its log ${file}-wal was removed or damaged; put it back, or, if this file itself was restored from a backup, remove ${countFile}`,
  );
}

async function upgrade(database: DatabaseSync, file: string, writer: SqliteWriter): Promise<void> {
  try {
    await writer.open();
  } catch (error) {
    await writer.end();
    throw error;
  }
  layoutOf(database, file);
}

async function close(database: DatabaseSync, file: string, writer: SqliteWriter): Promise<void> {
  await writer.idle();
  // before the log: a number without its commits would mean that they were lost
  if (await isThere(countFileOf(file))) {
    await rm(countFileOf(file), { force: true });
    await syncFolder(file);
  }
  try {
    // before the thread, because the last one writes what is in the log to the file
    database.close();
  } catch (error) {
    throw sqliteError(error, file);
  } finally {
    await writer.end();
  }
}

async function syncFolder(file: string): Promise<void> {
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
