import type { ErrorDetail } from '@bellows/sdk';
import { computeError } from './errors.js';

const MAX_PATH_LENGTH = 4_096;

/**
 * Checks the paths of the files given to a guest: relative, inside of its folder, each once, none a folder of another.
 * `FILES_INVALID` names every one that is not.
 */
export function checkGuestPaths(paths: readonly string[]): void {
  const details: ErrorDetail[] = [];
  const seen = new Set<string>();
  const folders = new Set(paths.flatMap(foldersOf));
  paths.forEach((path, index) => {
    const problem = problemOf(path) ?? (seen.has(path) ? 'is given twice' : folders.has(path) ? 'is a folder of another file too' : null);
    seen.add(path);
    if (problem !== null) details.push({ path: `files.${index}.path`, message: `${JSON.stringify(path.slice(0, 100))} ${problem}` });
  });
  if (details.length === 0) return;
  const all = details.map(({ message }) => message).join('; ');
  throw computeError('FILES_INVALID', `Files cannot be given to the guest: ${all}. Use relative paths such as "folder/name"`, { details });
}

function problemOf(path: string): string | null {
  if (path === '' || path.length > MAX_PATH_LENGTH) return `has ${path.length} characters, 1 to ${MAX_PATH_LENGTH} are allowed`;
  if (path.includes('\0')) return 'holds a NUL character';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.startsWith('/')) return 'is absolute';
  const parts = path.split('/');
  if (parts.includes('..')) return 'leads out of the folder';
  return parts.includes('') || parts.includes('.') ? 'holds an empty or "." part' : null;
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
