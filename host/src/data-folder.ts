import { access, constants, mkdir, open, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, isBellowsError, RefusedError } from '@bellows/sdk';

/** What `host.json` tells the command line about the running host. */
export interface HostFile {
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  readonly startedAt: number;
}

/** The layout of the data folder this host writes. Raised when an older host could no longer read it. */
export const DATA_VERSION = 2;
const LOCK_FILE = 'host.lock';
/**
 * Whoever only looks whether the lock is taken (`bellows doctor`) holds it for an instant, which is longer for a process that gets little of a
 * busy machine; a host holds it as long as it runs.
 */
const LOCK_TIMEOUT_MS = 1_000;
/** Only the owner: the folder holds the token that lets commands run. */
const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;

/** The data folder, held by one host at a time. */
export class DataFolder {
  readonly path: string;
  readonly #lock: { close(): void };
  /** The topmost folder that was made for it; undefined when it was there before. */
  readonly #made: string | undefined;

  private constructor(folder: string, lock: { close(): void }, made: string | undefined) {
    this.path = folder;
    this.#lock = lock;
    this.#made = made;
  }

  /**
   * Makes the folder where it is missing and takes its lock, which the system gives back when the process ends, however it ends.
   * `ConfigError` (`DATA_DIR_UNUSABLE`, `DATA_VERSION_UNKNOWN`), `RefusedError` (`DATA_IN_USE`).
   */
  static async open(folder: string): Promise<DataFolder> {
    let made: string | undefined;
    try {
      made = await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
      await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw unusable(folder, error);
    }
    await checkVersion(folder);
    const data = new DataFolder(folder, await lock(folder), made);
    try {
      await writeFile(path.join(folder, 'version'), `${DATA_VERSION}\n`, { mode: PRIVATE_FILE });
    } catch (error) {
      data.close();
      throw unusable(folder, error);
    }
    return data;
  }

  file(...parts: readonly string[]): string {
    return path.join(this.path, ...parts);
  }

  /** Written aside and renamed: a reader sees all of it or nothing. */
  async writeHostFile(content: HostFile): Promise<void> {
    const temporary = this.file(`host.json.${content.pid}`);
    await writeFile(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: PRIVATE_FILE });
    await rename(temporary, this.file('host.json'));
  }

  async removeHostFile(): Promise<void> {
    await rm(this.file('host.json'), { force: true });
  }

  /** What to tell the operator when something in it cannot be written. */
  unusable(cause: unknown): ConfigError {
    return unusable(this.path, cause);
  }

  /** Gives the lock back. */
  close(): void {
    this.#lock.close();
  }

  /**
   * `close` of a folder that came to no use: if `open` made it, it goes away with all that is in it. Before the lock is given back, so that
   * it is nobody else's. What cannot be removed stays.
   */
  async discard(): Promise<void> {
    const made = this.#made;
    if (made !== undefined) await removeUpTo(made, this.path).catch(() => {});
    this.close();
  }
}

/** What the host of a data folder wrote of itself; null when there is none, or when the file is broken. */
export async function readHostFile(folder: string): Promise<HostFile | null> {
  try {
    const content = JSON.parse(await readFile(path.join(folder, 'host.json'), 'utf8')) as Partial<HostFile>;
    const { pid, url, token, startedAt } = content;
    if (typeof pid !== 'number' || typeof url !== 'string' || typeof token !== 'string' || typeof startedAt !== 'number') return null;
    return { pid, url, token, startedAt };
  } catch {
    return null;
  }
}

/**
 * Whether a host holds the folder. Asks for a shared lock for a moment and changes nothing; a host that starts in this very moment
 * waits for it. Rejects where that cannot be seen.
 */
export async function isDataFolderLocked(folder: string): Promise<boolean> {
  const file = path.join(folder, LOCK_FILE);
  const isThere = await access(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? false : Promise.reject(error)),
  );
  if (!isThere) return false;
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(file, { timeout: 0, readOnly: true });
  try {
    database.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    database.close();
  }
}

/** The folder, and those above it up to `topmost` in which nothing else is. */
async function removeUpTo(topmost: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true });
  for (let above = folder; above !== topmost; ) {
    above = path.dirname(above);
    await rmdir(above);
  }
}

/** Keeps hosts from starting on a folder until it is closed; undefined when one holds it. `ConfigError` (`DATA_DIR_UNUSABLE`). */
export async function holdDataFolder(folder: string): Promise<{ close(): void } | undefined> {
  return lock(folder).catch((error: unknown) => {
    if (isBellowsError(error) && error.code === 'DATA_IN_USE') return undefined;
    throw error;
  });
}

async function checkVersion(folder: string): Promise<void> {
  const file = path.join(folder, 'version');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const version = Number(text.trim());
  if (Number.isInteger(version) && version <= DATA_VERSION) return;
  throw new ConfigError(
    'DATA_VERSION_UNKNOWN',
    `${file} says ${JSON.stringify(text.trim().slice(0, 40))}, this host knows versions up to ${DATA_VERSION}: use a newer host, or another folder`,
    { phase: 'start' },
  );
}

/**
 * An exclusive transaction on an empty SQLite file: the operating system's own file lock, which a killed process cannot
 * leave behind, on every platform Node runs on. Node has no other call for it.
 */
async function lock(folder: string): Promise<{ close(): void }> {
  const { DatabaseSync } = await import('node:sqlite');
  let database: InstanceType<typeof DatabaseSync> | undefined;
  try {
    // one that is held for long is not waited for: who only looks does not keep others from looking
    if (await isDataFolderLocked(folder)) throw await inUse(folder);
    await makePrivate(path.join(folder, LOCK_FILE));
    database = new DatabaseSync(path.join(folder, LOCK_FILE), { timeout: LOCK_TIMEOUT_MS });
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if (isBellowsError(error)) throw error;
    throw isBusy(error) ? await inUse(folder) : unusable(folder, error);
  }
}

async function inUse(folder: string): Promise<RefusedError> {
  const host = await readHostFile(folder);
  const who = `another host${host === null ? '' : ` (process ${host.pid}, ${host.url})`}`;
  return new RefusedError('DATA_IN_USE', `${who} is using ${folder}: stop it, or start this one with another --data folder`, {
    phase: 'start',
  });
}

/** Only a new file is opened here: to close one that this process has open elsewhere would let go of the lock. */
async function makePrivate(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', PRIVATE_FILE)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return (error as { errcode?: number }).errcode === SQLITE_BUSY;
}

function unusable(folder: string, cause: unknown): ConfigError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  return new ConfigError(
    'DATA_DIR_UNUSABLE',
    `the data folder ${folder} cannot be used (${code}): make it a folder this user may write to, or name another one with --data`,
    {
      phase: 'start',
      cause,
    },
  );
}
