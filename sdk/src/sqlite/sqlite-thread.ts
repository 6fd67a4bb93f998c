import { closeSync, openSync, writeSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { sqliteError } from '../sqlite-error.js';
import { countFileOf, createTables, dropFirstTable, firstValues, layoutOf } from './sqlite-layout.js';
import type { Change, ChangeResult, WriterAnswer, WriterData, WriterError, WriterRequest, WriterValue } from './sqlite-protocol.js';
import { ValueReader } from './value-reader.js';
import { ValueWriter } from './value-writer.js';

/** The thread of a `SqliteWriter`: it alone writes the file, one request after the other, and may block for the disk. */
const port = parentPort as MessagePort;
const { file, busyTimeoutMs, maxBytes, keep } = workerData as WriterData;
/** A log that one large burst made long is cut back to this, instead of staying so until the store is closed. */
const MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024;

/** Always the same length, so that a number is written over whole. */
const COUNT_DIGITS = 16;

interface OpenFile {
  readonly database: DatabaseSync;
  readonly reader: ValueReader;
  readonly writer: ValueWriter;
  /** Counts a commit inside of it; all within one transaction. */
  readonly count: StatementSync;
  countHandle: number | undefined;
}
let opened: OpenFile | undefined;

port.on('message', (request: WriterRequest) => {
  if (request.type === 'close') return close();
  try {
    // an open that failed is tried again by the next request
    opened ??= open();
    reply({ id: request.id, ok: true, value: perform(request, opened) });
  } catch (error) {
    reply({ id: request.id, ok: false, error: described(error) });
  }
});

function open(): OpenFile {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs });
  try {
    // a backup that SQLite made may have none; readers wait for no writer with it
    database.exec('PRAGMA journal_mode = WAL');
    // FULL syncs the log at every commit; the usual NORMAL may lose the last commits when the power goes
    database.exec('PRAGMA synchronous = FULL');
    database.exec(`PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
    if (layoutOf(database, file) === 'first') inTransaction(database, () => upgrade(database));
    if (maxBytes !== null) {
      const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.page_size);
      database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
    }
    const writer = new ValueWriter(database);
    inTransaction(database, () => writer.sweep(new Set(keep)));
    const count = database.prepare('UPDATE commits SET count = count + 1 WHERE id = 1 RETURNING count');
    return { database, reader: new ValueReader(database, file), writer, count, countHandle: undefined };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** All or nothing: a process that is killed in the middle leaves the file of version 0.1. */
function upgrade(database: DatabaseSync): void {
  createTables(database);
  const writer = new ValueWriter(database);
  let stream = 0;
  for (const { path, data } of firstValues(database)) writer.apply({ kind: 'put', path, data, stream: (stream += 1) });
  dropFirstTable(database);
}

function perform(request: Exclude<WriterRequest, { readonly type: 'close' }>, parts: OpenFile): WriterValue {
  switch (request.type) {
    case 'commit':
      return commit(request.changes, parts);
    case 'value':
      return parts.reader.whole(request);
    case 'piece':
      return parts.reader.piece(request.stream, request.seq);
    case 'open':
      return null;
  }
}

function commit(changes: readonly Change[], parts: OpenFile): readonly ChangeResult[] {
  const apply = (some: readonly Change[]) => {
    const { results, count } = inTransaction(parts.database, () => ({
      results: some.map((change): ChangeResult => ({ ok: true, replaced: parts.writer.apply(change) })),
      count: Number(parts.count.get()?.count),
    }));
    noteCount(parts, count);
    return results;
  };
  const alone = (change: Change): ChangeResult => {
    try {
      return apply([change])[0] as ChangeResult;
    } catch (error) {
      return { ok: false, error: described(error) };
    }
  };
  try {
    return apply(changes);
  } catch {
    // one of many that cannot be stored must not take the others with it
    return changes.map(alone);
  }
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  try {
    database.exec('BEGIN IMMEDIATE');
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      // SQLite has rolled back by itself after some errors, a full disk among them
      if (database.isTransaction) database.exec('ROLLBACK');
    } catch {
      // the error that led here is the one to tell
    }
    throw error;
  }
}

/** Before the commit is acknowledged. Not synced: it is for a log that is lost after a kill, and a sync would double what a commit costs. */
function noteCount(parts: OpenFile, count: number): void {
  try {
    parts.countHandle ??= openSync(countFileOf(file), 'w', 0o600);
    writeSync(parts.countHandle, `${String(count).padStart(COUNT_DIGITS, '0')}\n`, 0);
  } catch {
    // no room for it: what was committed is durable all the same
  }
}

function close(): void {
  try {
    if (opened?.countHandle !== undefined) closeSync(opened.countHandle);
    opened?.database.close();
  } finally {
    // with it the thread ends
    port.close();
  }
}

function reply(answer: WriterAnswer): void {
  const data = answer.ok && answer.value instanceof Uint8Array ? answer.value : undefined;
  port.postMessage(answer, data === undefined || data.byteLength !== data.buffer.byteLength ? [] : [data.buffer]);
}

function described(error: unknown): WriterError {
  const { kind, code, message, status } = sqliteError(error, file);
  return { kind, code, message, status };
}
