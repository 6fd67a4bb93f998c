import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isFileThere, makeNewFile, syncFolder } from '../new-file.js';
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

/** Opens the file `name`, makes it where it is missing, and brings one of version 0.1 to this one. Errors as of the store. */
export async function openSqliteFile(name: string, options: SqliteFileOptions): Promise<OpenSqliteFile> {
  // the thread starts later, and the working folder may be another one then
  const file = path.resolve(name);
  let database: DatabaseSync | undefined;
  try {
    if (!(await isFileThere(file))) await makeFile(file, options.pageBytes);
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

/** Readable for its owner only, and so is the log beside it, which gets the rights of the file. */
async function makeFile(file: string, pageBytes: number): Promise<void> {
  await demandNoRemains(file);
  await makeNewFile(file, async (aside) => build(aside, pageBytes));
}

/** SQLite would write a log that is there into the new file, pages of another one among its own. */
async function demandNoRemains(file: string): Promise<void> {
  for (const remains of [`${file}-wal`, countFileOf(file)]) {
    // asked again, because another process may have made the file meanwhile
    if ((await isFileThere(remains)) && !(await isFileThere(file))) throw corruptError(file, `it is gone, and ${remains} of it is there`);
  }
}

function build(aside: string, pageBytes: number): void {
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
    `${acknowledged - count} of the last commits are missing: its log ${file}-wal was removed or damaged, or the file itself is an older one; put the log back, or remove ${countFile} to go on without them`,
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
  if (await isFileThere(countFileOf(file))) {
    await rm(countFileOf(file), { force: true });
    await syncFolder(path.dirname(file));
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
