import { open, rm } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { messageOf } from '@bellows/sdk';
import { workflowError } from '../errors.js';

/** One step holds up a commit for some 5 ms; with ten times as many pages it is 54 ms, and the whole no quicker. */
const PAGES_AT_ONCE = 100;

/** As `FlowStore.copyTo`. Through the connection that holds the file: its lock keeps everybody else out, and its commits go into the copy too. */
export async function copyFlow(database: DatabaseSync, file: string, signal?: AbortSignal): Promise<void> {
  const { backup } = await import('node:sqlite');
  try {
    await (await open(file, 'wx', 0o600)).close();
  } catch (error) {
    throw failed(file, error);
  }
  try {
    await backup(database, file, { rate: PAGES_AT_ONCE, progress: () => signal?.throwIfAborted() });
    const copy = await open(file, 'r');
    await copy.sync().finally(() => copy.close());
  } catch (error) {
    await Promise.all([file, `${file}-journal`].map((left) => rm(left, { force: true })));
    signal?.throwIfAborted();
    throw failed(file, error);
  }
}

function failed(file: string, error: unknown) {
  return workflowError('BACKUP_FAILED', `The runs could not be copied to ${file} (${messageOf(error)}): name a new folder with room`, {
    cause: error,
  });
}
