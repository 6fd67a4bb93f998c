import { stat } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/**
 * A database to look at. One that is `isStill`, because nobody has it open and nobody will, is left without files beside it, which SQLite makes
 * for others that may come; not where a log is left from a crash, which belongs to the content.
 */
export async function openToRead(file: string, isStill: boolean): Promise<DatabaseSync> {
  const { DatabaseSync } = await import('node:sqlite');
  const url = pathToFileURL(file);
  if (isStill && !(await hasLog(file))) url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
}

/** A host that holds it does so as long as it runs; others for a moment. */
const BUSY_TIMEOUT_MS = 250;

function hasLog(file: string): Promise<boolean> {
  return stat(`${file}-wal`).then(
    ({ size }) => size > 0,
    () => false,
  );
}
