import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeOutput } from '../../src/cli/output-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-output-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (file: string) => writeOutput(path.resolve(folder, file), 'text', file);

describe('writeOutput', () => {
  it('makes the folders that are missing, also when two do so at once, and writes over a file', async () => {
    await Promise.all([write('a/b/c.txt'), write('a/b/d.txt')]);
    await write('a/b/c.txt');
    expect(await readFile(path.join(folder, 'a/b/c.txt'), 'utf8')).toBe('text');
  });

  it('says what stands in the way, and what to do', async () => {
    await writeFile(path.join(folder, 'taken'), '');
    await expect(write('')).rejects.toThrow('Cannot write a file: its name is empty. Name another file with --output.');
    await expect(write('.')).rejects.toThrow(`Cannot write .: ${folder} is a folder (EISDIR). Name another file with --output.`);
    const inside = path.join(folder, 'taken', 'x.ts');
    await expect(write('taken/x.ts')).rejects.toThrow(
      `Cannot write taken/x.ts: ${inside} has a part that is a file, not a folder (ENOTDIR)`,
    );
    await expect(write('taken/y/x.ts')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE', message: expect.stringContaining('(ENOTDIR)') });
    await expect(write('a\0b')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });

  it('ends where no folder can be made, as in /proc', async () => {
    await expect(writeOutput('/proc/none/y.ts', '', '/proc/none/y.ts')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});
