/**
 * Durable bytes under paths such as `dw://internal/wasm-config/fib`.
 *
 * Promises of every implementation (checked by `checkStore` of `@bellows/sdk/testing`):
 * - a write that resolved is read back by any later read, also after a crash where the store is durable;
 * - a read while a write or delete of its path is under way gives the old value or the new one, whole;
 * - a write or delete that was aborted or threw left the old value or the new one, never a part;
 * - writes to one path apply in the order they were made, a stream when its source has ended; nothing else is ordered;
 * - values are copied: changing the array after the call, or the array a read gave, changes nothing stored;
 * - `InputError` with code `STORE_VALUE_INVALID` for a value that is no bytes (text, an object, `undefined`), and nothing is changed;
 * - `InputError` with code `STORE_PATH_INVALID` for a path that is no store path (see {@link assertStorePath}).
 */
export interface IPersistentBackingStore {
  /** Replaces what was there. Durable when it resolves. */
  write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** `null` when there is nothing; an empty value is an empty array. */
  read(path: string, signal?: AbortSignal): Promise<Uint8Array | null>;
  /** Silent when there is nothing. */
  delete(path: string, signal?: AbortSignal): Promise<void>;
  /** Every path that starts with `prefix`, sorted by code unit. */
  list(prefix: string, signal?: AbortSignal): Promise<readonly string[]>;
  exists(path: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * For values too large to hold at once; a store that has it has `readStream` too. Nothing is visible before it resolves, durable as a write. An array
   * may be used again when the next one is asked for; the source is asked only as fast as the store takes. When the source throws, rejects with that; when the
   * signal aborts, with its reason, also while the source is silent. Either way the old value stays, and the source is closed.
   */
  writeStream?(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  /**
   * The value as it was when the first chunk was asked for, whatever happens to its path meanwhile; every chunk is whole and right when it comes. Values that
   * `write` wrote too. `NotFoundError` (`STORE_VALUE_MISSING`) when there is none. Read it to the end or leave its loop: until then the store keeps the value.
   */
  readStream?(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
