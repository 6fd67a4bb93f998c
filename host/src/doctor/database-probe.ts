import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf } from '@bellows/sdk';
import { isDatabase } from '../backup/data-files.js';
import type { DatabaseReading } from './probes.js';

/** A larger one is opened only: reading 16 MiB through takes some 50 ms, in which nothing else of the command goes on. */
const MAX_READ_BYTES = 16 * 1024 * 1024;
const SQLITE_BUSY = 5;

/**
 * The databases of the host and directly in the folder of a plugin, by path. Nothing is changed; of one that a host holds, nothing is
 * seen, and that is no fault.
 */
export async function readDatabases(folder: string): Promise<readonly DatabaseReading[]> {
  const plugins = await namesIn(folder);
  const inPlugins = await Promise.all(
    plugins.map(async (plugin) => (await namesIn(path.join(folder, plugin))).map((name) => path.join(plugin, name))),
  );
  const readings: DatabaseReading[] = [];
  for (const name of [...plugins, ...inPlugins.flat()].filter((one) => one.endsWith('.db')).sort()) {
    const file = path.join(folder, name);
    const fault = (await isDatabase(file)) ? await faultOf(file) : await strangeness(file);
    readings.push(fault === undefined ? { path: name } : { path: name, fault });
  }
  return readings;
}

/** None of what is no folder. */
function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function strangeness(file: string): Promise<string> {
  return (await stat(file)).size === 0 ? 'is empty' : 'is no SQLite database';
}

async function faultOf(file: string): Promise<string | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const { size } = await stat(file);
  try {
    // without a log nothing is beside it, and SQLite need not put something there
    const hasLog = await stat(`${file}-wal`).then(
      (log) => log.size > 0,
      () => false,
    );
    const url = pathToFileURL(file);
    if (!hasLog) url.searchParams.set('immutable', '1');
    const database = new DatabaseSync(url, { readOnly: true, timeout: 0 });
    try {
      if (database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) return 'is empty';
      if (size > MAX_READ_BYTES) return undefined;
      const found = String(database.prepare('PRAGMA quick_check(1)').get()?.quick_check);
      return found === 'ok' ? undefined : `is damaged (${found})`;
    } finally {
      database.close();
    }
  } catch (error) {
    const isHeld = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
    return isHeld ? undefined : `cannot be read (${messageOf(error)})`;
  }
}
