import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nameOf, pathOf } from '../src/file-tree/file-name.js';
import { FileTreeStore } from '../src/file-tree-store.js';
import { storePathProblem } from '../src/store-path.js';
import { checkStore } from '../src/testing/check-store.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-files-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = () => path.join(root, `${(lastFolder += 1)}`);
const bytes = (...values: number[]) => Uint8Array.from(values);
const A = 'dw://internal/a';
const B = 'dw://internal/a/b';

describe('FileTreeStore', () => {
  it('keeps the promises of a durable store', async () => {
    const folders = new Map<unknown, string>();
    const open = async (folder: string) => {
      const store = await FileTreeStore.open(folder);
      folders.set(store, folder);
      return store;
    };
    await checkStore(() => open(newFolder()), {
      async reopen(store) {
        await (store as FileTreeStore).close();
        return open(folders.get(store) ?? '');
      },
      close: (store) => (store as FileTreeStore).close(),
    });
  });

  it('keeps any paths apart and lists them, on file systems that do not tell case or Unicode forms apart too', async () => {
    const segment = fc.oneof(
      fc.constantFrom('a', 'A', 'con', 'NUL.txt', 'é', 'e\u0301', 'a.', 'a ', '%41', '%2f', 'v=', '...', '-rf', '~', 'x'.repeat(300)),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
    );
    const somePath = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((segments) => `dw://internal/${segments.join('/')}`)
      .filter((each) => storePathProblem(each) === null);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(somePath, { minLength: 1, maxLength: 12 }), async (paths) => {
        const names = new Set(paths.map((each) => nameOf(each).normalize('NFD').toLowerCase()));
        expect(names.size).toBe(paths.length);
        for (const each of paths) {
          // a dot at the end is none on Windows
          expect(nameOf(each)).toMatch(/^[vh]=[a-z0-9._%-]{0,137}[a-z0-9_%-]$/);
          expect([each, null]).toContain(pathOf(nameOf(each)));
        }
        const folder = newFolder();
        await using store = await FileTreeStore.open(folder);
        await Promise.all(paths.map((each, index) => store.write(each, bytes(index))));
        expect(await store.list('')).toEqual(paths.toSorted());
        for (const [index, each] of paths.entries()) expect([...((await store.read(each)) ?? [])]).toEqual([index]);
        expect((await readdir(root)).every((name) => /^\d+$/.test(name))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('lets a path be the beginning of another one', async () => {
    await using store = await FileTreeStore.open(newFolder());
    await Promise.all([store.write(A, bytes(1)), store.write(B, bytes(2))]);
    await store.delete(A);
    expect(await store.list('')).toEqual([B]);
  });

  it('never answers a file of which bytes were changed, but names it as STORE_CORRUPT', async () => {
    const value = new Uint8Array(5_000).map((_, index) => index * 7);
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    await store.write(A, value);
    const file = path.join(folder, nameOf(A));
    const whole = await readFile(file);
    const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, mask] of changes) damaged[at] = (damaged[at] ?? 0) ^ mask;
        await writeFile(file, damaged);
        const isSame = damaged.equals(whole);
        const error = { code: 'STORE_CORRUPT', status: 500, message: expect.stringContaining(file) };
        if (isSame) expect(await store.read(A)).toEqual(value);
        else await expect(store.read(A)).rejects.toMatchObject(error);
      }),
      { numRuns: 200 },
    );
    await writeFile(file, whole);
    for (const length of [0, 1, 20, whole.length - 1, whole.length + 1]) {
      await truncate(file, length);
      await expect(store.read(A)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      await writeFile(file, whole);
    }
    await rename(file, path.join(folder, nameOf(B)));
    await expect(store.read(B)).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(A) });
    await store.write(B, bytes(1));
    expect([...((await store.read(B)) ?? [])]).toEqual([1]);
  });

  it('tells a long path whose file was put in the place of another one', async () => {
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    const [one, other] = ['1', '2'].map((digit) => `dw://internal/${digit.repeat(500)}`) as [string, string];
    await store.write(one, bytes(1));
    await link(path.join(folder, nameOf(one)), path.join(folder, nameOf(other)));
    await expect(store.list('')).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(nameOf(other)) });
    await expect(store.read(other)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('gives no chunk of a damaged piece, and those before it', async () => {
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    await store.write(A, new Uint8Array(3_000_000).fill(1));
    const file = path.join(folder, nameOf(A));
    const damaged = await readFile(file);
    damaged[2_500_000] = 9;
    await writeFile(file, damaged);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const chunk of store.readStream(A)) {
        expect(chunk.every((byte) => byte === 1)).toBe(true);
        seen.push(chunk.length);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(seen).toEqual([2 ** 20, 2 ** 20]);
  });

  it('removes what a killed writer left, and leaves files of others alone', async () => {
    const folder = newFolder();
    await mkdir(folder);
    await writeFile(path.join(folder, 't=0b5e'), 'half');
    await writeFile(path.join(folder, 'notes.txt'), 'mine');
    await using store = await FileTreeStore.open(folder);
    expect(await readdir(folder)).toEqual(['notes.txt']);
    expect(await store.list('')).toEqual([]);
  });

  it('is for its owner only', async () => {
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    await store.write(A, bytes(1));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(path.join(folder, nameOf(A)))).mode & 0o777).toBe(0o600);
  });

  it('says STORE_UNREACHABLE when its folder cannot be, or is gone, and leaves nothing half written', async () => {
    const file = newFolder();
    await writeFile(file, '');
    await expect(FileTreeStore.open(file)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    await rm(folder, { recursive: true });
    await expect(store.write(A, bytes(1))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', kind: 'not_ready' });
  });

  it('writes hundreds of values at once with few files open', async () => {
    const folder = newFolder();
    await using store = await FileTreeStore.open(folder);
    await Promise.all(Array.from({ length: 300 }, (_, index) => store.write(`dw://internal/${index}`, bytes(index & 255))));
    expect((await store.list('')).length).toBe(300);
    expect((await readdir(folder)).length).toBe(300);
  });

  it('ends what is under way when it is closed, and refuses everything afterwards with STORE_CLOSED', async () => {
    const folder = newFolder();
    const store = await FileTreeStore.open(folder);
    const writing = store.write(A, new Uint8Array(3_000_000));
    let goOn = () => {};
    const source = async function* () {
      yield bytes(1);
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    };
    const streaming = store.writeStream(B, source());
    await store.close();
    await writing;
    goOn();
    await expect(streaming).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await store.close();
    const calls = [store.write(A, bytes(2)), store.read(A), store.delete(A), store.list(''), store.exists(A)];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect(await readdir(folder)).toEqual([nameOf(A)]);
  });
});
