import { lstat, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InPlaceCode } from '../../src/reload/in-place-code.js';

let root: string;
let folder: string;
let nowMs: number;
const code = new InPlaceCode({ now: () => nowMs });
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-in-place-'));
  folder = path.join(root, 'plugin');
  await mkdir(path.join(folder, 'dist'), { recursive: true });
  await writeFile(path.join(folder, 'dist', 'index.js'), '1');
  await timePasses();
  expect(await code.hasChanged(folder)).toBe(false);
});
afterEach(() => rm(root, { recursive: true }));

/** It is later than all that was written so far, and earlier than all that will be, by the times that this file system gives. */
async function timePasses(): Promise<void> {
  const before = await timeOfWriting();
  let after = before;
  while (after === before) after = await timeOfWriting();
  nowMs = (before + after) / 2;
}

async function timeOfWriting(): Promise<number> {
  const probe = path.join(root, 'probe');
  await writeFile(probe, '');
  return (await lstat(probe)).ctimeMs;
}

describe('InPlaceCode', () => {
  it('finds nothing new in a folder nobody has touched, nor in what is not the plugin’s', async () => {
    await mkdir(path.join(folder, 'node_modules', 'x'), { recursive: true });
    await mkdir(path.join(folder, '.bellows'));
    await writeFile(path.join(folder, '.bellows', 'store.db'), 'x');
    expect(await code.hasChanged(folder)).toBe(false);
  });

  it('finds a file that was written, and an older one or a folder that was moved there', async () => {
    await writeFile(path.join(folder, 'dist', 'index.js'), '2');
    expect(await code.hasChanged(folder)).toBe(true);
  });

  it('finds older things that were moved there, and another folder in its place', async () => {
    const older = path.join(root, 'older');
    await mkdir(older);
    await rename(older, path.join(folder, 'more'));
    expect(await code.hasChanged(folder)).toBe(true);
    const second = path.join(root, 'second');
    await mkdir(second);
    expect(await code.hasChanged(second)).toBe(false);
    await rename(second, path.join(root, 'away'));
    await mkdir(second);
    expect(await code.hasChanged(second)).toBe(true);
    await rm(second, { recursive: true });
    expect(await code.hasChanged(second)).toBe(true);
  });

  it('takes the same again, as a build writes it, for no change once it knows what was imported', async () => {
    const file = path.join(folder, 'dist', 'index.js');
    await code.remember();
    for (const text of ['1', '1', '2', '1']) {
      await writeFile(file, text);
      await timePasses();
      expect(await code.hasChanged(folder)).toBe(text === '2');
    }
    await rename(folder, path.join(root, 'away'));
    await mkdir(path.join(folder, 'dist'), { recursive: true });
    await writeFile(file, '1');
    await timePasses();
    expect(await code.hasChanged(folder)).toBe(false);
    await rm(folder, { recursive: true });
    expect(await code.hasChanged(folder)).toBe(true);
  });

  it('finds what is written right after such a build, though the times of files lag behind the clock', async () => {
    let lagMs = 0;
    const lagging = new InPlaceCode({ now: () => nowMs + lagMs });
    await lagging.hasChanged(folder);
    await lagging.remember();
    await timePasses();
    const file = path.join(folder, 'dist', 'index.js');
    await writeFile(file, '1');
    lagMs = 60_000;
    expect(await lagging.hasChanged(folder)).toBe(false);
    await writeFile(file, '2');
    expect(await lagging.hasChanged(folder)).toBe(true);
  });

  it('does not take what was written before it looked for what was imported', async () => {
    const file = path.join(folder, 'dist', 'index.js');
    await writeFile(file, '2');
    await timePasses();
    await code.remember();
    expect(await code.hasChanged(folder)).toBe(true);
    await writeFile(file, '2');
    await timePasses();
    expect(await code.hasChanged(folder)).toBe(true);
  });
});
