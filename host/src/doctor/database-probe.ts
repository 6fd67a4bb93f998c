import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '@bellows/sdk';
import { isDatabase } from '../backup/data-files.js';
import { damageOf, isEmpty } from '../backup/database-fault.js';
import { openToRead } from '../backup/open-to-read.js';
import type { DatabaseReading } from './probes.js';

/** A larger one is opened only: reading 16 MiB through takes some 50 ms, in which nothing else of the command goes on. */
const MAX_READ_BYTES = 16 * 1024 * 1024;
const SQLITE_BUSY = 5;

/**
 * The databases of the host and directly in the folder of a plugin, by path. Nothing is changed; of one that a host holds, nothing is
 * seen, and that is no fault. `isStill`: no host runs.
 */
export async function readDatabases(folder: string, isStill: boolean): Promise<readonly DatabaseReading[]> {
  const plugins = await namesIn(folder);
  const inPlugins = await Promise.all(
    plugins.map(async (plugin) => (await namesIn(path.join(folder, plugin))).map((name) => path.join(plugin, name))),
  );
  const readings: DatabaseReading[] = [];
  for (const name of [...plugins, ...inPlugins.flat()].filter((one) => one.endsWith('.db')).sort()) {
    const file = path.join(folder, name);
    // opening anything else may wait for ever, for whoever writes into a pipe
    if (!(await stat(file).catch(() => undefined))?.isFile()) continue;
    const fault = (await isDatabase(file)) ? await faultOf(file, isStill) : await strangeness(file);
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

async function faultOf(file: string, isStill: boolean): Promise<string | undefined> {
  const { size } = await stat(file);
  try {
    const database = await openToRead(file, isStill);
    try {
      if (isEmpty(database)) return 'is empty';
      if (size > MAX_READ_BYTES) return undefined;
      const damage = damageOf(database);
      return damage === undefined ? undefined : `is damaged (${damage})`;
    } finally {
      database.close();
    }
  } catch (error) {
    const isHeld = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
    return isHeld ? undefined : `cannot be read (${messageOf(error)})`;
  }
}
