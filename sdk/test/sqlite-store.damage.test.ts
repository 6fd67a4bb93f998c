import { execFile } from 'node:child_process';
import { access, copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isBellowsError } from '../src/errors.js';
import { SqliteStore } from '../src/sqlite-store.js';
import { killedStore } from './programs/killed-store.mjs';

let folder: string;
let last = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-damage-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const newFile = () => path.join(folder, `${(last += 1)}.db`);
const A = 'dw://internal/a';

/** Small ones, one in pieces, and enough of them for more than one level of pages. */
function samples(): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (let index = 0; index < 120; index += 1) values.set(`dw://internal/some/longer/path/${index}`, new Uint8Array(index * 9).fill(index));
  values.set('dw://internal/large', new Uint8Array(150_000).fill(7));
  return values;
}

/** Reads everything. The error of the first call that rejects, or what was answered wrongly. */
async function readAll(file: string, expected: ReadonlyMap<string, Uint8Array>): Promise<{ codes: Set<string>; wrong: string[] }> {
  const codes = new Set<string>();
  const wrong: string[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      codes.add(isBellowsError(error) ? error.code : String(error));
    }
  };
  await attempt(async () => {
    await using store = await SqliteStore.open(file);
    for (const [key, value] of expected) {
      await attempt(async () => {
        const found = await store.read(key);
        if (found === null || Buffer.compare(found, value) !== 0)
          wrong.push(`${key} as ${found === null ? 'null' : `${found.length} bytes`}`);
      });
      await attempt(async () => {
        if (!(await store.exists(key))) wrong.push(`${key} does not exist`);
      });
    }
    await attempt(async () => {
      for (const key of await store.list('')) if (!expected.has(key)) wrong.push(`${key} was listed`);
    });
  });
  return { codes, wrong };
}

