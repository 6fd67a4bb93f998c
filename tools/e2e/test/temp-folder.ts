import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';

const made: string[] = [];

/** A new empty folder, removed after the test file. */
export function tempFolder(name = 'bellows'): string {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), `${name}-`)));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
