import path from 'node:path';
import { DATA_VERSION } from '../data-folder.js';
import { type Finding, fail, ok, type Place, unknown, warn } from './finding.js';
import type { Probes } from './probes.js';

/** A folder that is not there yet is made by the first start; then it must be possible to make it. */
export async function checkData({ probes, dataDir }: Place): Promise<Finding> {
  const elsewhere = 'give this user the right to write there, or name another folder with --data or host.dataDir';
  const found = await probes.stat(dataDir).catch(() => 'unseen' as const);
  if (found === 'unseen') return fail(`${dataDir} cannot be reached`, `Mend the rights of the folders above it: ${elsewhere}.`);
  if (found === undefined) {
    const { path: above, isFolder } = await nearest(probes, dataDir);
    if (isFolder && (await probes.mayWrite(above))) return ok(`${dataDir} is made by the first start`);
    return fail(
      `${dataDir} is not there and cannot be made in ${above}${isFolder ? '' : ', which is no folder'}`,
      `Make it, ${elsewhere}.`,
    );
  }
  if (!found.isFolder) return fail(`${dataDir} is no folder`, 'Name a folder with --data or host.dataDir.');
  const code = await probes.tryFile(dataDir, { executable: false });
  if (code === undefined) return ok(`${dataDir} can be written`);
  return fail(`${dataDir} cannot be written (${code})`, code === 'ENOSPC' ? 'Free some space.' : `Mend its rights: ${elsewhere}.`);
}

export async function checkDataVersion({ probes, dataDir }: Place): Promise<Finding> {
  const file = path.join(dataDir, 'version');
  const text = (await probes.readText(file))?.trim();
  if (text === undefined) return (await probes.stat(file)) ? unknown(`${file} cannot be read`) : ok('no data yet');
  const version = Number(text);
  if (text !== '' && Number.isInteger(version) && version <= DATA_VERSION) return ok(`version ${text}`);
  return fail(
    `${file} says ${JSON.stringify(text.slice(0, 40))}, this version knows up to ${DATA_VERSION}`,
    'Use a newer Bellows, or another data folder.',
  );
}

/** What a start refuses, or a plugin of it. */
export async function checkDatabases({ probes, dataDir, isHeld }: Place): Promise<Finding> {
  if ((await probes.stat(dataDir))?.isFolder !== true) return ok('none yet');
  const found = await probes.readDatabases(dataDir, isHeld === false);
  const bad = found.filter(({ fault }) => fault !== undefined);
  if (bad.length === 0) return ok(found.length === 0 ? 'none yet' : found.map((database) => database.path).join(', '));
  return fail(
    bad.map((database) => `${path.join(dataDir, database.path)} ${database.fault}`).join('; '),
    'Restore the data folder from a backup, or move each of these away, with all files whose names begin with its name, to start without what was in it.',
  );
}

export async function checkLock({ dataDir, host, isHeld }: Place): Promise<Finding> {
  if (isHeld === undefined) return unknown(`whether a host holds ${dataDir} cannot be told`);
  if (isHeld && host !== null) return ok(`held by the host that runs here (process ${host.pid})`);
  if (isHeld) {
    return fail(
      `${dataDir} is held by a process that has not said which host it is`,
      'Wait if a host is just starting or stopping; else find what has host.lock open and end it.',
    );
  }
  if (host === null) return ok('free');
  return warn(
    `free; the host of before (process ${host.pid}) ended without tidying up`,
    'Nothing to do: the next start goes on where it was. Its log in the data folder may say why it ended.',
  );
}

/** Its token lets commands run. */
export async function checkHostFile({ probes, dataDir }: Place): Promise<Finding> {
  const file = path.join(dataDir, 'host.json');
  const found = await probes.stat(file);
  if (found === undefined) return ok('not there while no host runs');
  if (probes.platform === 'win32') return unknown('rights of files are not told like this on Windows');
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  if ((found.mode & 0o077) === 0) return ok(`only for its owner (${mode})`);
  return fail(`others may read ${file} (${mode}); its token lets commands run`, `Run: chmod 600 ${JSON.stringify(file)}`);
}

interface FileSystem {
  readonly name: string;
  readonly fault?: string;
}

const NETWORK = 'SQLite needs locks and writes that reach the disk, and network file systems promise neither';
const VOLATILE = 'it is in memory: after a restart of the machine all is gone';
/** By the magic numbers of Linux (statfs(2)). */
const FILE_SYSTEMS: ReadonlyMap<number, FileSystem> = new Map([
  [0xef53, { name: 'ext4' }],
  [0x58465342, { name: 'xfs' }],
  [0x9123683e, { name: 'btrfs' }],
  [0x2fc12fc1, { name: 'zfs' }],
  [0xf2f52010, { name: 'f2fs' }],
  [0x794c7630, { name: 'overlayfs', fault: 'it belongs to a container and goes with it, unless a volume is mounted there' }],
  [0x01021994, { name: 'tmpfs', fault: VOLATILE }],
  [0x858458f6, { name: 'ramfs', fault: VOLATILE }],
  [0x6969, { name: 'nfs', fault: NETWORK }],
  [0x517b, { name: 'smb', fault: NETWORK }],
  [0xff534d42, { name: 'cifs', fault: NETWORK }],
  [0xfe534d42, { name: 'smb2', fault: NETWORK }],
  [0x00c36400, { name: 'ceph', fault: NETWORK }],
  [0x0bd00bd0, { name: 'lustre', fault: NETWORK }],
  [0x01021997, { name: '9p', fault: NETWORK }],
  [0x65735546, { name: 'fuse', fault: 'what is behind it decides whether locks hold and writes reach a disk' }],
]);

export async function checkDataSystem({ probes, dataDir }: Place): Promise<Finding> {
  if (probes.platform !== 'linux') return unknown('the kind of a file system is told on Linux only');
  const { type } = await probes.fileSystem((await nearest(probes, dataDir)).path);
  const known = FILE_SYSTEMS.get(type >>> 0);
  if (known === undefined) return unknown(`of a kind that is not known here (0x${(type >>> 0).toString(16)})`);
  if (known.fault === undefined) return ok(known.name);
  return warn(`${known.name}: ${known.fault}`, 'Put the data folder on a local disk (--data or host.dataDir) if its data matters.');
}

const MEBIBYTE = 1024 * 1024;
/** Below this a start may fail in the middle. */
const LEAST_BYTES = 64 * MEBIBYTE;
const FEW_BYTES = 1024 * MEBIBYTE;
const FEW_INODES = 10_000;

export async function checkDataSpace({ probes, dataDir }: Place): Promise<Finding> {
  const { freeBytes, freeInodes, inodes } = await probes.fileSystem((await nearest(probes, dataDir)).path);
  const files = inodes === 0 ? '' : `, room for ${freeInodes} files`;
  const found = `${Math.floor(freeBytes / MEBIBYTE)} MiB free${files}`;
  const todo = 'Free some, or put the data folder on a larger disk.';
  if (freeBytes < LEAST_BYTES || (inodes > 0 && freeInodes < 100)) return fail(found, todo);
  return freeBytes < FEW_BYTES || (inodes > 0 && freeInodes < FEW_INODES) ? warn(found, todo) : ok(found);
}

/** The folder itself, or the nearest above it that is there. */
async function nearest(probes: Probes, folder: string): Promise<{ readonly path: string; readonly isFolder: boolean }> {
  for (let current = folder; ; current = path.dirname(current)) {
    const found = await probes.stat(current);
    if (found !== undefined || current === path.dirname(current)) return { path: current, isFolder: found?.isFolder === true };
  }
}
