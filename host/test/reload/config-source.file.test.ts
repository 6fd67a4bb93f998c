import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { silentLogger, systemClock } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigSource } from '../../src/reload/config-source.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-config-source-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sourceOf = (file: string) =>
  new ConfigSource({
    options: { cwd: path.dirname(file), env: {} },
    file,
    stagingDir: path.join(folder, 'staging'),
    clock: systemClock,
    logger: silentLogger,
  });

describe('what a running host reads anew', () => {
  it('is the file it was started with, not one of a folder above when that is gone', async () => {
    const inner = path.join(folder, 'inner');
    await mkdir(inner);
    await writeFile(path.join(folder, 'bellows.yaml'), 'plugins: {}');
    const file = path.join(inner, 'bellows.yaml');
    await writeFile(file, '');
    const source = sourceOf(file);
    expect((await source.read()).loaded?.file).toBe(file);
    await rm(file);
    expect(await source.read()).toEqual({
      waves: [],
      problems: [{ path: file, message: expect.stringMatching(/^the file does not exist/) }],
    });
  });

  it.each(['bellows.yaml', 'own.yaml'])('is never a pipe, which would be empty or without an end: %s', async (name) => {
    const inner = await mkdtemp(path.join(folder, 'pipe-'));
    const file = path.join(inner, 'bellows.yaml');
    if (name !== 'bellows.yaml') await writeFile(file, 'plugins: { a: { from: ./a, configFile: own.yaml } }');
    execFileSync('mkfifo', [path.join(inner, name)]);
    const { problems } = await sourceOf(file).read();
    expect(problems).toContainEqual({ path: path.join(inner, name), message: 'is a pipe: name a file' });
  });
});
