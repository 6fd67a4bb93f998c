import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FileTreeStore } from '../src/file-tree-store.js';
import { SqliteStore } from '../src/sqlite-store.js';

let folder: string;
let last = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-thread-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const newFolder = () => mkdtemp(path.join(folder, `${(last += 1)}-`));
const run = async (program: string, ...args: readonly string[]) => {
  const file = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
  return (await promisify(execFile)(process.execPath, [file, ...args])).stdout;
};
const A = 'dw://internal/a';

describe('the thread of a SqliteStore', () => {
  it('starts with the first write, rejects what is under way with STORE_WRITER_LOST when it ends, and another one goes on', async () => {
    expect(JSON.parse(await run('lose-writer.mjs', await newFolder()))).toMatchObject({
      threadsToRead: 0,
      lost: 'STORE_WRITER_LOST',
      // between two pieces nothing is lost with it
      stream: 9_000_000,
      before: 1,
      after: 300_000,
    });
  });

  it('writes the file that was opened, also when the working folder is another one by then', async () => {
    const place = await newFolder();
    expect(await run('moving-process.mjs', place)).toBe('stored');
    expect((await readdir(place)).toSorted()).toEqual(['elsewhere', 'store.db']);
    expect(await readdir(path.join(place, 'elsewhere'))).toEqual([]);
  });

  it('lets its process end, which has nothing else to do, when all is stored', async () => {
    const place = await newFolder();
    expect(await run('idle-store.mjs', place)).toBe('stored');
    await using store = await SqliteStore.open(path.join(place, 'store.db'));
    expect([...((await store.read('dw://internal/last')) ?? [])]).toEqual([1]);
  });

  it('takes a write back whose signal aborts while another one is under way', async () => {
    await using store = await SqliteStore.open(path.join(await newFolder(), 'store.db'));
    const first = store.write(A, new Uint8Array(8_000_000));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const abort = new AbortController();
    const second = store.write(A, Uint8Array.of(2), abort.signal);
    abort.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    await first;
    expect((await store.read(A))?.length).toBe(8_000_000);
  });

  it('shares one commit among all that came while another one was under way', async () => {
    const file = path.join(await newFolder(), 'store.db');
    await using store = await SqliteStore.open(file);
    const other = new DatabaseSync(file);
    const commits = () => Number(other.prepare('SELECT count FROM commits').get()?.count);
    const first = store.write(A, new Uint8Array(8_000_000));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await Promise.all([first, ...Array.from({ length: 500 }, (_, index) => store.write(`dw://internal/${index}`, Uint8Array.of(1)))]);
    expect(commits()).toBe(2);
    other.close();
  });

  it('removes the pieces of values that were replaced, deleted, aborted or left by a killed process', async () => {
    const file = path.join(await newFolder(), 'store.db');
    const pieces = () => {
      const database = new DatabaseSync(file);
      const { count } = database.prepare('SELECT count(*) AS count FROM piece').get() as { count: number };
      database.close();
      return count;
    };
    const store = await SqliteStore.open(file);
    const large = new Uint8Array(3_000_000);
    await store.write(A, large);
    await store.write(A, large);
    await store.write('dw://internal/b', large);
    await store.delete('dw://internal/b');
    await expect(store.writeStream(A, breaking(large))).rejects.toThrow('broke');
    await store.close();
    expect(pieces()).toBe(3);
    const other = new DatabaseSync(file);
    other.prepare('INSERT INTO piece (id, sum, data) VALUES (?, 0, ?)').run(77 * 2 ** 20, new Uint8Array(10));
    other.close();
    await using again = await SqliteStore.open(file);
    await again.write('dw://internal/c', Uint8Array.of(1));
    expect(pieces()).toBe(3);
  });
});

describe.each(['sqlite', 'files'] as const)('a store of %s', (kind) => {
  it('holds a small part of a large value while it is streamed', async () => {
    const { peak, bytes } = JSON.parse(await run('stream-memory.mjs', kind, await newFolder(), '256'));
    expect(bytes).toBe(256 * 2 ** 20);
    // some tens of MiB are pieces that the thread has written and its own collector has not met yet
    expect(peak).toBeLessThan(224 * 2 ** 20);
  });

  it('lets the event loop go on while it writes a value of 32 MiB and reads it', async () => {
    const place = await newFolder();
    await using store =
      kind === 'sqlite' ? await SqliteStore.open(path.join(place, 'store.db')) : await FileTreeStore.open(path.join(place, 'v'));
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    turn();
    await store.writeStream(A, chunks(32));
    for await (const _chunk of store.readStream(A));
    isOver = true;
    // how long each turn took says the machine; that there were turns between any two pieces says the store
    expect(turns).toBeGreaterThan(64);
  });
});

async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(2 ** 20);
}

async function* breaking(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
  throw new Error('the source broke');
}
