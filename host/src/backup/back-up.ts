import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, InputError, messageOf } from '@bellows/sdk';
import { holdDataFolder } from '../data-folder.js';
import { backupError, copyDatabase, copyPlain, PRIVATE_FOLDER, proveDatabase, sync } from './copy-files.js';
import { dataFiles } from './data-files.js';

/** What a backup needs of a running host. */
export interface AskedHost {
  operations(): Promise<readonly string[]>;
  call(operation: string, input: unknown): Promise<unknown>;
}

export interface BackupRequest {
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute; not there yet, or empty. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Called when a host holds the data folder. */
  connect(): Promise<AskedHost>;
}

export interface BackupReport {
  readonly folder: string;
  /** Of a host that went on running. */
  readonly running: boolean;
  /** By path, below the folder. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

/**
 * Copies the data folder of a host that runs or does not. Whole under its name, or not there: it is made aside, read through, and renamed.
 * Without a host the folder is held meanwhile, so that none starts. `InputError` (`BACKUP_FOLDER_TAKEN`), `ConfigError` (`DATA_MISSING`),
 * `RefusedError` (`BACKUP_FAILED`), the reason of `signal`, and what the host answers.
 */
export async function backUp({ dataDir, folder, signal, connect }: BackupRequest): Promise<BackupReport> {
  await demandData(dataDir);
  await demandFree(folder, dataDir);
  const held = await holdDataFolder(dataDir);
  const aside = `${folder}.unfinished-${randomUUID()}`;
  try {
    const host = held === undefined ? await connect() : undefined;
    await mkdir(aside, { recursive: true, mode: PRIVATE_FOLDER });
    await copyAll({ dataDir, aside, host, signal });
    const files = await prove(aside, signal);
    await putInPlace(aside, folder);
    return { folder, running: host !== undefined, files };
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw systemFault(error, folder);
  } finally {
    held?.close();
  }
}

interface Copying {
  readonly dataDir: string;
  readonly aside: string;
  readonly host: AskedHost | undefined;
  readonly signal: AbortSignal;
}

/** The store of the host: its records name files, and answers it keeps tell of runs. */
const STORE = 'store.db';

/**
 * While a host goes on, the order decides what is missing in the end. Files that a record names are copied before it, so that one removed
 * meanwhile is there, and again at the end, for those that came. Kept answers come before the runs and jobs they tell of: the other
 * way round the host would answer that something was done which the copy does not know. Runs come before their large values and before the jobs
 * they have started.
 */
async function copyAll({ dataDir, aside, host, signal }: Copying): Promise<void> {
  const done = new Set<string>();
  const copy = async (wanted: (file: { readonly path: string; readonly isDatabase: boolean }) => boolean) => {
    for (const file of await dataFiles(dataDir)) {
      if (done.has(file.path) || !wanted(file)) continue;
      signal.throwIfAborted();
      const [from, to] = [path.join(dataDir, file.path), path.join(aside, file.path)] as const;
      await (file.isDatabase ? copyDatabase(from, to, host === undefined) : copyPlain(from, to));
      done.add(file.path);
    }
  };
  await copy(({ isDatabase }) => !isDatabase);
  await copy((file) => file.path === STORE);
  if (host !== undefined) for (const file of await askPlugins(host, aside)) done.add(file);
  await copy(({ isDatabase }) => isDatabase);
  await copy(({ isDatabase }) => !isDatabase);
}

/** An operation `<plugin>.backup` copies what the plugin keeps to itself while it runs; its folder is that of the plugin in the backup. */
async function askPlugins(host: AskedHost, aside: string): Promise<readonly string[]> {
  const written: string[] = [];
  for (const operation of await host.operations()) {
    const [plugin = '', verb] = operation.split('.');
    if (verb !== 'backup') continue;
    const folder = path.join(aside, plugin);
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const { files } = (await host.call(operation, { folder })) as { readonly files?: unknown };
    if (!Array.isArray(files)) throw backupError(`${operation} did not answer which files it wrote`);
    written.push(...files.map((file) => path.join(plugin, String(file))));
  }
  return written;
}

async function prove(aside: string, signal: AbortSignal): Promise<BackupReport['files']> {
  const files: { path: string; bytes: number }[] = [];
  for (const { path: name, isDatabase } of await dataFiles(aside)) {
    signal.throwIfAborted();
    const file = path.join(aside, name);
    if (isDatabase) await proveDatabase(file);
    files.push({ path: name, bytes: (await stat(file)).size });
  }
  return files;
}

async function putInPlace(aside: string, folder: string): Promise<void> {
  for (const below of await readdir(aside, { recursive: true, withFileTypes: true })) {
    if (below.isDirectory()) await sync(path.join(below.parentPath, below.name));
  }
  await sync(aside);
  // an empty one, as was seen; one that something was put into meanwhile stays, and the next line fails
  await rmdir(folder).catch(() => {});
  await rename(aside, folder);
  await sync(path.dirname(folder));
}

async function demandData(dataDir: string): Promise<void> {
  const isThere = await stat(path.join(dataDir, 'version')).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  throw new ConfigError('DATA_MISSING', `${dataDir} is no data folder of a host: name that of yours with --data.`);
}

async function demandFree(folder: string, dataDir: string): Promise<void> {
  const inside = path.relative(dataDir, folder);
  if (inside === '' || (!inside.startsWith('..') && !path.isAbsolute(inside)))
    throw taken(`${folder} is in the data folder itself: name one elsewhere, best on another disk`);
  const names = await readdir(folder).catch(({ code }: NodeJS.ErrnoException) => {
    if (code === 'ENOENT') return [];
    throw taken(`${folder} cannot be used (${code}): name a folder that is not there yet`);
  });
  if (names.length > 0) throw taken(`${folder} has something in it: name one that is not there yet`);
}

function taken(message: string): InputError {
  return new InputError('BACKUP_FOLDER_TAKEN', `${message}.`);
}

/** An error of the file system says little by itself. */
function systemFault(error: unknown, folder: string): unknown {
  const isOfSystem = typeof error === 'object' && error !== null && 'syscall' in error;
  return isOfSystem ? backupError(`${folder} cannot be written (${messageOf(error)})`, error) : error;
}