describe('a damaged SqliteStore', () => {
  it('answers the right value or STORE_CORRUPT, whichever bytes of its file were changed', async () => {
    const values = samples();
    const file = newFile();
    {
      await using store = await SqliteStore.open(file);
      await Promise.all([...values].map(([key, value]) => store.write(key, value)));
    }
    const whole = await readFile(file);
    // half of them in the small part that is not the data of a value: header, trees of paths, sums
    const place = fc.oneof(fc.nat(whole.length - 1), fc.nat(Math.min(whole.length, 60_000) - 1), fc.nat(4_200));
    const change = fc.tuple(place, fc.integer({ min: 1, max: 255 }));
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, mask] of changes) damaged[at] = (damaged[at] ?? 0) ^ mask;
        await writeFile(file, damaged);
        for (const suffix of ['-wal', '-shm', '-commits']) await rm(file + suffix, { force: true });
        const { codes, wrong } = await readAll(file, values);
        expect(wrong).toEqual([]);
        expect([...codes].filter((code) => code !== 'STORE_CORRUPT')).toEqual([]);
        found += codes.size;
      }),
      { numRuns: 120 },
    );
    expect(found).toBeGreaterThan(20);
  }, 30_000);

  it('is told when its file was cut off, emptied or overwritten at its beginning', async () => {
    const values = samples();
    const file = newFile();
    {
      await using store = await SqliteStore.open(file);
      await Promise.all([...values].map(([key, value]) => store.write(key, value)));
    }
    const kept = newFile();
    await copyFile(file, kept);
    const { size } = await stat(file);
    for (const length of [0, 1, 100, 4_096, 5_000, Math.floor(size / 2), size - 4_096, size - 1]) {
      await truncate(file, length);
      const { codes, wrong } = await readAll(file, values);
      expect([length, wrong, [...codes]]).toEqual([length, [], ['STORE_CORRUPT']]);
      await copyFile(kept, file);
    }
    for (const beginning of [new Uint8Array(100), Buffer.from('SQLite format 3\0'.padEnd(4_096, 'x')), Buffer.alloc(8_192)]) {
      await writeFile(file, Buffer.concat([beginning, (await readFile(kept)).subarray(beginning.length)]));
      expect([...(await readAll(file, values)).codes]).toEqual(['STORE_CORRUPT']);
    }
  });

  it.each(['removed', 'cut off', 'changed'])('is told when the log that a killed process left was %s, with what to do', async (how) => {
    const place = await mkdtemp(path.join(folder, 'killed-'));
    await killedStore(place);
    const file = path.join(place, 'store.db');
    const log = await readFile(`${file}-wal`);
    if (how === 'removed') await rm(`${file}-wal`);
    else if (how === 'cut off') await truncate(`${file}-wal`, log.length - 5_000);
    else await writeFile(`${file}-wal`, log.fill(1, log.length - 2_000));
    const opening = SqliteStore.open(file);
    await expect(opening).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(`${file}-wal`) });
    await rm(`${file}-commits`);
    await (await SqliteStore.open(file)).close();
  });

  it.each(['-wal', '-commits'])(
    'is told when its file is gone and its %s is there, instead of mixing both into a new one',
    async (rest) => {
      const place = await mkdtemp(path.join(folder, 'gone-'));
      await killedStore(place);
      const file = path.join(place, 'store.db');
      for (const suffix of ['', '-wal', '-commits']) if (suffix !== rest) await rm(file + suffix);
      await expect(SqliteStore.open(file)).rejects.toMatchObject({ code: 'STORE_CORRUPT', message: expect.stringContaining(file + rest) });
      await rm(file + rest);
      await using store = await SqliteStore.open(file);
      expect(await store.list('')).toEqual([]);
    },
  );

  it('is none where SQLite made a backup, put the file in order or counted in it', async () => {
    const values = samples();
    const file = newFile();
    {
      await using store = await SqliteStore.open(file);
      await Promise.all([...values].map(([key, value]) => store.write(key, value)));
    }
    const backup = newFile();
    const database = new DatabaseSync(file);
    database.prepare('VACUUM INTO ?').run(backup);
    database.exec('VACUUM; ANALYZE');
    database.close();
    for (const each of [file, backup]) {
      expect(await readAll(each, values)).toEqual({ codes: new Set(), wrong: [] });
      await using store = await SqliteStore.open(each);
      await store.write(A, Uint8Array.of(1));
      const other = new DatabaseSync(each);
      expect(other.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
      other.close();
    }
  });

  it('opens with its log after a kill, and leaves nothing beside it when it is closed', async () => {
    const place = await mkdtemp(path.join(folder, 'killed-'));
    await killedStore(place);
    const file = path.join(place, 'store.db');
    for (let round = 0; round < 2; round += 1) {
      await using store = await SqliteStore.open(file);
      expect((await store.read(A))?.length).toBe(3);
      if (round > 0) await store.write('dw://internal/b', new Uint8Array(1));
    }
    for (const suffix of ['-wal', '-commits']) await expect(access(file + suffix)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('goes on being made when the first attempt was cut off', async () => {
    const file = newFile();
    await writeFile(`${file}-new-1`, 'half a file');
    await using store = await SqliteStore.open(file);
    await store.write(A, Uint8Array.of(1));
    expect(await store.list('')).toEqual([A]);
    await expect(access(`${file}-new-1`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is not what comes of many that make the same file at once: nothing acknowledged is lost', async () => {
    const place = await mkdtemp(path.join(folder, 'many-'));
    const file = path.join(place, 'store.db');
    const program = fileURLToPath(new URL('programs/first-store.mjs', import.meta.url));
    const one = async (name: string) => (await promisify(execFile)(process.execPath, [program, place, name])).stdout;
    const outcomes = await Promise.all(['a', 'b', 'c'].map(one));
    const stored = ['a', 'b', 'c'].filter((_name, index) => outcomes[index] === 'stored').map((name) => `dw://internal/${name}`);
    expect(stored).not.toEqual([]);
    await using store = await SqliteStore.open(file);
    expect(await store.list('')).toEqual(expect.arrayContaining(stored));
    expect((await readdir(place)).filter((name) => name.includes('-new'))).toEqual([]);
  });
});

describe('a store of version 0.1', () => {
  const makeFirst = (values: ReadonlyMap<string, Uint8Array>) => {
    const file = newFile();
    const database = new DatabaseSync(file);
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('CREATE TABLE IF NOT EXISTS entries (path TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL) STRICT');
    const insert = database.prepare('INSERT INTO entries (path, data) VALUES (?, ?)');
    for (const [key, value] of values) insert.run(key, value);
    database.close();
    return file;
  };

  it('is opened with all its values, which are checked from then on', async () => {
    const values = samples();
    const file = makeFirst(values);
    expect(await readAll(file, values)).toEqual({ codes: new Set(), wrong: [] });
    await using store = await SqliteStore.open(file);
    expect((await store.list('')).length).toBe(values.size);
    await store.write(A, new Uint8Array(200_000));
    expect((await store.read(A))?.length).toBe(200_000);
  });

  it('stays as it is when there is no room to bring it to this version', async () => {
    const values = new Map([[A, new Uint8Array(100_000)]]);
    const file = makeFirst(values);
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN IMMEDIATE');
    await expect(SqliteStore.open(file, { busyTimeoutMs: 1 })).rejects.toMatchObject({ code: 'STORE_BUSY' });
    holder.exec('COMMIT');
    holder.close();
    expect(await readAll(file, values)).toEqual({ codes: new Set(), wrong: [] });
  });
});
