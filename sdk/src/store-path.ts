import { InputError } from './errors.js';

/** Every path of a store begins with this. */
export const STORE_ROOT = 'dw://internal/';
/** Long enough for a plugin, a kind and two hashes; short enough for an index entry of every database. */
export const MAX_STORE_PATH_LENGTH = 1_024;

/**
 * Throws `InputError` (`STORE_PATH_INVALID`) unless `path` is a store path: `dw://internal/` and segments between single
 * slashes, none of them empty, `.` or `..`, without control characters or broken surrogates, at most 1,024 characters in all.
 */
export function assertStorePath(path: string): void {
  const problem = storePathProblem(path);
  if (problem !== null) throw storePathError(path, problem);
}

/** What is wrong with a path, or `null`. */
export function storePathProblem(path: string): string | null {
  if (typeof path !== 'string') return 'it is no string';
  if (!path.startsWith(STORE_ROOT)) return `it must start with ${STORE_ROOT}`;
  if (path.length > MAX_STORE_PATH_LENGTH) return `it has ${path.length} characters, at most ${MAX_STORE_PATH_LENGTH} are allowed`;
  // two broken surrogates become the same replacement character in UTF-8: two paths would share one value
  if (!path.isWellFormed()) return 'it holds half of a surrogate pair';
  if (/\p{Cc}/u.test(path)) return 'it holds a control character';
  for (const segment of path.slice(STORE_ROOT.length).split('/')) {
    if (segment === '') return 'a segment is empty';
    if (segment === '.' || segment === '..') return `a segment is "${segment}"`;
  }
  return null;
}

export function storePathError(path: string, problem: string): InputError {
  const shown = JSON.stringify(String(path).slice(0, 100));
  return new InputError('STORE_PATH_INVALID', `${shown} is no store path: ${problem}. Use ${STORE_ROOT}<kind>/<name>`);
}
