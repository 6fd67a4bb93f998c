import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SqliteStore } from '../src/sqlite-store.js';
import { checkStore } from '../src/testing/check-store.js';

let folder: string;
let lastFile = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-sqlite-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const newFile = () => path.join(folder, `${(lastFile += 1)}.db`);
const bytes = (...values: number[]) => Uint8Array.from(values);
const A = 'dw://internal/a';
const B = 'dw://internal/b';

describe('SqliteStore', () => {
  it('keeps the promises of a durable store', async () => {
    const files = new Map<unknown, string>();
    const open = async (file: string) => {
      const store = await SqliteStore.open(file);
      files.set(store, file);
      return store;
    };
    await checkStore(() => open(newFile()), {
      async reopen(store) {
        await (store as SqliteStore).close();
        return open(files.get(store) ?? '');
      },
      close: (store) => (store as SqliteStore).close(),
    });
  });

  it.each([
    [{ maxByte: 5 }, 'options.maxByte is unknown: did you mean maxBytes?'],
    [null, 'options must be an object with busyTimeoutMs, maxBytes, pageBytes, and is null'],
  ])('refuses the options %j before it makes a file', async (options, told) => {
    const file = newFile();
    await expect(SqliteStore.open(file, options as object)).rejects.toMatchObject({
      kind: 'input',
      code: 'STORE_OPTIONS_INVALID',
      message: expect.stringContaining(told),
    });
    expect(existsSync(file)).toBe(false);
  });

  it('commits all changes of one turn of the event loop together', async () => {
    const file = newFile();
    await using store = await SqliteStore.open(file);
    const reader = new DatabaseSync(file);
    const commits = () => Number(reader.prepare('SELECT count FROM commits').get()?.count);
    const before = commits();
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.write(`dw://internal/${index}`, bytes(index))));
    expect(commits()).toBe(before + 1);
    reader.close();
  });

  it('syncs a write-ahead log at every commit', async () => {
    const file = newFile();
    await using store = await SqliteStore.open(file);
    await store.write(A, bytes(1));
    const reader = new DatabaseSync(file);
    expect(reader.prepare('PRAGMA journal_mode').get()?.journal_mode).toBe('wal');
    reader.close();
  });

  it('refuses what does not fit with STORE_FULL, stores the rest of the turn, and goes on working', async () => {
    await using store = await SqliteStore.open(newFile(), { maxBytes: 200_000 });
    await store.write(A, bytes(1));
    const results = await Promise.allSettled([store.write(A, new Uint8Array(1_000_000)), store.write(B, bytes(2))]);
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FULL', kind: 'not_ready' } });
    expect(results[1]).toMatchObject({ status: 'fulfilled' });
    expect([...((await store.read(A)) ?? [])]).toEqual([1]);
    await store.write(A, bytes(3));
    expect([...((await store.read(A)) ?? [])]).toEqual([3]);
  });

  it('tells a file that is no database from one that is damaged inside, both as STORE_CORRUPT', async () => {
    const text = newFile();
    await writeFile(text, 'this is not a database '.repeat(100));
    await expect(SqliteStore.open(text)).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(text) });

    const file = newFile();
    const store = await SqliteStore.open(file);
    for (let index = 0; index < 200; index += 1) await store.write(`dw://internal/${index}`, new Uint8Array(1_000).fill(1));
    await store.close();
    const damaged = new DatabaseSync(file);
    const pageBytes = Number(damaged.prepare('PRAGMA page_size').get()?.page_size);
    damaged.close();
    const { open } = await import('node:fs/promises');
    const handle = await open(file, 'r+');
    const { size } = await handle.stat();
    await handle.write(new Uint8Array(size - pageBytes).fill(0xff), 0, size - pageBytes, pageBytes);
    await handle.close();
    const reading = SqliteStore.open(file).then(async (broken) => {
      try {
        return await broken.read('dw://internal/7');
      } finally {
        await broken.close();
      }
    });
    await expect(reading).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('says STORE_UNREACHABLE when the folder is not there', async () => {
    const opening = SqliteStore.open(path.join(folder, 'missing', 'x.db'));
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', kind: 'not_ready' });
  });

  it('says STORE_BUSY while another process holds the file, and works again afterwards', async () => {
    const file = newFile();
    await using store = await SqliteStore.open(file, { busyTimeoutMs: 1 });
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.write(A, bytes(1))).rejects.toMatchObject({ code: 'STORE_BUSY', kind: 'not_ready' });
    other.exec('COMMIT');
    other.close();
    await store.write(A, bytes(2));
    expect([...((await store.read(A)) ?? [])]).toEqual([2]);
  });

  it('stores what is under way when it is closed, and refuses everything afterwards with STORE_CLOSED', async () => {
    const file = newFile();
    const store = await SqliteStore.open(file);
    const writing = store.write(A, bytes(1));
    await store.close();
    await writing;
    await store.close();
    const calls = [store.write(A, bytes(2)), store.read(A), store.delete(A), store.list(''), store.exists(A)];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await using again = await SqliteStore.open(file);
    expect([...((await again.read(A)) ?? [])]).toEqual([1]);
  });
});
