import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

export interface DataFile {
  /** Below the data folder. */
  readonly path: string;
  readonly isDatabase: boolean;
}

/**
 * What of a data folder has to be kept, by path. Left out is what a host makes anew (its lock, `host.json`, the code it took over for a
 * reload), its logs, checkouts of git, and what SQLite or a store keeps beside a database: that goes into the copy of the database.
 */
export async function dataFiles(folder: string): Promise<readonly DataFile[]> {
  const names = await namesBelow(folder, '');
  const databases = new Set<string>();
  for (const name of names) if (await isDatabase(path.join(folder, name))) databases.add(name);
  const isBeside = (name: string) =>
    /^(.*)-(wal|shm|journal|commits)$|^(.*)-new-[\w-]+$/s
      .exec(name)
      ?.slice(1)
      .some((of) => databases.has(of));
  return names.filter((name) => !isBeside(name)).map((name) => ({ path: name, isDatabase: databases.has(name) }));
}

/** Directly in the data folder. `host.json` is written aside first. */
const OF_A_HOST = /^(host\.lock.*|host\.json.*|logs|staging)$/;

async function namesBelow(root: string, below: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(path.join(root, below))).sort()) {
    const inner = path.join(below, name);
    if (below === '' && OF_A_HOST.test(name)) continue;
    // through links: the folder of a plugin may stand on another disk; what is gone by now does not matter
    const kind = await stat(path.join(root, inner)).catch(() => undefined);
    if (kind?.isFile()) found.push(inner);
    if (kind?.isDirectory() && !(await isCheckout(path.join(root, inner)))) found.push(...(await namesBelow(root, inner)));
  }
  return found;
}

/** What it holds is in its repository, or in the making. */
function isCheckout(folder: string): Promise<boolean> {
  return stat(path.join(folder, '.git')).then(
    () => true,
    () => false,
  );
}

/** The first bytes of every SQLite file. */
const HEADER = Buffer.from('SQLite format 3\0');

/** False also where it is gone by now. */
export async function isDatabase(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { buffer } = await handle.read(Buffer.alloc(HEADER.length), 0, HEADER.length, 0);
    return buffer.equals(HEADER);
  } finally {
    await handle.close();
  }
}
