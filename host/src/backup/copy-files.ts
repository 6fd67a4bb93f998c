import { copyFile, mkdir, open, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf, RefusedError } from '@bellows/sdk';
import { damageOf, isEmpty } from './database-fault.js';
import { openToRead } from './open-to-read.js';

/** Copies a database as it is at one moment, while others write it unless it `isStill`. `RefusedError` (`BACKUP_FAILED`) where it cannot be read or is damaged. */
export async function copyDatabase(from: string, to: string, isStill: boolean): Promise<void> {
  const { backup } = await import('node:sqlite');
  await mkdir(path.dirname(to), { recursive: true, mode: PRIVATE_FOLDER });
  await (await open(to, 'wx', PRIVATE_FILE)).close();
  let database: DatabaseSync | undefined;
  try {
    database = await openToRead(from, isStill);
    // in one go: each commit of another process would make it begin anew
    await backup(database, to, { rate: ALL_PAGES });
  } catch (error) {
    // `node:sqlite` makes an error that is none where the file is held
    const isHeld = (error as { errcode?: number }).errcode === SQLITE_OK;
    const why = isHeld ? 'a process holds it, and no plugin offers to copy it: stop the host first' : messageOf(error);
    throw backupError(`${from} cannot be copied (${why})`, error);
  } finally {
    database?.close();
  }
}

/** Reads a copied database through and makes it durable. `RefusedError` (`BACKUP_FAILED`) where it is damaged or empty. */
export async function proveDatabase(file: string): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite');
  let fault: string | undefined;
  try {
    const database = new DatabaseSync(file);
    try {
      fault = isEmpty(database) ? 'it is empty' : damageOf(database);
    } finally {
      database.close();
    }
  } catch (error) {
    throw backupError(`the copy ${file} cannot be read (${messageOf(error)})`, error);
  }
  if (fault !== undefined) throw backupError(`the copy ${file} is damaged, and so most likely is what was copied (${fault})`);
  await sync(file);
}

/** Silent when it is gone by now. */
export async function copyPlain(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true, mode: PRIVATE_FOLDER });
  try {
    await copyFile(from, to);
    await sync(to);
  } catch (error) {
    const isGone = await stat(from).then(
      () => false,
      () => true,
    );
    if (!isGone) throw backupError(`${from} cannot be copied (${messageOf(error)})`, error);
  }
}

export function backupError(what: string, cause?: unknown): RefusedError {
  return new RefusedError('BACKUP_FAILED', `There is no backup: ${what}.`, cause === undefined ? {} : { cause });
}

/** Only the owner: inputs and outputs of runs may be anything. */
export const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
const ALL_PAGES = 0x7fff_ffff;
const SQLITE_OK = 0;

/** Makes a file, or the names in a folder, durable. */
export async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
