import { systemClock } from './clock.js';
import { NotFoundError, NotReadyError } from './errors.js';
import type { ValueFolder } from './file-tree/value-folder.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { Semaphore } from './semaphore.js';
import { assertStorePath } from './store-path.js';
import { piecesOf, slicesOf } from './store-pieces.js';
import { assertStoreValue } from './store-value.js';

/** Node has four threads for files; more at once would only hold more of them open. */
const MAX_FILES_AT_ONCE = 16;

/**
 * A store with one file for each value, in one folder: for values of many MB, which are moved, backed up and removed one by one, and where one
 * damaged file must not be the end of the others. Small values are quicker in a `SqliteStore`. A write goes to a file beside, is synced and renamed,
 * and the folder is synced: what resolved survives a crash of the process and of the machine. Streams and reads hold about 1 MiB.
 *
 * Every file says which path it belongs to and has checksums: `STORE_CORRUPT` names the file that is not what was written. A file that somebody removed is a
 * value that is gone. Other errors: `STORE_FULL`, `STORE_UNREACHABLE`, and `STORE_CLOSED` after `close`.
 */
export class FileTreeStore implements IPersistentBackingStore, AsyncDisposable {
  readonly #name: string;
  readonly #folder: ValueFolder;
  readonly #files = new Semaphore({ permits: MAX_FILES_AT_ONCE, clock: systemClock });
  /** The last change of each path that has any under way. */
  readonly #last = new Map<string, Promise<void>>();
  #closing: Promise<void> | undefined;

  private constructor(name: string, folder: ValueFolder) {
    this.#name = name;
    this.#folder = folder;
  }

  /**
   * Makes the folder where it is missing, for its owner only, and removes what a killed process left half written. So one process at a time
   * may have it open, and only one store.
   */
  static async open(folder: string): Promise<FileTreeStore> {
    // not at the top: the modules cost start-up time of every process that imports this package
    const { ValueFolder } = await import('./file-tree/value-folder.js');
    return new FileTreeStore(folder, await ValueFolder.open(folder));
  }

  async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    assertStoreValue(path, data);
    // a copy at once: the caller may go on using its array
    const pieces = [...slicesOf(data)];
    await this.#inTurn(path, () => this.#withFile(signal, async () => (await this.#folder.stage(path, pieces)).publish()));
  }

  async delete(path: string, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    await this.#inTurn(path, () => this.#withFile(signal, () => this.#folder.remove(path)));
  }

  async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#check(path, signal);
    return this.#withFile(signal, () =>
      this.#folder.read(path, async ({ bytes, pieces }) => {
        const whole = new Uint8Array(bytes);
        let at = 0;
        for await (const piece of pieces()) {
          signal?.throwIfAborted();
          whole.set(piece, at);
          at += piece.length;
        }
        return whole;
      }),
    );
  }

  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    this.#check(path, signal);
    return this.#folder.exists(path);
  }

  /** Reads the names of all files, and the beginning of those whose path is too long for a name. */
  async list(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#check(null, signal);
    const paths = await this.#withFile(signal, () => this.#folder.paths());
    return paths.filter((path) => path.startsWith(prefix)).sort();
  }

  async writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    // not among those that wait for a file: a source may take its time
    const staged = await this.#folder.stage(path, piecesOf(chunks, signal));
    await this.#inTurn(path, async () => {
      try {
        this.#check(null, signal);
      } catch (error) {
        await staged.discard();
        throw error;
      }
      await staged.publish();
    });
  }

  async *readStream(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#check(path, signal);
    const found = await this.#folder.openValue(path);
    if (found === null) throw new NotFoundError('STORE_VALUE_MISSING', `The store has no value at ${path}`);
    try {
      for await (const piece of found.value.pieces()) {
        this.#check(null, signal);
        yield piece;
      }
    } finally {
      await found.close();
    }
  }

  /** Resolves when all changes under way have ended. Twice is fine; every other call afterwards rejects with `STORE_CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= Promise.all(this.#last.values()).then(() => this.#folder.close());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(path: string | null, signal: AbortSignal | undefined): void {
    if (path !== null) assertStorePath(path);
    signal?.throwIfAborted();
    if (this.#closing === undefined) return;
    throw new NotReadyError('STORE_CLOSED', `The store ${this.#name} is closed: use it only between start and stop`);
  }

  /** Changes of one path one after the other, in the order of the calls. */
  #inTurn(path: string, work: () => Promise<void>): Promise<void> {
    const before = this.#last.get(path);
    const done = before === undefined ? work() : before.then(work);
    const settled = done.then(
      () => {},
      () => {},
    );
    const leaving = settled.then(() => {
      if (this.#last.get(path) === leaving) this.#last.delete(path);
    });
    this.#last.set(path, leaving);
    return done;
  }

  async #withFile<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const permit = await this.#files.acquire(signal === undefined ? {} : { signal });
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      permit?.release();
    }
  }
}
