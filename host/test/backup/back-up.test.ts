import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStore } from '@bellows/sdk';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AskedHost, type BackupRequest, backUp } from '../../src/backup/back-up.js';
import { DataFolder } from '../../src/data-folder.js';

let root: string;
let data: DataFolder;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-backup-test-'));
  data = await DataFolder.open(path.join(root, 'data'));
});
afterEach(async () => {
  data.close();
  await rm(root, { recursive: true, force: true });
});

const at = (...names: readonly string[]) => path.join(root, ...names);
const noHost: AskedHost = { operations: async () => [], call: async () => ({}) };

function request(changes: Partial<BackupRequest> = {}): BackupRequest {
  return { dataDir: at('data'), folder: at('copy'), signal: new AbortController().signal, connect: async () => noHost, ...changes };
}

function makeDatabase(file: string, rows: number): void {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE rows (x)');
  database
    .prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?) INSERT INTO rows SELECT x FROM n')
    .run(rows);
  database.close();
}

function rowsOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const { count } = database.prepare('SELECT count(*) AS count FROM rows').get() as { count: number };
  database.close();
  return count;
}

const everything = async (folder: string) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();

describe('a backup of a data folder', () => {
  it('has what a restored host needs, in files that only their owner reads, and nothing of what a host makes anew', async () => {
    await using store = await SqliteStore.open(data.file('store.db'));
    await store.write('dw://internal/value', new Uint8Array([1, 2, 3]));
    await data.writeHostFile({ pid: 1, url: 'http://x', token: 'secret', startedAt: 2 });
    for (const folder of ['logs', 'staging/a', 'own/modules', 'own/checkout/.git', 'own/checkout/src'])
      await mkdir(data.file(folder), { recursive: true });
    for (const name of ['logs/host.log', 'staging/a/index.js', 'own/modules/a.wasm', 'own/checkout/src/main.ts'])
      await writeFile(data.file(name), name);
    makeDatabase(data.file('own/rows.db'), 10);

    const report = await backUp(request());
    expect(report).toMatchObject({ folder: at('copy'), running: true });
    const paths = ['own/modules/a.wasm', 'own/rows.db', 'store.db', 'version'];
    expect(report.files.map((file) => file.path)).toEqual(paths);
    expect(await everything(at('copy'))).toEqual(paths);
    for (const { path: name, bytes } of report.files) expect((await stat(at('copy', name))).size).toBe(bytes);
    expect((await stat(at('copy'))).mode & 0o777).toBe(0o700);
    expect((await stat(at('copy/own/rows.db'))).mode & 0o777).toBe(0o600);
    await using copy = await SqliteStore.open(at('copy/store.db'));
    expect(await copy.read('dw://internal/value')).toEqual(new Uint8Array([1, 2, 3]));
    expect(rowsOf(at('copy/own/rows.db'))).toBe(10);
  });

  it('holds the folder of a host that does not run, and changes nothing in it', async () => {
    makeDatabase(data.file('rows.db'), 3);
    data.close();
    const before = await everything(at('data'));
    const content = await readFile(at('data/rows.db'));
    const connect = () => Promise.reject(new Error('there is none'));
    const copying = backUp(request({ connect }));
    expect(await copying).toMatchObject({ running: false });
    expect((await everything(at('data'))).filter((name) => name !== 'host.lock-journal')).toEqual(before);
    expect((await readFile(at('data/rows.db'))).equals(content)).toBe(true);
    data = await DataFolder.open(at('data'));
  });

  it('takes what is in the log of a database whose process was killed', async () => {
    makeDatabase(data.file('rows.db'), 3);
    const killed = new DatabaseSync(data.file('rows.db'));
    killed.exec('PRAGMA wal_autocheckpoint = 0; INSERT INTO rows VALUES (4)');
    await mkdir(at('crashed'));
    for (const name of ['rows.db', 'rows.db-wal', 'version']) await writeFile(at('crashed', name), await readFile(data.file(name)));
    killed.close();
    await backUp(request({ dataDir: at('crashed') }));
    expect(rowsOf(at('copy/rows.db'))).toBe(4);
  });

  it('asks the plugins of a running host for what they keep to themselves, between the answers kept and all that those may tell of', async () => {
    await (await SqliteStore.open(data.file('store.db'))).close();
    await mkdir(data.file('flows'));
    makeDatabase(data.file('flows/runs.db'), 5);
    makeDatabase(data.file('flows/values.db'), 1);
    const held = new DatabaseSync(data.file('flows/runs.db'));
    held.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    const seen: unknown[] = [];
    const host: AskedHost = {
      operations: async () => ['flows.backup', 'flows.start', 'other.backups'],
      call: async (operation, input) => {
        const { folder } = input as { folder: string };
        seen.push(operation, await everything(path.dirname(folder)));
        await writeFile(data.file('flows/late.txt'), 'came meanwhile');
        makeDatabase(path.join(folder, 'runs.db'), 5);
        return { files: ['runs.db'] };
      },
    };
    await backUp(request({ connect: async () => host }));
    held.close();
    expect(seen).toEqual(['flows.backup', ['store.db', 'version']]);
    expect(await everything(at('copy'))).toEqual(['flows/late.txt', 'flows/runs.db', 'flows/values.db', 'store.db', 'version']);
  });

  it.each([
    ['that nobody offers to copy', noHost, /runs\.db cannot be copied \(a process holds it/],
    [
      'whose plugin fails',
      { ...noHost, operations: async () => ['x.backup'], call: () => Promise.reject(new Error('no room')) },
      /no room/,
    ],
    ['whose plugin answers nonsense', { ...noHost, operations: async () => ['x.backup'] }, /x\.backup did not answer which files it wrote/],
  ])('is none with a database %s, and leaves nothing', async (_what, host, message) => {
    makeDatabase(data.file('runs.db'), 1);
    const held = new DatabaseSync(data.file('runs.db'));
    held.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    await expect(backUp(request({ connect: async () => host }))).rejects.toThrow(message);
    held.close();
    expect(await readdir(root)).toEqual(['data']);
  });

  it('is none of a damaged or empty database', async () => {
    makeDatabase(data.file('rows.db'), 5_000);
    const bytes = await readFile(data.file('rows.db'));
    await writeFile(data.file('rows.db'), bytes.fill(0xff, 2 * 4_096, 4 * 4_096));
    await expect(backUp(request())).rejects.toMatchObject({ code: 'BACKUP_FAILED', message: expect.stringContaining('rows.db') });
    const empty = new DatabaseSync(data.file('rows.db2'));
    empty.exec('CREATE TABLE x (y); DROP TABLE x');
    empty.close();
    await rm(data.file('rows.db'));
    await expect(backUp(request())).rejects.toMatchObject({ code: 'BACKUP_FAILED', message: expect.stringContaining('it is empty') });
    expect(await readdir(root)).toEqual(['data']);
  });

  it('leaves nothing when it is interrupted', async () => {
    const abort = new AbortController();
    const host: AskedHost = {
      ...noHost,
      operations: async () => {
        abort.abort(new Error('interrupted'));
        return [];
      },
    };
    makeDatabase(data.file('rows.db'), 1);
    await expect(backUp(request({ signal: abort.signal, connect: async () => host }))).rejects.toThrow('interrupted');
    expect(await readdir(root)).toEqual(['data']);
  });

  it('goes into an empty folder, and never into one that has something in it, is a file, or is in the data folder', async () => {
    await mkdir(at('empty'));
    expect((await backUp(request({ folder: at('empty') }))).files).toHaveLength(1);
    await writeFile(at('file'), '');
    for (const folder of ['empty', 'file', 'data', 'data/deep/inside'])
      await expect(backUp(request({ folder: at(folder) }))).rejects.toMatchObject({ code: 'BACKUP_FOLDER_TAKEN' });
    expect(await everything(at('empty'))).toEqual(['version']);
  });

  it('is refused where there is no data folder, and follows the link to the folder of a plugin', async () => {
    await expect(backUp(request({ dataDir: at('nowhere') }))).rejects.toMatchObject({ code: 'DATA_MISSING' });
    await mkdir(at('other-disk'));
    await writeFile(at('other-disk/kept.txt'), 'kept');
    await symlink(at('other-disk'), data.file('own'));
    await backUp(request());
    expect(await everything(at('copy'))).toEqual(['own/kept.txt', 'version']);
  });
});
