import { execFileSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readTextFile } from '../src/text-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-text-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let pipes = 0;
function newPipe(): string {
  pipes += 1;
  const pipe = path.join(folder, `pipe-${pipes}`);
  execFileSync('mkfifo', [pipe]);
  return pipe;
}

describe('a pipe', () => {
  it('into which nobody writes is refused after a while, and not waited for without end', async () => {
    const read = await readTextFile(newPipe(), { maxBytes: 100, mayBePipe: true, pipeWaitMs: 30 });
    expect(read).toEqual({ fault: 'is a pipe into which nobody writes: write into it, or name a file' });
  });

  it('is read to its end, in whatever pieces it comes and however long the first takes', async () => {
    const pipe = newPipe();
    const reading = readTextFile(pipe, { maxBytes: 1_000_000, mayBePipe: true, pipeWaitMs: 0x7fff_ffff });
    const writer = await open(pipe, 'w');
    try {
      for (const piece of ['plugins: ', '{}\n', `# ${'x'.repeat(200_000)}`]) {
        await writer.writeFile(piece);
        // nothing stands in it for some looks
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    } finally {
      await writer.close();
    }
    expect(await reading).toEqual({ text: `plugins: {}\n# ${'x'.repeat(200_000)}` });
  });

  it('is not read further than is allowed', async () => {
    const pipe = newPipe();
    const reading = readTextFile(pipe, { maxBytes: 2_048, mayBePipe: true, pipeWaitMs: 0x7fff_ffff });
    const writer = await open(pipe, 'w');
    // who reads goes away in the middle of it
    await writer.writeFile('x'.repeat(1_000_000)).catch(() => {});
    await writer.close();
    expect(await reading).toEqual({ fault: 'is larger than 2 KiB: name a smaller file' });
  });

  it('is no file where none is allowed', async () => {
    expect(await readTextFile(newPipe(), { maxBytes: 100 })).toEqual({ fault: 'is a pipe: name a file' });
  });
});
