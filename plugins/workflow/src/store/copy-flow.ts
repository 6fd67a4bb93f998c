import { open, rm } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '@bellows/sdk';
import { workflowError } from '../errors.js';

/** One step holds up a commit for some 5 ms; with ten times as many pages it is 54 ms, and the whole no quicker. */
const PAGES_AT_ONCE = 100;

/**
 * A step that meets a commit is tried again, but of the first one `node:sqlite` makes an error that is none. Half of them do while every turn
 * commits, so that this many in a row do not.
 */
const MAX_ATTEMPTS = 1_000;

/** As `FlowStore.copyTo`. Through the connection that holds the file: its lock keeps everybody else out, and its commits go into the copy too. */
export async function copyFlow(database: DatabaseSync, file: string, signal?: AbortSignal): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    throw failed(file, error);
  }
  try {
    await copyInSteps(database, file, signal);
    const copy = await open(file, 'r');
    await copy.sync().finally(() => copy.close());
  } catch (error) {
    await Promise.all([file, `${file}-journal`].map((left) => rm(left, { force: true })));
    signal?.throwIfAborted();
    throw failed(file, error);
  }
}

async function copyInSteps(database: DatabaseSync, file: string, signal: AbortSignal | undefined): Promise<void> {
  const { backup } = await import('node:sqlite');
  for (let attempt = 1; ; attempt += 1) {
    try {
      signal?.throwIfAborted();
      await backup(database, file, { rate: PAGES_AT_ONCE, progress: () => signal?.throwIfAborted() });
      return;
    } catch (error) {
      const hasMetCommit = (error as { errcode?: number } | undefined)?.errcode === SQLITE_OK;
      if (!hasMetCommit || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

const SQLITE_OK = 0;

function failed(file: string, error: unknown) {
  return workflowError('BACKUP_FAILED', `The runs could not be copied to ${file} (${messageOf(error)}): name a new folder with room`, {
    cause: error,
  });
}
