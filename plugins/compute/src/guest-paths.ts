import type { ErrorDetail } from '@bellows/sdk';
import { computeError } from './errors.js';
import { shortened } from './shortened.js';

const MAX_PATH_LENGTH = 4_096;
/** Deeper than the file trees of real programs; every folder of every path is looked at. */
const MAX_DEPTH = 64;
/** A guest may make as many itself. */
const MAX_FILES = 10_000;
/** Of all paths together: checking costs this times the depth. */
const MAX_TOTAL_LENGTH = 1024 * 1024;
/** The first few say what is wrong with the rest. */
const MAX_DETAILS = 20;

/**
 * Checks the paths of the files given to a guest: relative, inside of its folder, each once, none a folder of another,
 * and not more than the host can check at once. `FILES_INVALID` names the first that are not.
 */
export function checkGuestPaths(paths: readonly string[]): void {
  const totalLength = paths.reduce((sum, path) => sum + path.length, 0);
  if (paths.length > MAX_FILES || totalLength > MAX_TOTAL_LENGTH) {
    throw invalid(
      `${paths.length} files with ${totalLength} characters in their paths are given, at most ${MAX_FILES} with ${MAX_TOTAL_LENGTH} are taken`,
      [],
    );
  }
  const details: ErrorDetail[] = [];
  const seen = new Set<string>();
  const folders = new Set(paths.flatMap(foldersOf));
  for (const [index, path] of paths.entries()) {
    const problem = problemOf(path) ?? (seen.has(path) ? 'is given twice' : folders.has(path) ? 'is a folder of another file too' : null);
    seen.add(path);
    if (problem !== null) details.push({ path: `files.${index}.path`, message: `${JSON.stringify(shortened(path))} ${problem}` });
    if (details.length === MAX_DETAILS) break;
  }
  if (details.length > 0) throw invalid(details.map(({ message }) => message).join('; '), details);
}

function problemOf(path: string): string | null {
  if (path === '' || path.length > MAX_PATH_LENGTH) return `has ${path.length} characters, 1 to ${MAX_PATH_LENGTH} are allowed`;
  if (path.includes('\0')) return 'holds a NUL character';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.startsWith('/')) return 'is absolute';
  const parts = path.split('/');
  if (parts.length > MAX_DEPTH) return `has ${parts.length} parts, at most ${MAX_DEPTH} are allowed`;
  if (parts.includes('..')) return 'leads out of the folder';
  return parts.includes('') || parts.includes('.') ? 'holds an empty or "." part' : null;
}

/** Those of a path that is too deep are not wanted: it is refused anyway. */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf('/'); at >= 0 && folders.length < MAX_DEPTH; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at));
  return folders;
}

function invalid(what: string, details: readonly ErrorDetail[]) {
  return computeError('FILES_INVALID', `Files cannot be given to the guest: ${what}. Use relative paths such as "folder/name"`, {
    details,
  });
}
