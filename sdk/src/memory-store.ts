import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { assertStorePath } from './store-path.js';

/** A store that forgets everything with the process: for tests and for hosts that must leave no trace. */
export class MemoryStore implements IPersistentBackingStore {
  readonly #values = new Map<string, Uint8Array>();

  async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    assertStorePath(path);
    signal?.throwIfAborted();
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
}
