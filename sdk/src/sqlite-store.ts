import { demandOptionNames } from './demand-option-names.js';
import { InputError, NotFoundError, NotReadyError } from './errors.js';
import { optionNames } from './known-options.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import type { OpenSqliteFile } from './sqlite/sqlite-file.js';
import type { StreamHead } from './sqlite/sqlite-protocol.js';
import { sqliteError } from './sqlite-error.js';
import { assertStorePath } from './store-path.js';
import { piecesOf } from './store-pieces.js';
import { assertStoreValue } from './store-value.js';

export interface SqliteStoreOptions {
  /** How long a statement waits for another process that holds the file. Default 1,000 ms. */
  readonly busyTimeoutMs?: number;
  /** How large the file may grow; a write past it is refused with `STORE_FULL`. Default: as large as the disk. */
  readonly maxBytes?: number;
  /** Size of the pages of a file that is made now: a power of two, 512 to 65,536; large pages suit large values. Default 4,096. */
  readonly pageBytes?: number;
}

/**
 * A store in one SQLite file: write-ahead log, synced at every commit. What resolved survives a crash of the process and of the
 * machine. A thread of its own writes, and reads what is larger than 64 KiB; the event loop never waits for the disk to sync. All writes
 * and deletes that come together share one commit, because the sync to disk is what costs. `write` copies its array at the call (100 MB take some 40 ms
 * of the event loop): give large values to `writeStream`, which holds about 2 MiB.
 *
 * Every value has a checksum. One that is not what was written is `STORE_CORRUPT`, and so is a path that is lost in the index: a value is never
 * made up, and never silently gone. What nobody can see in the file is not found: the end of a log cut off as by a crash in the middle of a write.
 *
 * Errors: `STORE_CORRUPT`, `STORE_FULL`, `STORE_BUSY`, `STORE_UNREACHABLE`, `STORE_WRITER_LOST`, and `STORE_CLOSED` after `close`. A
 * write that rejected with one of these has left the old value, except with `STORE_WRITER_LOST`: old or new, nobody knows.
 */
export class SqliteStore implements IPersistentBackingStore, AsyncDisposable {
  readonly #file: string;
  readonly #opened: OpenSqliteFile;
  readonly #streams: StreamsInUse;
  #lastStream: number;
  #closing: Promise<void> | undefined;

  private constructor(file: string, opened: OpenSqliteFile, streams: StreamsInUse) {
    this.#file = file;
    this.#opened = opened;
    this.#streams = streams;
    this.#lastStream = opened.reader.nextStream();
  }

  /**
   * Opens or makes the file, readable for its owner only; its folder must be there. One process at a time should have it open. A file of
   * version 0.1 becomes one of this version, which 0.1 cannot read; each of its values is read and written once for that. Rejects with
   * `InputError` (`STORE_OPTIONS_INVALID`) for options that are unknown, and has not touched the file then.
   */
  static async open(file: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    demandOptionNames(options, {
      known: OPTIONS,
      fault: (text) => new InputError('STORE_OPTIONS_INVALID', `The store ${file} cannot be opened: ${text}`),
    });
    const { busyTimeoutMs = 1_000, maxBytes = null, pageBytes = 4_096 } = options;
    // not at the top: the modules cost start-up time of every process that imports this package
    const { openSqliteFile } = await import('./sqlite/sqlite-file.js');
    const streams = new StreamsInUse();
    const opened = await openSqliteFile(file, { busyTimeoutMs, maxBytes, pageBytes, streamsInUse: () => streams.all() });
    try {
      return new SqliteStore(file, opened, streams);
    } catch (error) {
      await opened.close();
      throw sqliteError(error, file);
    }
  }

