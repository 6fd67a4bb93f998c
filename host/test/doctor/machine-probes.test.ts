import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataFolder } from '../../src/data-folder.js';
import { machineProbes } from '../../src/doctor/machine-probes.js';
import type { Probes } from '../../src/doctor/probes.js';

let root: string;
let probes: Probes;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-doctor-test-'));
  probes = machineProbes({ env: { PATH: process.env.PATH }, cwd: root }, new AbortController().signal);
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
