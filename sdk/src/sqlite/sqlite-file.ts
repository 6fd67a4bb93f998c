import { access, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { corruptError, sqliteError } from '../sqlite-error.js';
import { createTables, layoutOf } from './sqlite-layout.js';
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
    await demandLog(file);
    database = new DatabaseSync(file, { timeout: options.busyTimeoutMs });
    const writer = new SqliteWriter(file, options);
    if (layoutOf(database, file) === 'first') await upgrade(database, file, writer);
    // whatever is written goes through the thread
    database.exec('PRAGMA query_only = 1');
    const opened = database;
    return { reader: new ValueReader(opened, file), writer, close: () => close(opened, file, writer) };
  } catch (error) {
    database?.close();
    throw sqliteError(error, file);
  }
}

/** Beside the file while it has a log that must not be lost. */
function markOf(file: string): string {
  return `${file}-in-use`;
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

/** A process that was killed leaves its log, with the last commits in it. Whoever removes it removes them. */
async function demandLog(file: string): Promise<void> {
  const mark = markOf(file);
  if (!(await isThere(mark)) || (await isThere(`${file}-wal`))) return;
  throw corruptError(
    file,
    `its log ${file}-wal, with the last changes before the crash, is missing; put it back, or, if the file was restored or another program has closed it, remove ${mark}`,
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
  if (await isThere(markOf(file))) {
    // before the log: a mark without a log would mean that the log was lost
    await rm(markOf(file), { force: true });
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
