import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkStore } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpillStore, type SpillStoreOptions } from '../../src/store/spill-store.js';

const A = 'dw://internal/a';
const B = 'dw://internal/b';

let folder: string;
let lastFile = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-spill-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const newFile = () => path.join(folder, `${(lastFile += 1)}.db`);
const openStore = (file = newFile(), options: SpillStoreOptions = {}) => new SpillStore(file, options);

describe('SpillStore', () => {
  it('keeps the promises of a durable store', async () => {
    const files = new Map<unknown, string>();
    const make = (file: string) => {
      const store = openStore(file);
      files.set(store, file);
      return store;
    };
    await checkStore(() => make(newFile()), {
      async reopen(store) {
        await (store as SpillStore).close();
        return make(files.get(store) ?? '');
      },
      close: (store) => (store as SpillStore).close(),
    });
  });

  it('has large pages, and gives 10 MB back as they were', async () => {
    const file = newFile();
    await using store = openStore(file);
    const data = Uint8Array.from({ length: 10_000_000 }, (_, index) => index * 31);
    await store.write(A, data);
    expect(Buffer.compare((await store.read(A)) ?? new Uint8Array(), data)).toBe(0);
    await store.close();
    const database = new DatabaseSync(file);
    expect(database.prepare('PRAGMA page_size').get()?.page_size).toBe(65_536);
    database.close();
  });

  it('tells errors of the thread with their kind and code, and goes on', async () => {
    await using full = openStore(newFile(), { maxBytes: 500_000 });
    await expect(full.write(A, new Uint8Array(2_000_000))).rejects.toMatchObject({ code: 'STORE_FULL', kind: 'not_ready', status: 503 });
    await full.write(A, new Uint8Array(10));
    expect((await full.read(A))?.length).toBe(10);
    await using nowhere = openStore(path.join(folder, 'missing', 'x.db'));
    await expect(nowhere.read(A)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    await expect(nowhere.write('nonsense', new Uint8Array(1))).rejects.toMatchObject({ code: 'STORE_PATH_INVALID', kind: 'input' });
  });

  it('copies what it is given at the call, also while the file is being opened', async () => {
    await using store = openStore();
    const data = Uint8Array.of(1);
    const writing = store.write(A, data);
    data[0] = 2;
    await writing;
    expect([...((await store.read(A)) ?? [])]).toEqual([1]);
  });

  it('makes its file with the first call, and tries again to open one that could not be opened', async () => {
    const later = path.join(folder, 'later');
    await using store = openStore(path.join(later, 'spill.db'));
    await expect(store.write(A, Uint8Array.of(1))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', kind: 'not_ready' });
    await mkdir(later);
    expect(await readdir(later)).toEqual([]);
    await store.write(A, Uint8Array.of(1));
    expect([...((await store.read(A)) ?? [])]).toEqual([1]);
  });

  it('rejects with the reason of a signal at once', async () => {
    await using store = openStore();
    const abort = new AbortController();
    const writing = store.write(A, new Uint8Array(1_000_000), abort.signal);
    abort.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
    await expect(store.read(A, abort.signal)).rejects.toThrow('enough');
    await store.write(A, Uint8Array.of(2));
    expect([...((await store.read(A)) ?? [])]).toEqual([2]);
  });

  it('stores what is under way when it is closed, and refuses everything afterwards with STORE_CLOSED', async () => {
    const file = newFile();
    const store = openStore(file);
    const writing = Promise.all([store.write(A, Uint8Array.of(1)), store.write(B, new Uint8Array(5_000_000)), store.list('')]);
    await store.close();
    await writing;
    await store.close();
    await expect(store.read(A)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await openStore().close();
    await using again = openStore(file);
    expect(await again.list('dw://internal/')).toEqual([A, B]);
  });

  it('keeps its process alive until it is closed', async () => {
    const program = fileURLToPath(new URL('programs/close-spill.mjs', import.meta.url));
    const file = newFile();
    const { stdout } = await promisify(execFile)(process.execPath, [program, file]);
    expect(stdout).toBe('closed\n');
    await using again = openStore(file);
    expect(await again.list('dw://internal/')).toHaveLength(5);
  });
});
