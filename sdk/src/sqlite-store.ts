import { open } from 'node:fs/promises';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { NotReadyError } from './errors.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { sqliteError } from './sqlite-error.js';
import { assertStorePath } from './store-path.js';

export interface SqliteStoreOptions {
  /** How long a statement waits, blocking, for another process that holds the file. Default 1,000 ms. */
  readonly busyTimeoutMs?: number;
  /** How large the file may grow; a write past it is refused with `STORE_FULL`. Default: as large as the disk. */
  readonly maxBytes?: number;
  /** Size of the pages of a file that is made now: a power of two, 512 to 65,536; large pages suit large values. Default 4,096. */
  readonly pageBytes?: number;
}

/**
 * A store in one SQLite file: write-ahead log, synced at every commit. What resolved survives a crash of the process and of the
 * machine. All writes and deletes of one event-loop turn share one commit, because the sync to disk is what costs.
 *
 * Errors: `STORE_CORRUPT`, `STORE_FULL`, `STORE_BUSY`, `STORE_UNREACHABLE`, and `STORE_CLOSED` after `close`.
 */
export class SqliteStore implements IPersistentBackingStore, AsyncDisposable {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  #pending: Change[] = [];
  #closed = false;

  private constructor(file: string, database: DatabaseSync) {
    this.#file = file;
    this.#database = database;
    this.#statements = prepare(database);
  }

  /** Opens or makes the file, readable for its owner only; its folder must be there. One process at a time should have it open. */
  static async open(file: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    // not at the top: the module costs start-up time of every process that imports this package
    const { DatabaseSync } = await import('node:sqlite');
    await makePrivate(file);
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(file, { timeout: options.busyTimeoutMs ?? 1_000 });
      configure(database, options);
      return new SqliteStore(file, database);
    } catch (error) {
      database?.close();
      throw sqliteError(error, file);
    }
  }

  write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    // a copy at once: the caller may go on using its array
    return this.#change(path, () => new Uint8Array(data), signal);
  }

  delete(path: string, signal?: AbortSignal): Promise<void> {
    return this.#change(path, () => null, signal);
  }

  async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#check(path, signal);
    const row = this.#attempt(() => this.#statements.read.get(path));
    return row === undefined ? null : (row.data as Uint8Array);
  }

  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    this.#check(path, signal);
    return this.#attempt(() => this.#statements.exists.get(path)) !== undefined;
  }

  async list(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#check(null, signal);
    // SQLite sorts by UTF-8 bytes, so what begins with the prefix stands together; half a surrogate pair has no bytes of its own
    const from = prefix.isWellFormed() ? prefix : '';
    const paths: string[] = [];
    this.#attempt(() => {
      for (const row of this.#statements.list.iterate(from)) {
        const path = row.path as string;
        if (!path.startsWith(from)) break;
        if (path.startsWith(prefix)) paths.push(path);
      }
    });
    return paths.sort();
  }

  /** Commits what is pending, then closes the file. Twice is fine; every other call afterwards rejects with `STORE_CLOSED`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#commitPending();
    this.#closed = true;
    this.#attempt(() => this.#database.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #change(path: string, copy: () => Uint8Array | null, signal: AbortSignal | undefined): Promise<void> {
    this.#check(path, signal);
    const data = copy();
    return new Promise((resolve, reject) => {
      this.#pending.push({ path, data, signal, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#commitPending());
    });
  }

  #check(path: string | null, signal: AbortSignal | undefined): void {
    if (path !== null) assertStorePath(path);
    signal?.throwIfAborted();
    if (this.#closed) throw closedError(this.#file);
  }

  #commitPending(): void {
    const changes = this.#pending.filter((change) => {
      if (change.signal?.aborted) change.reject(change.signal.reason);
      return !change.signal?.aborted;
    });
    this.#pending = [];
    if (changes.length === 0) return;
    try {
      this.#commit(changes);
      for (const change of changes) change.resolve();
    } catch (error) {
      if (changes.length === 1) changes[0]?.reject(error);
      // one of many that cannot be stored must not take the others with it
      else for (const change of changes) this.#commitAlone(change);
    }
  }

  #commitAlone(change: Change): void {
    try {
      this.#commit([change]);
      change.resolve();
    } catch (error) {
      change.reject(error);
    }
  }

  #commit(changes: readonly Change[]): void {
    const { begin, commit, write, remove } = this.#statements;
    try {
      begin.run();
      for (const { path, data } of changes) {
        if (data === null) remove.run(path);
        else write.run(path, data);
      }
      commit.run();
    } catch (error) {
      this.#rollback();
      throw sqliteError(error, this.#file);
    }
  }

  #rollback(): void {
    try {
      // SQLite has rolled back by itself after some errors, a full disk among them
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch {
      // the error that led here is the one to tell
    }
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#file);
    }
  }
}

interface Change {
  readonly path: string;
  /** `null` deletes. */
  readonly data: Uint8Array | null;
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Statements {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly write: StatementSync;
  readonly remove: StatementSync;
  readonly read: StatementSync;
  readonly exists: StatementSync;
  readonly list: StatementSync;
}

const MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024;

/**
 * SQLite would make a file that everybody can read. The log beside it gets the rights of the file. Only a new file is opened here: to
 * close one that this process has open elsewhere would let go of the locks of SQLite.
 */
async function makePrivate(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch {
    // it is there already; or else SQLite fails next, and its error is the one that callers know
  }
}

function configure(database: DatabaseSync, { maxBytes, pageBytes: wantedPageBytes }: SqliteStoreOptions): void {
  // before anything is written; a file that is there keeps its own
  if (wantedPageBytes !== undefined) database.exec(`PRAGMA page_size = ${Math.floor(wantedPageBytes)}`);
  database.exec('PRAGMA journal_mode = WAL');
  // FULL syncs the log at every commit; the usual NORMAL may lose the last commits when the power goes
  database.exec('PRAGMA synchronous = FULL');
  // a log that one large burst made long is cut back, instead of staying so until the store is closed
  database.exec(`PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
  database.exec('CREATE TABLE IF NOT EXISTS entries (path TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT');
  if (maxBytes !== undefined) {
    const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.page_size);
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
  }
}

function prepare(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    write: database.prepare('INSERT INTO entries (path, data) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET data = excluded.data'),
    remove: database.prepare('DELETE FROM entries WHERE path = ?'),
    read: database.prepare('SELECT data FROM entries WHERE path = ?'),
    exists: database.prepare('SELECT 1 FROM entries WHERE path = ?'),
    list: database.prepare('SELECT path FROM entries WHERE path >= ? ORDER BY path'),
  };
}

function closedError(file: string): NotReadyError {
  return new NotReadyError('STORE_CLOSED', `The store ${file} is closed: use it only between start and stop`);
}
