import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataFolder } from '../../src/data-folder.js';
import { machineProbes } from '../../src/doctor/machine-probes.js';
import type { Probes } from '../../src/doctor/probes.js';
import { loadTokenTable } from '../../src/http/token-table.js';
import { startLoopbackHost } from '../http/loopback-host.js';

let root: string;
let probes: Probes;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-doctor-test-'));
  // so long that what ends well ends before, however busy the machine is
  const generous = { hostMs: 50_000, programMs: 50_000 };
  probes = machineProbes({ env: { PATH: process.env.PATH }, cwd: root }, new AbortController().signal, generous);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the probes of this machine', () => {
  it('leave no file behind', async () => {
    expect(await probes.tryFile(root, { executable: true })).toBeUndefined();
    expect(await probes.tryFile(path.join(root, 'nowhere'), { executable: false })).toBe('ENOENT');
    expect(await readdir(root)).toEqual([]);
  });

  it('see a lock that is held and leave one that is free as it is', async () => {
    expect(await probes.isLocked(root)).toBe(false);
    const data = await DataFolder.open(root);
    expect(await probes.isLocked(root)).toBe(true);
    data.close();
    expect(await probes.isLocked(root)).toBe(false);
    (await DataFolder.open(root)).close();
  });

  it('see which databases are damaged, empty or none, of a host that runs or does not, and change nothing', async () => {
    await mkdir(path.join(root, 'own'));
    const database = new DatabaseSync(path.join(root, 'own/good.db'));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE rows (x)');
    const insert = database.prepare('INSERT INTO rows VALUES (?)');
    for (let row = 0; row < 500; row += 1) insert.run('x'.repeat(100));
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const bytes = await readFile(path.join(root, 'own/good.db'));
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    expect(await probes.readDatabases(root, false)).toEqual([{ path: 'own/good.db' }]);
    database.close();
    await writeFile(path.join(root, 'own/bad.db'), Buffer.from(bytes).fill(0xff, 8_192, 12_288));
    await writeFile(path.join(root, 'own/cut.db'), bytes.subarray(0, 100));
    await writeFile(path.join(root, 'empty.db'), '');
    await writeFile(path.join(root, 'store.db'), 'garbage');
    await mkdir(path.join(root, 'folder.db'));
    execFileSync('mkfifo', [path.join(root, 'pipe.db')]);
    await writeFile(path.join(root, 'host.lock'), '');
    const before = await readdir(root, { recursive: true });
    expect(await probes.readDatabases(root, true)).toEqual([
      { path: 'empty.db', fault: 'is empty' },
      { path: 'own/bad.db', fault: expect.stringMatching(/^is damaged|^cannot be read/) },
      { path: 'own/cut.db', fault: expect.stringMatching(/^is damaged|^cannot be read/) },
      { path: 'own/good.db' },
      { path: 'store.db', fault: 'is no SQLite database' },
    ]);
    expect(await readdir(root, { recursive: true })).toEqual(before);
    expect(await probes.readDatabases(path.join(root, 'nowhere'), true)).toEqual([]);
  });

  it('see a port that is taken and give back one that is free', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await probes.tryListen('127.0.0.1', port)).toBe('EADDRINUSE');
    await new Promise((resolve) => server.close(resolve));
    expect(await probes.tryListen('127.0.0.1', port)).toBeUndefined();
    expect(await probes.tryListen('127.0.0.1', port)).toBeUndefined();
    expect(await probes.tryListen('192.0.2.1', port)).toBe('EADDRNOTAVAIL');
  });

  it('tell a Bellows host from what else listens', async () => {
    const host = await startLoopbackHost();
    const stranger = createHttpServer((_request, response) => response.end('{"status":"ok"}'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const users = await loadTokenTable(await tokensFile());
    const closed = await startLoopbackHost({ users });
    try {
      expect(await probes.askPort('127.0.0.1', host.server.port)).toEqual({ dataDir: expect.any(String) });
      expect(await probes.askPort('127.0.0.1', (stranger.address() as AddressInfo).port)).toBeUndefined();
      expect(await probes.askPort('127.0.0.1', closed.server.port)).toEqual({});
    } finally {
      await Promise.all([host.close(), closed.close(), new Promise((resolve) => stranger.close(resolve))]);
    }
  });

  it('tell a program that is missing from one that fails', async () => {
    expect(await probes.run(['bellows-no-such-program'])).toEqual({ how: 'missing' });
    expect(await probes.run([process.execPath, '-e', 'console.error("no"); process.exit(3)'])).toEqual({
      how: 'ended',
      code: 3,
      output: 'no\n',
    });
    expect(await probes.run([process.execPath, '-p', '1 + 1'])).toEqual({ how: 'ended', code: 0, output: '2\n' });
  });

  it('end a program that hangs when the command is interrupted', async () => {
    const interrupted = new AbortController();
    const running = machineProbes({ env: {}, cwd: root }, interrupted.signal).run([process.execPath, '-e', 'setInterval(() => {}, 1000)']);
    interrupted.abort();
    expect(await running).toMatchObject({ how: expect.stringMatching(/failed|hanging/) });
  });

  it('say of a host that hangs that it does not answer, and of an interruption that it was one', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const host = { pid: 1, url: `http://127.0.0.1:${port}`, token: 't' };
    const ask = (signal: AbortSignal) => machineProbes({ env: {}, cwd: root }, signal, { hostMs: 20 }).askHost(host);
    await expect(ask(new AbortController().signal)).rejects.toMatchObject({ message: 'no answer within 0.02 s' });
    await expect(ask(AbortSignal.abort())).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await new Promise((resolve) => server.close(resolve));
  });

  it('read no pipe, which would wait for its writer', async () => {
    const pipe = path.join(root, 'version');
    execFileSync('mkfifo', [pipe]);
    expect(await probes.readText(pipe)).toBeUndefined();
    expect(await probes.readText(root)).toBeUndefined();
  });

  it('read the configuration once: it may be a pipe that is empty then', async () => {
    const file = path.join(root, 'bellows.yaml');
    await writeFile(file, 'plugins: { x: { from: ./nowhere } }\n');
    const once = machineProbes({ env: {}, cwd: root }, new AbortController().signal);
    expect((await once.readConfig()).problems).toEqual([]);
    await rm(file);
    expect((await once.readPlugins()).problems.join()).toContain('nowhere');
    expect(await once.readPlugins()).toBe(await once.readPlugins());
  });

  it('take a configuration that is missing, broken or a folder, and say so', async () => {
    expect(await probes.readConfig()).toMatchObject({ port: 7070, dataDir: path.join(root, '.bellows'), problems: [expect.any(String)] });
    await writeFile(path.join(root, 'bellows.yaml'), 'host: { port: many }\nplugins: { x: { from: ./nowhere } }\n');
    const broken = machineProbes({ env: {}, cwd: root }, new AbortController().signal);
    expect((await broken.readConfig()).problems.join()).toContain('host.port');
    expect((await broken.readPlugins()).problems.join()).toContain('nowhere');
    expect((await broken.readPlugins()).problems.join()).not.toContain('host.port');
    await mkdir(path.join(root, 'folder.yaml'));
    const folder = machineProbes({ env: {}, cwd: root, configFile: 'folder.yaml', dataDir: 'other' }, new AbortController().signal);
    expect(await folder.readConfig()).toMatchObject({ dataDir: path.join(root, 'other'), problems: [expect.any(String)] });
  });
});

async function tokensFile(): Promise<string> {
  const file = path.join(root, 'tokens.yaml');
  await writeFile(file, `- { name: ci, role: reader, sha256: ${'a'.repeat(64)} }\n`, { mode: 0o600 });
  return file;
}
