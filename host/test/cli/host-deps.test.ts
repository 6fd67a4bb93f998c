import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CliIo } from '../../src/cli/cli-deps.js';
import { hostDeps } from '../../src/cli/host-deps.js';
import { bellows } from './terminal.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-host-deps-'));
  await mkdir(path.join(folder, '.bellows'));
  await writeFile(
    path.join(folder, '.bellows', 'host.json'),
    JSON.stringify({ pid: 1, url: 'http://127.0.0.1:1', token: 't', startedAt: 1 }),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const { findHost } = hostDeps({} as CliIo);
const status = (...argv: string[]) => bellows(['status', ...argv], { cwd: folder, deps: { findHost } });

describe('a command that looks for its host', () => {
  it('says where one runs when the configuration names another data folder than it began with', async () => {
    await writeFile(path.join(folder, 'bellows.yaml'), 'host: { dataDir: other }');
    const told = await status();
    expect(told.code).toBe(3);
    expect(told.stderr.replace(/\s+/g, ' ')).toContain(
      `there is no ${path.join(folder, 'other', 'host.json')}. One runs with ${path.join(folder, '.bellows')}: name it with --data ${path.join(folder, '.bellows')}`,
    );
  });

  it('looks nowhere else when it was told where', async () => {
    await writeFile(path.join(folder, 'bellows.yaml'), 'host: { dataDir: other }');
    expect((await status('--data', 'third')).stderr).toContain(`there is no ${path.join(folder, 'third', 'host.json')} that says where`);
  });

  it('finds it with a configuration that is broken', async () => {
    await writeFile(path.join(folder, 'bellows.yaml'), '');
    expect((await findHost({ cwd: folder, env: {} })).host).toMatchObject({ token: 't' });
  });
});
