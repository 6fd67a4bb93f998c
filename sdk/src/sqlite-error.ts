import { type BellowsError, ConfigError, InvariantError, isBellowsError, messageOf, NotReadyError } from './errors.js';

/**
 * What an error of `node:sqlite` means for whoever uses the store in `file`: `STORE_CORRUPT`, `STORE_FULL`, `STORE_BUSY`, `STORE_UNREACHABLE`,
 * `STORE_FAILED`. One that says so itself stays as it is.
 */
export function sqliteError(error: unknown, file: string): BellowsError {
  if (isBellowsError(error)) return error;
  const extended = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) : -1;
  const code = extended === -1 ? -1 : extended & 0xff;
  const options = { cause: error };
  if (extended === SQLITE_IOERR_SHORT_READ) return corruptError(file, 'it was cut off', error);
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corruptError(file, messageOf(error), error);
    case SQLITE_FULL:
      return new NotReadyError('STORE_FULL', `The store ${file} cannot grow: free disk space or raise its limit, then try again`, options);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new NotReadyError('STORE_BUSY', `Another process holds the store ${file}: end it, or try again later`, options);
    case SQLITE_READONLY:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return new NotReadyError(
        'STORE_UNREACHABLE',
        `The store ${file} cannot be used (${messageOf(error)}): check that its folder exists and may be written, and the disk`,
        options,
      );
    default:
      return new InvariantError('STORE_FAILED', `The store ${file} failed (${messageOf(error)}): please report this`, options);
  }
}

/** `problem` says what was seen. */
export function corruptError(file: string, problem: string, cause?: unknown): ConfigError {
  return new ConfigError(
    'STORE_CORRUPT',
    `The store ${file} is damaged or none (${problem}): restore it from a backup, or move it and all files whose names begin with its name away to start empty`,
    { ...(cause === undefined ? {} : { cause }), status: 500 },
  );
}

/** https://www.sqlite.org/rescode.html; the low byte is the primary code. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;
const SQLITE_IOERR_SHORT_READ = 522;