  async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    assertStoreValue(path, data);
    // a copy at once: the caller may go on using its array
    await this.#replace({ kind: 'put', path, data: new Uint8Array(data), stream: (this.#lastStream += 1) }, signal);
  }

  async delete(path: string, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    await this.#replace({ kind: 'remove', path }, signal);
  }

  async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#check(path, signal);
    const found = this.#attempt(() => this.#opened.reader.find(path));
    if (found === undefined) return null;
    if ('data' in found) return found.data;
    this.#streams.begin(found.stream);
    try {
      const value = await this.#opened.writer.whole(found);
      signal?.throwIfAborted();
      return value;
    } finally {
      this.#endStream(found.stream);
    }
  }

  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    this.#check(path, signal);
    return this.#attempt(() => this.#opened.reader.find(path)) !== undefined;
  }

  async list(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#check(null, signal);
    return this.#attempt(() => this.#opened.reader.list(prefix));
  }

  async writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    const stream = (this.#lastStream += 1);
    this.#streams.begin(stream);
    let head: StreamHead = { stream, pieces: 0, bytes: 0 };
    try {
      for await (const data of piecesOf(chunks, signal)) {
        this.#check(null, signal);
        const bytes = head.bytes + data.length;
        await this.#opened.writer.change({ kind: 'piece', stream, seq: head.pieces, data }, signal);
        head = { stream, pieces: head.pieces + 1, bytes };
      }
      this.#check(null, signal);
      await this.#replace({ kind: 'finish', path, ...head }, signal);
    } catch (error) {
      // also where nobody knows whether it became a value: then it stays
      this.#streams.replaced(stream);
      throw error;
    } finally {
      this.#endStream(stream);
    }
  }

  async *readStream(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#check(path, signal);
    const found = this.#attempt(() => this.#opened.reader.find(path));
    if (found === undefined) throw new NotFoundError('STORE_VALUE_MISSING', `The store has no value at ${path}`);
    if ('data' in found) {
      if (found.data.length > 0) yield found.data;
      return;
    }
    this.#streams.begin(found.stream);
    try {
      for (let seq = 0; seq < found.pieces; seq += 1) {
        this.#check(null, signal);
        const piece = await this.#opened.writer.piece(found.stream, seq);
        signal?.throwIfAborted();
        yield piece;
      }
    } finally {
      this.#endStream(found.stream);
    }
  }

  /**
   * Commits what is pending, then closes the file; streams under way reject. Twice is fine; every other call afterwards rejects with
   * `STORE_CLOSED`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#opened.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #replace(change: Parameters<OpenSqliteFile['writer']['change']>[0], signal: AbortSignal | undefined): Promise<void> {
    const replaced = await this.#opened.writer.change(change, signal);
    if (replaced === null) return;
    this.#streams.replaced(replaced);
    this.#purge(replaced);
  }

  #endStream(stream: number): void {
    this.#streams.end(stream);
    this.#purge(stream);
  }

  /** Not waited for; what is left over goes when the file is opened again. */
  #purge(stream: number): void {
    if (!this.#streams.takeUnused(stream) || this.#closing !== undefined) return;
    this.#opened.writer.change({ kind: 'purge', stream }).catch(() => {});
  }

  #check(path: string | null, signal: AbortSignal | undefined): void {
    if (path !== null) assertStorePath(path);
    signal?.throwIfAborted();
    if (this.#closing === undefined) return;
    throw new NotReadyError('STORE_CLOSED', `The store ${this.#file} is closed: use it only between start and stop`);
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(error, this.#file);
    }
  }
}

const OPTIONS = optionNames<SqliteStoreOptions>({ busyTimeoutMs: true, maxBytes: true, pageBytes: true });

/** Pieces of a replaced value stay until those who read it have ended. */
class StreamsInUse {
  readonly #users = new Map<number, number>();
  readonly #replaced = new Set<number>();

  begin(stream: number): void {
    this.#users.set(stream, (this.#users.get(stream) ?? 0) + 1);
  }

  end(stream: number): void {
    const users = (this.#users.get(stream) ?? 1) - 1;
    if (users === 0) this.#users.delete(stream);
    else this.#users.set(stream, users);
  }

  replaced(stream: number): void {
    this.#replaced.add(stream);
  }

  /** Whether its pieces should be removed now; says so once. */
  takeUnused(stream: number): boolean {
    return !this.#users.has(stream) && this.#replaced.delete(stream);
  }

  all(): readonly number[] {
    return [...this.#users.keys()];
  }
}
