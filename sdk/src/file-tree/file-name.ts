import { createHash } from 'node:crypto';
import { STORE_ROOT } from '../store-path.js';

/** Every file system takes names of 255 bytes; some encrypting ones take 143. */
const MAX_NAME_LENGTH = 140;
const READABLE = 'v=';
const HASHED = 'h=';
const TEMPORARY = 't=';

/**
 * The file of a store path, in one folder for all. Small letters, digits, `-`, `_` and `.` stand for themselves, every other byte as `%` and two small
 * hexadecimal digits: so no two paths share a file where case or Unicode forms are not told apart, no name leaves the folder, and none
 * is a device. A path that gets too long for that is a hash; then its file says which path it is.
 */
export function nameOf(path: string): string {
  const name = READABLE + escaped(path.slice(STORE_ROOT.length));
  return name.length <= MAX_NAME_LENGTH ? name : HASHED + createHash('sha256').update(path).digest('hex');
}

/** `null` where only the file itself says it. Undefined for a name that no path has. */
export function pathOf(name: string): string | null | undefined {
  if (name.startsWith(HASHED)) return null;
  if (!name.startsWith(READABLE)) return undefined;
  const path = STORE_ROOT + unescaped(name.slice(READABLE.length));
  return nameOf(path) === name ? path : undefined;
}

/** Whether a file is a value, or should be. */
export function isValueName(name: string): boolean {
  return name.startsWith(READABLE) || name.startsWith(HASHED);
}

export function temporaryName(unique: string): string {
  return TEMPORARY + unique;
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

function escaped(text: string): string {
  const name = [...Buffer.from(text)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[a-z0-9._-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  // Windows drops a dot at the end
  return name.endsWith('.') ? `${name.slice(0, -1)}%2e` : name;
}

function unescaped(name: string): string {
  const bytes = name.replace(/%([0-9a-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}
