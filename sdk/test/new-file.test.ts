import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeNewFile } from '../src/new-file.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-new-file-'));
  file = path.join(folder, 'data');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a new file', () => {
  it('has its name only when it is whole, and is made once', async () => {
    const seen: unknown[] = [];
    await makeNewFile(file, async (aside) => {
      seen.push(path.dirname(aside), await readFile(aside, 'utf8'), (await stat(aside)).mode & 0o777);
      await writeFile(aside, 'whole');
      seen.push((await readdir(folder)).includes('data'));
    });
    expect(seen).toEqual([folder, '', 0o600, false]);
    await makeNewFile(file, () => Promise.reject(new Error('not called')));
    expect([await readdir(folder), await readFile(file, 'utf8')]).toEqual([['data'], 'whole']);
  });

  it('is nothing at all where making it fails, and what a killed process left goes with the next', async () => {
    await expect(makeNewFile(file, () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    expect(await readdir(folder)).toEqual([]);
    await writeFile(`${file}-new-1`, 'half');
    await makeNewFile(file, (aside) => writeFile(aside, 'whole'));
    expect(await readdir(folder)).toEqual(['data']);
    await expect(makeNewFile(path.join(folder, 'nowhere', 'data'), (aside) => writeFile(aside, ''))).rejects.toThrow('ENOENT');
  });

  it('is that of one of many that make it at once, and never written over', async () => {
    const makers = Array.from({ length: 8 }, (_, at) => makeNewFile(file, (aside) => writeFile(aside, `by ${at}`)));
    await Promise.race(makers);
    const first = await readFile(file, 'utf8');
    await Promise.all(makers);
    expect([await readdir(folder), await readFile(file, 'utf8')]).toEqual([['data'], first]);
  });
});
