import { mkdtempSync, rmdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { expect, it } from '@jest/globals';
import { SurroundingsWatch } from '../../src/testing/surroundings-watch.js';

it('works where the working folder is gone before it begins', () => {
  const before = process.cwd();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-surroundings-'));
  try {
    process.chdir(folder);
    rmdirSync(folder);
    const watch = new SurroundingsWatch();
    expect(watch.changed).toEqual([]);
    process.chdir(before);
    expect(watch.changed).toEqual([`the working folder ${before}, which was (removed)`]);
  } finally {
    process.chdir(before);
  }
});
