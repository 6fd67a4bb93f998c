import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@bellows/sdk';
import { systemFault } from '../system-fault.js';

/**
 * Writes a file that was named on the command line, over what stands there; makes its folder where it is missing. `given` is its name as
 * the operator wrote it. `InputError` (`FILE_UNWRITABLE`) with what to do; folders that were made by then stay.
 */
export async function writeOutput(file: string, text: string, given: string): Promise<void> {
  if (given === '') throw unwritable('a file', 'its name is empty', undefined);
  let at = file;
  try {
    for (const folder of await missingFolders(path.dirname(file))) {
      at = folder;
      await mkdir(folder).catch(unlessMadeMeanwhile);
    }
    at = file;
    await writeFile(file, text);
  } catch (error) {
    throw unwritable(given, `${at} ${systemFault(error, 'written')}`, error);
  }
}

/**
 * The outermost first. Not left to a recursive `mkdir`: that tries again for ever where a folder exists and takes no other, as in /proc,
 * and keeps the process from ending.
 */
async function missingFolders(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let at = folder; !(await exists(at)); at = path.dirname(at)) missing.unshift(at);
  return missing;
}

async function exists(at: string): Promise<boolean> {
  if (at === path.dirname(at)) return true;
  return stat(at).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

function unlessMadeMeanwhile(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unwritable(given: string, fault: string, cause: unknown): InputError {
  return new InputError('FILE_UNWRITABLE', `Cannot write ${given}: ${fault}. Name another file with --output.`, { cause });
}
