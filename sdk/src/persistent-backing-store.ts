/**
 * Durable bytes under paths such as `dw://internal/wasm-config/fib`. (Seed 000.)
 *
 * Promises of every implementation (checked by `checkStore` of `@bellows/sdk/testing`):
 * - a write that resolved is read back by any later read, also after a crash where the store is durable;
 * - a write or delete that was aborted or threw left the old value or the new one, never a part;
 * - writes to one path apply in the order they were made; nothing else is ordered;
 * - values are copied: changing the array after the call, or the array a read gave, changes nothing stored;
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
  /** For values too large to hold at once. Nothing is visible before it resolves. */
  writeStream?(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void>;
  readStream?(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
