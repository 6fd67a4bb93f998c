import { NotFoundError } from './errors.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { assertStorePath } from './store-path.js';
import { piecesOf, slicesOf } from './store-pieces.js';
import { assertStoreValue } from './store-value.js';

/** A store that forgets everything with the process: for tests and for hosts that must leave no trace. */
export class MemoryStore implements IPersistentBackingStore {
  readonly #values = new Map<string, Uint8Array>();

  async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    assertStorePath(path);
    signal?.throwIfAborted();
    assertStoreValue(path, data);
    this.#values.set(path, new Uint8Array(data));
  }

  async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    assertStorePath(path);
    signal?.throwIfAborted();
    const value = this.#values.get(path);
    return value === undefined ? null : new Uint8Array(value);
  }

  async delete(path: string, signal?: AbortSignal): Promise<void> {
    assertStorePath(path);
    signal?.throwIfAborted();
    this.#values.delete(path);
  }

  async list(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    signal?.throwIfAborted();
    return [...this.#values.keys()].filter((path) => path.startsWith(prefix)).sort();
  }

  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    assertStorePath(path);
    signal?.throwIfAborted();
    return this.#values.has(path);
  }

  async writeStream(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    assertStorePath(path);
    signal?.throwIfAborted();
    const pieces: Uint8Array[] = [];
    for await (const piece of piecesOf(chunks, signal)) pieces.push(piece);
    signal?.throwIfAborted();
    const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#values.set(path, whole);
  }

  async *readStream(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    assertStorePath(path);
    signal?.throwIfAborted();
    // a value is replaced and never changed: this one stays what it is
    const value = this.#values.get(path);
    if (value === undefined) throw new NotFoundError('STORE_VALUE_MISSING', `The store has no value at ${path}`);
    for (const piece of slicesOf(value)) {
      signal?.throwIfAborted();
      yield piece;
    }
  }
}
