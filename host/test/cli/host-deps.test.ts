import { execFileSync } from 'node:child_process';
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

  it('names the configuration that it was told of and that could not be read, as a pipe into which nobody writes', async () => {
    await rm(path.join(folder, '.bellows'), { recursive: true });
    const told = async (name: string) => (await status('--config', name)).stderr.replace(/\s+/g, ' ');
    expect(await told('none.yaml')).toContain(`tells no data folder: ${path.join(folder, 'none.yaml')}: the file does not exist`);
    expect(await told('.')).toContain(`tells no data folder: ${folder}: is a folder: name a file in it`);
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await told('pipe')).toContain(`tells no data folder: ${pipe}: is a pipe into which nobody writes`);
    expect((await status()).stderr).not.toContain('tells no data folder');
  }, 15_000);

  it('finds it with a configuration that is broken', async () => {
    await writeFile(path.join(folder, 'bellows.yaml'), '');
    expect((await findHost({ cwd: folder, env: {} })).host).toMatchObject({ token: 't' });
  });
});
