import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataFolder, readHostFile } from '../src/data-folder.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-data-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('DataFolder', () => {
  it('is held by one at a time and free again after close', async () => {
    const first = await DataFolder.open(path.join(root, 'data'));
    await expect(DataFolder.open(path.join(root, 'data'))).rejects.toMatchObject({ code: 'DATA_IN_USE', status: 409 });
    await first.writeHostFile({ pid: 12, url: 'http://127.0.0.1:7171', token: 'secret', startedAt: 0 });
    const told = await DataFolder.open(path.join(root, 'data')).catch((error: Error) => error.message);
    expect(told).toContain('(process 12, http://127.0.0.1:7171)');
    expect(told).not.toContain('secret');
    first.close();
    (await DataFolder.open(path.join(root, 'data'))).close();
  });

  it('is not refused to a host because somebody just looks whether it is held', async () => {
    const folder = path.join(root, 'data');
    (await DataFolder.open(folder)).close();
    // in a thread of its own: taking the lock waits without letting this one go on
    const looker = new Worker(
      `const { DatabaseSync } = require('node:sqlite');
       const { parentPort, workerData } = require('node:worker_threads');
       const database = new DatabaseSync(workerData, { readOnly: true });
       database.exec('BEGIN');
       database.prepare('SELECT count(*) FROM sqlite_schema').get();
       parentPort.postMessage('held');
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
       database.close();`,
      { eval: true, workerData: path.join(folder, 'host.lock') },
    );
    await once(looker, 'message');
    (await DataFolder.open(folder)).close();
    await looker.terminate();
  });

  it('is readable by its owner only, and so is the token', async () => {
    const data = await DataFolder.open(path.join(root, 'data'));
    await data.writeHostFile({ pid: 1, url: 'http://x', token: 't', startedAt: 2 });
    expect((await stat(data.path)).mode & 0o077).toBe(0);
    for (const name of ['host.json', 'host.lock', 'version']) expect((await stat(data.file(name))).mode & 0o077).toBe(0);
    expect(await readHostFile(data.path)).toEqual({ pid: 1, url: 'http://x', token: 't', startedAt: 2 });
    await data.removeHostFile();
    expect(await readHostFile(data.path)).toBeNull();
    data.close();
  });

  it('goes away when it came to no use, with the folders made for it, and stays when it was there before', async () => {
    const folder = path.join(root, 'new/deep/data');
    await (await DataFolder.open(folder)).discard();
    expect(await readdir(root)).toEqual([]);
    (await DataFolder.open(folder)).close();
    await (await DataFolder.open(folder)).discard();
    expect(await readdir(folder)).toContain('version');
    (await DataFolder.open(folder)).close();
    const beside = await DataFolder.open(path.join(root, 'shared/data'));
    await writeFile(path.join(root, 'shared/theirs'), '');
    await beside.discard();
    expect(await readdir(path.join(root, 'shared'))).toEqual(['theirs']);
  });

  it('refuses a folder written by a newer host, or with a version that is none', async () => {
    for (const version of ['3', 'x', '-']) {
      await writeFile(path.join(root, 'version'), version);
      await expect(DataFolder.open(root)).rejects.toMatchObject({ code: 'DATA_VERSION_UNKNOWN' });
    }
    expect(await readFile(path.join(root, 'version'), 'utf8')).toBe('-');
  });

  it('says what is wrong with a folder that is a file', async () => {
    await writeFile(path.join(root, 'file'), '');
    await expect(DataFolder.open(path.join(root, 'file'))).rejects.toMatchObject({ code: 'DATA_DIR_UNUSABLE', kind: 'config' });
  });

  it('takes a broken host.json for none', async () => {
    for (const text of ['', '{', '{"pid":"1"}', 'null']) {
      await writeFile(path.join(root, 'host.json'), text);
      expect(await readHostFile(root)).toBeNull();
    }
  });
});
