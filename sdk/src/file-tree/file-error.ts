import { type BellowsError, ConfigError, InvariantError, isBellowsError, messageOf, NotReadyError } from '../errors.js';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What an error of the file system means for whoever uses a store of files: `STORE_FULL`, `STORE_UNREACHABLE`, `STORE_FAILED`. */
export function fileError(error: unknown, file: string): BellowsError {
  if (isBellowsError(error)) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const options = { cause: error };
  if (code !== undefined && FULL.has(code)) {
    return new NotReadyError('STORE_FULL', `There is no room for ${file} (${code}): free disk space, then try again`, options);
  }
  if (code !== undefined && /^E[A-Z0-9]+$/.test(code)) {
    const text = `${file} cannot be used (${messageOf(error)}): check that the folder of the store exists and may be written, and the disk`;
    return new NotReadyError('STORE_UNREACHABLE', text, options);
  }
  return new InvariantError('STORE_FAILED', `The file ${file} of a store failed (${messageOf(error)}): please report this`, options);
}

export function damagedFile(file: string, problem: string): ConfigError {
  const text = `The file ${file} of a store is damaged (${problem}): restore it from a backup, or move it away, which removes its value`;
  return new ConfigError('STORE_CORRUPT', text, { status: 500 });
}
