import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { type IClock, systemClock } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CommandOutput } from '../../src/agent/command-output.js';
import { CutFile } from '../../src/agent/cut-file.js';
import { printableTail } from '../../src/agent/printable.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-output-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a file that is cut in the middle', () => {
  it('holds the first and the last half of anything, however it is written', async () => {
    const file = path.join(folder, 'log');
    const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 2, max: 60 }), async (written, maxBytes) => {
        const cut = await CutFile.open(file, maxBytes);
        for (const piece of written) await cut.write(piece);
        await cut.close();
        expect(await readFile(file)).toEqual(expected(Buffer.concat(written), maxBytes));
      }),
      { numRuns: 60 },
    );
    expect(await readdir(folder)).toEqual(['log']);
  });

  it('empties what was there', async () => {
    const file = path.join(folder, 'log');
    await writeFile(file, 'of an earlier session', { mode: 0o644 });
    await (await CutFile.open(file, 100)).close();
    expect(await readFile(file, 'utf8')).toBe('');
  });
});

function expected(all: Buffer, maxBytes: number): Buffer {
  if (all.length <= maxBytes) return all;
  const head = Math.floor(maxBytes / 2);
  const line = `\n[... ${all.length - maxBytes} bytes are left out here ...]\n`;
  return Buffer.concat([all.subarray(0, head), Buffer.from(line), all.subarray(all.length - (maxBytes - head))]);
}

describe('the output of a command', () => {
  const open = (clock: IClock) => CommandOutput.open({ logFile: path.join(folder, 'log'), maxBytes: 64 * 1024, clock });

  it('is read at the pace of the disk, with little waiting', async () => {
    // on a clock that stands still no disk is too slow
    const output = await open(new FakeClock());
    const stream = new PassThrough();
    output.read(stream);
    let most = 0;
    for (let piece = 0; piece < 1_000; piece += 1) {
      if (!stream.write(Buffer.alloc(64 * 1024, piece))) await new Promise((resolve) => stream.once('drain', resolve));
      most = Math.max(most, output.waitingBytes);
    }
    stream.end();
    await output.finish(10_000);
    expect(most).toBeLessThanOrEqual(256 * 1024);
    expect(output.fault).toBeUndefined();
    expect((await readFile(path.join(folder, 'log'))).subarray(-1)[0]).toBe(999 % 256);
  });

  it('on a disk that hangs is dropped after a while, so that the program goes on', async () => {
    const clock = new FakeClock();
    const output = await open(clock);
    const { write, close } = CutFile.prototype;
    let release = () => {};
    CutFile.prototype.write = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const closed = new Promise((resolve) => {
      CutFile.prototype.close = function (this: CutFile) {
        return close.call(this).finally(() => resolve(null));
      };
    });
    try {
      const stream = new PassThrough();
      output.read(stream);
      let sent = 0;
      const sending = (async () => {
        for (; sent < 100; sent += 1)
          if (!stream.write(Buffer.alloc(64 * 1024))) await new Promise((resolve) => stream.once('drain', resolve));
        stream.end('end\n');
      })();
      await clock.advance(4_000);
      expect(sent).toBeLessThan(100);
      await clock.advance(2_000);
      await sending;
      const finished = output.finish(1_000);
      await clock.advance(10_000);
      await finished;
      expect(output.waitingBytes).toBeLessThanOrEqual(256 * 1024);
      expect(output.fault).toMatch(/^the disk was too slow: \d+ bytes are not in the log$/);
      expect(output.tail).toMatch(/end\n$/);
    } finally {
      CutFile.prototype.write = write;
      // the disk is there again: the file is closed although nobody waits for it
      release();
      await closed;
      CutFile.prototype.close = close;
    }
  });

  it('is read to its end although the disk hangs just then', async () => {
    const clock = new FakeClock();
    const output = await open(clock);
    const { write } = CutFile.prototype;
    let release = () => {};
    CutFile.prototype.write = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    try {
      const stream = new PassThrough({ highWaterMark: 1024 * 1024 });
      output.read(stream);
      for (let piece = 0; piece < 10; piece += 1) stream.write(Buffer.alloc(64 * 1024));
      stream.end('end\n');
      const finished = output.finish(1_000);
      await clock.advance(20_000);
      await finished;
      expect(output.tail).toMatch(/end\n$/);
      expect(output.fault).toMatch(/^the disk was too slow/);
    } finally {
      CutFile.prototype.write = write;
      release();
    }
  });

  it('is read to its end also when this process was held up for longer than that may take', async () => {
    const output = await open(systemClock);
    const ready = path.join(folder, 'ready');
    const child = spawn('sh', ['-c', 'echo end; echo x >"$0"', ready], { stdio: ['ignore', 'pipe', 'ignore'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    output.read(child.stdout);
    const finished = output.finish(1);
    const beganAtMs = performance.now();
    // in one turn: both the time and the output are there at the next
    while ((!existsSync(ready) && performance.now() - beganAtMs < 20_000) || performance.now() - beganAtMs < 20);
    await finished;
    expect(output.tail).toBe('end\n');
    await ended;
  });

  it('is cut when somebody keeps it open', async () => {
    const clock = new FakeClock();
    const output = await open(clock);
    const stream = new PassThrough();
    output.read(stream);
    stream.write('hello');
    const finished = output.finish(500);
    await clock.advance(500);
    await finished;
    expect([stream.destroyed, output.tail, clock.pending]).toEqual([true, 'hello', 0]);
    expect(await readFile(path.join(folder, 'log'), 'utf8')).toBe('hello');
  });
});

describe('a printable tail', () => {
  it.each([
    ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
    ['titles and links', '\u001b]0;title\u0007a\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'alink'],
    ['an escape without end', 'a\u001b]0;title\nb\u001b', 'a\nb'],
    ['progress bars', '10%\r20%\r\ndone', '10%\n20%\ndone'],
    ['control characters', 'a\u0000b\u0007c\td\n', 'a\ufffdb\ufffdc\td\n'],
    ['turned text', 'a\u202eb', 'a\ufffdb'],
    ['eight-bit escapes', '\u009b31mred', 'red'],
  ])('has no %s', (_, output, tail) => {
    expect(printableTail(Buffer.from(output), 100)).toBe(tail);
  });

  it('replaces broken UTF-8 and begins with a whole character', () => {
    expect(printableTail(Buffer.from([0x61, 0xff, 0x62]), 100)).toBe('a\ufffdb');
    expect(printableTail(Buffer.from('äöü').subarray(1), 100)).toBe('öü');
    expect(printableTail(Buffer.from('äöü'), 3)).toBe('ü');
  });

  it('of anything is short and printable', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 100 }), (output, maxBytes) => {
        const tail = printableTail(output, maxBytes);
        expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(maxBytes);
        expect(tail).not.toMatch(/(?![\n\t])\p{Cc}/u);
      }),
    );
  });
});
