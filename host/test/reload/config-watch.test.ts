import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileState } from '../../src/file-state.js';
import { ConfigWatch, LOOK_MS } from '../../src/reload/config-watch.js';

let folder: string;
let file: string;
let other: string;
let told: number;
let changed: readonly string[];
let warned: string[];
let clock: FakeClock;
let watch: ConfigWatch;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-watch-'));
  [file, other] = ['bellows.yaml', 'own.yaml'].map((name) => path.join(folder, name)) as [string, string];
  await writeFile(file, 'host: {}');
  await writeFile(other, 'size: 1');
  told = 0;
  clock = new FakeClock();
  warned = [];
  const logger = { ...silentLogger, warn: (text: string) => void warned.push(text) };
  const onChange = (files: readonly string[]) => {
    told += 1;
    changed = files;
  };
  watch = new ConfigWatch({ clock, logger, onChange });
  await follow(file, other);
});
afterEach(() => {
  watch[Symbol.dispose]();
  return rm(folder, { recursive: true });
});

async function follow(...files: readonly string[]): Promise<void> {
  watch.follow(new Map(await Promise.all(files.map(async (name) => [name, await fileState(name)] as const))));
}

async function looks(count: number): Promise<void> {
  for (let look = 0; look < count; look += 1) await watch.look();
}

describe('ConfigWatch', () => {
  it('tells a change once, when it has rested from one look to the next', async () => {
    await looks(2);
    expect(told).toBe(0);
    await writeFile(file, 'host: { port: 1 }');
    await looks(1);
    expect(told).toBe(0);
    await looks(1);
    expect([told, changed]).toEqual([1, [file]]);
    await writeFile(other, 'size: 22');
    await looks(4);
    expect([told, changed]).toEqual([2, [other]]);
  });

  it('looks once a second by the clock', async () => {
    await writeFile(file, 'host: { port: 1 }');
    await clock.advance(LOOK_MS - 1);
    await watch.look(); // the first of the two it needs
    expect(told).toBe(0);
    for (let second = 0; told === 0 && second < 10_000; second += 1) {
      await clock.advance(LOOK_MS);
      await new Promise((resolve) => setTimeout(resolve, 1)); // real files take real time
    }
    expect(told).toBe(1);
  });

  it('waits while a file is being written, and while it is empty or away', async () => {
    for (const text of ['host:', 'host: {', 'host: { port', 'host: { port: 2 }']) {
      await writeFile(file, text);
      await looks(1);
    }
    expect(told).toBe(0);
    await truncate(file, 0);
    await looks(5);
    await rm(file);
    await looks(5);
    expect(told).toBe(0);
    expect(warned).toEqual([expect.stringMatching(/bellows\.yaml is empty or away/)]);
    await writeFile(file, 'host: { port: 3 }');
    await looks(3);
    expect(told).toBe(1);
  });

  it('does not wait for a file that was empty when it was read', async () => {
    await truncate(other, 0);
    await follow(file, other);
    await writeFile(file, 'host: { port: 1 }');
    await looks(2);
    expect([told, warned]).toEqual([1, []]);
  });

  it('sees no change in a pipe that was read, nor in what is empty and then away', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await truncate(other, 0);
    await follow(pipe, other);
    await utimes(pipe, 1, 1);
    await rm(other);
    await looks(3);
    await rm(pipe);
    await looks(3);
    expect([told, warned]).toEqual([0, []]);
  });

  it('sees a file that an editor exchanged for another, also of the same size and time', async () => {
    const time = new Date(1_700_000_000_000);
    await utimes(file, time, time);
    await follow(file);
    const fresh = path.join(folder, 'fresh');
    await writeFile(fresh, 'host: []');
    await utimes(fresh, time, time);
    await rename(fresh, file);
    await looks(3);
    expect(told).toBe(1);
  });

  it('tells what has changed between the reading of a file and the first look', async () => {
    const read = new Map([[file, await fileState(file)]]);
    await writeFile(file, 'host: { port: 4 }');
    watch.follow(read);
    await looks(3);
    expect(told).toBe(1);
  });

  it('looks at nothing when it follows nothing, and leaves no timer behind', async () => {
    await follow();
    expect(clock.pending).toBe(0);
    await writeFile(file, 'host: { port: 1 }');
    await follow(file);
    await looks(3);
    expect(told).toBe(0);
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
