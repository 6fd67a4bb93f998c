import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

let end = () => {};
afterEach(() => end());

describe('a host whose reader has gone', () => {
  it('goes on, and writes its log to the file instead of failing again and again', async () => {
    const folder = tempFolder();
    const main = path.join(REPOSITORY, 'host/dist/main.js');
    const child = spawn(
      process.execPath,
      [main, 'start', '--config', path.join(REPOSITORY, 'bellows.yaml'), '--port', '0', '--data', folder],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    end = () => void child.kill('SIGKILL');
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.destroy();
    child.stderr.destroy();
    const { url } = JSON.parse(readFileSync(path.join(folder, 'host.json'), 'utf8')) as { url: string };
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await until('the orderly end', () => exited.then((code) => ({ code })))).toEqual({ code: 0 });
    const log = readFileSync(path.join(folder, 'logs/host.log'), 'utf8');
    expect(log).toContain('stopping');
    expect(log).not.toContain('EPIPE');
  });
});

describe('a command whose output cannot be written', () => {
  it('exits 1 and says so, because what was redirected is not whole', async () => {
    const file = path.join(tempFolder(), 'out');
    writeFileSync(file, '');
    // As a full disk: every write to it fails, here because it is open for reading only.
    const unwritable = openSync(file, 'r');
    const child = spawn(process.execPath, [path.join(REPOSITORY, 'host/dist/main.js'), '--version'], {
      stdio: ['ignore', unwritable, 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    closeSync(unwritable);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('not all of the output could be written') });
  });
});
