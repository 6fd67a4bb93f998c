import type { IPersistentBackingStore } from './persistent-backing-store.js';
import { assertStorePath, MAX_STORE_PATH_LENGTH, STORE_ROOT, storePathError } from './store-path.js';

/**
 * A view of `store` in which `owner` is alone: `dw://internal/x` of the view is `dw://internal/@<owner>/x` of the store.
 * The owner sees its own paths only, under the names it chose, and has no way to name another's. Scopes nest.
 * `InputError` (`STORE_PATH_INVALID`) for an owner that is no single path segment.
 */
export function scopedStore(store: IPersistentBackingStore, owner: string): IPersistentBackingStore {
  if (owner === '' || owner.includes('/')) throw storePathError(owner, 'the owner of a scope is one segment, without a slash');
  const root = `${STORE_ROOT}@${owner}/`;
  assertStorePath(`${root}x`);

  const inner = (path: string): string => {
    assertStorePath(path);
    const scoped = root + path.slice(STORE_ROOT.length);
    const excess = scoped.length - MAX_STORE_PATH_LENGTH;
    // told in the owner's own terms; the store below would name a path the owner never wrote
    if (excess > 0) throw storePathError(path, `it is too long by ${excess} characters`);
    return scoped;
  };
  const { writeStream, readStream } = store;

  return {
    write: async (path, data, signal) => store.write(inner(path), data, signal),
    read: async (path, signal) => store.read(inner(path), signal),
    delete: async (path, signal) => store.delete(inner(path), signal),
    exists: async (path, signal) => store.exists(inner(path), signal),
    async list(prefix, signal) {
      const scoped = scopedPrefix(root, prefix);
      if (scoped === null) return [];
      const paths = await store.list(scoped, signal);
      return paths.map((path) => STORE_ROOT + path.slice(root.length));
    },
    ...(writeStream === undefined
      ? {}
      : { writeStream: async (path, chunks, signal) => writeStream.call(store, inner(path), chunks, signal) }),
    ...(readStream === undefined ? {} : { readStream: (path, signal) => readStream.call(store, inner(path), signal) }),
  };
}

/** `null` when no path can begin with `prefix`. */
function scopedPrefix(root: string, prefix: string): string | null {
  if (prefix.startsWith(STORE_ROOT)) return root + prefix.slice(STORE_ROOT.length);
  return STORE_ROOT.startsWith(prefix) ? root : null;
}
