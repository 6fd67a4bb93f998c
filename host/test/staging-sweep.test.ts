import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sweepStaging } from '../src/staging-sweep.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-sweep-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('sweepStaging', () => {
  it('removes earlier versions and half-made folders, and keeps what is in use', async () => {
    for (const folder of ['a/old', 'a/new', 'a/new.Xy12', 'b/old', '_unpacked/used']) {
      await mkdir(path.join(root, folder), { recursive: true });
      await writeFile(path.join(root, folder, 'file'), '');
    }
    const keep = new Set([path.join(root, 'a/new'), path.join(root, '_unpacked/used')]);
    expect(await sweepStaging(root, keep)).toBe(3);
    expect(await readdir(path.join(root, 'a'))).toEqual(['new']);
    expect((await readdir(root)).sort()).toEqual(['_unpacked', 'a']);
    expect(await readdir(path.join(root, '_unpacked'))).toEqual(['used']);
  });

  it('keeps where a copy in use finds its packages', async () => {
    for (const folder of ['a/new', '_links/used', '_links/old', 'b/old']) await mkdir(path.join(root, folder), { recursive: true });
    await symlink('../../_links/used', path.join(root, 'a/new/node_modules'));
    await symlink('../../_links/old', path.join(root, 'b/old/node_modules'));
    expect(await sweepStaging(root, new Set([path.join(root, 'a/new')]))).toBe(2);
    expect(await readdir(path.join(root, '_links'))).toEqual(['used']);
    expect((await readdir(root)).sort()).toEqual(['_links', 'a']);
  });

  it('has nothing to do where nothing was staged', async () => {
    expect(await sweepStaging(path.join(root, 'absent'), new Set())).toBe(0);
  });
});
