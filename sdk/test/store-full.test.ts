import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { SqliteStore } from '../src/sqlite-store.js';

const PROGRAM = fileURLToPath(new URL('programs/full-disk.mjs', import.meta.url));
const run = promisify(execFile);
const kinds = ['sqlite', 'files'] as const;

interface Told {
  readonly kept: number;
  readonly refusal: string;
  readonly stream: string;
  readonly lost: readonly number[];
  readonly lostAfterwards: readonly number[];
  readonly after: number | null;
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bellows-full-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('a store that cannot grow', () => {
  const isMounted = canMount();
  const how = isMounted
    ? 'on a full file system of 4 MB'
    : 'past the largest file its process may write, as no small file system can be mounted here';
  it.each(kinds)(`of %s keeps everything it acknowledged, ${how}`, async (kind) => {
    await withFolder(async (folder) => {
      const told = isMounted ? await onSmallDisk(kind, folder) : await withFileLimit(kind, folder);
      expect(told).toMatchObject({ lost: [], lostAfterwards: [] });
      expect(told.kept).toBeGreaterThan(20);
      if (isMounted) expect(told).toMatchObject({ refusal: 'STORE_FULL', stream: 'STORE_FULL', after: 20_000 });
      else expect([told.refusal ?? told.stream]).toEqual([expect.stringMatching(/^STORE_(FULL|UNREACHABLE)$/)]);
    });
  });

  it('of sqlite with maxBytes refuses values and streams that do not fit, and has the room of what was deleted or refused again', async () => {
    await withFolder(async (folder) => {
      await using store = await SqliteStore.open(path.join(folder, 'store.db'), { maxBytes: 3_000_000 });
      const large = new Uint8Array(2_000_000).fill(1);
      async function* tooMuch() {
        for (let count = 0; count < 100; count += 1) yield new Uint8Array(100_000);
      }
      for (let round = 0; round < 5; round += 1) {
        await store.write('dw://internal/large', large);
        await expect(store.write('dw://internal/other', large)).rejects.toMatchObject({ code: 'STORE_FULL' });
        await expect(store.writeStream('dw://internal/large', tooMuch())).rejects.toMatchObject({ code: 'STORE_FULL' });
        expect(Buffer.compare((await store.read('dw://internal/large')) ?? new Uint8Array(), large)).toBe(0);
        await store.delete('dw://internal/large');
      }
    });
  });
});

async function onSmallDisk(kind: string, folder: string): Promise<Told> {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
  try {
    const filler = path.join(folder, 'filler');
    await writeFile(filler, new Uint8Array(1_000_000));
    return JSON.parse((await run(process.execPath, [PROGRAM, kind, folder, filler])).stdout);
  } finally {
    execFileSync('umount', [folder]);
  }
}

async function withFileLimit(kind: string, folder: string): Promise<Told> {
  const command = 'trap "" XFSZ; ulimit -f 4000; exec "$@"';
  return JSON.parse((await run('sh', ['-c', command, 'sh', process.execPath, PROGRAM, kind, folder])).stdout);
}

function canMount(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'bellows-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
