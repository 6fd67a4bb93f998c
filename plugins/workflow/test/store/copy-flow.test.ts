import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FlowStore } from '../../src/store/flow-store.js';
import { anEvent, aRun, aStart, submitted } from './flow-samples.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-copy-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = async () => {
  const folder = path.join(root, `${(lastFolder += 1)}`);
  await mkdir(folder);
  return folder;
};
const openStore = (folder: string) => FlowStore.open(folder, { clock: new FakeClock(), logger: silentLogger });

/** Larger than one step of a copy, so that the event loop gets its turn in between. */
async function filled(folder: string): Promise<FlowStore> {
  const store = await openStore(folder);
  const input = 'x'.repeat(50_000);
  for (let key = 1; key <= 100; key += 1) expect(await submitted(store, aStart(aRun(store.nextKey(), { input })))).toBeNull();
  return store;
}

describe('a copy of the runs', () => {
  it('has all that was committed before, and whole runs of what comes while it is made', async () => {
    const [from, to] = [await newFolder(), await newFolder()];
    await using store = await filled(from);
    let isOver = false;
    const copying = store.copyTo(path.join(to, 'flow.db')).finally(() => {
      isOver = true;
    });
    let meanwhile = 0;
    while (!isOver && meanwhile < 500) {
      const run = aRun(store.nextKey());
      await submitted(store, { ...aStart(run), events: [anEvent(1), anEvent(2), anEvent(3)] });
      meanwhile += 1;
    }
    await copying;
    expect(meanwhile).toBeGreaterThan(0);
    expect(await readdir(to)).toEqual(['flow.db']);
    expect((await stat(path.join(to, 'flow.db'))).mode & 0o777).toBe(0o600);
    await using copy = await openStore(to);
    const { items } = copy.list({ limit: 1_000 });
    expect(items.length).toBeGreaterThanOrEqual(100);
    for (const { key } of items) expect([...copy.events(key)]).toEqual([...store.events(key)]);
    expect(items.map(({ key }) => key).sort((a, b) => a - b)).toEqual(Array.from(items, (_, index) => index + 1));
  });

  it('is made also where its beginning meets a commit, which half of them do', async () => {
    const [from, to] = [await newFolder(), await newFolder()];
    await using store = await openStore(from);
    let isOver = false;
    const commit = () => {
      for (let left = 40; left > 0; left -= 1) store.submit(aStart(aRun(store.nextKey())));
      if (!isOver) setImmediate(commit);
    };
    commit();
    try {
      for (let copy = 0; copy < 6; copy += 1) await store.copyTo(path.join(to, `${copy}.db`));
    } finally {
      isOver = true;
      // the last turn of the callers
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await readdir(to)).toHaveLength(6);
  });

  it('leaves nothing when its caller goes, and the store goes on', async () => {
    const [from, to] = [await newFolder(), await newFolder()];
    await using store = await filled(from);
    const caller = new AbortController();
    const copying = store.copyTo(path.join(to, 'flow.db'), caller.signal);
    caller.abort(new Error('gone'));
    await expect(copying).rejects.toThrow('gone');
    expect(await readdir(to)).toEqual([]);
    expect(await submitted(store, aStart(aRun(store.nextKey())))).toBeNull();
  });

  it('is never made over a file that is there, nor where there is no folder, nor after the store was closed', async () => {
    const [from, to] = [await newFolder(), await newFolder()];
    const store = await openStore(from);
    await writeFile(path.join(to, 'flow.db'), 'theirs');
    await expect(store.copyTo(path.join(to, 'flow.db'))).rejects.toMatchObject({ code: 'BACKUP_FAILED', kind: 'refused' });
    expect((await stat(path.join(to, 'flow.db'))).size).toBe(6);
    await expect(store.copyTo(path.join(to, 'nowhere', 'flow.db'))).rejects.toMatchObject({ code: 'BACKUP_FAILED' });
    await store.close();
    await expect(store.copyTo(path.join(to, 'other.db'))).rejects.toMatchObject({ code: 'FLOW_STORE_CLOSED' });
  });

  it('ends with an error, and without a file, when the store is closed under it', async () => {
    const [from, to] = [await newFolder(), await newFolder()];
    const store = await filled(from);
    const copying = store.copyTo(path.join(to, 'flow.db')).then(
      () => 'whole',
      (error: { code?: string }) => error.code,
    );
    await store.close();
    expect(['whole', 'BACKUP_FAILED', 'FLOW_STORE_CLOSED']).toContain(await copying);
    expect(await readdir(to)).toEqual((await copying) === 'whole' ? ['flow.db'] : []);
    await using again = await openStore(from);
    expect(again.list({ limit: 200 }).items).toHaveLength(100);
  });
});

describe('a folder of runs whose database is not what it was', () => {
  it.each([
    ['of no bytes', (file: string) => writeFile(file, '')],
    ['without tables', (file: string) => makeEmpty(file)],
  ])('is refused with a database %s: a backup that was cut off is no first start', async (_what, damage) => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    await rm(path.join(folder, 'flow.db'));
    await damage(path.join(folder, 'flow.db'));
    await expect(openStore(folder)).rejects.toMatchObject({
      code: 'FLOW_STORE_CORRUPT',
      kind: 'config',
      message: expect.stringMatching(/flow\.db is damaged or no database of runs \(it is empty.*restore it from a backup, or move it/),
    });
  });

  it('is refused when the log is there and the database is not, and starts empty when both were moved away', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    await rename(path.join(folder, 'flow.db'), path.join(folder, 'flow.db-wal'));
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'FLOW_STORE_CORRUPT', message: expect.stringContaining('flow.db-wal') });
    expect(await readdir(folder)).toEqual(['flow.db-wal']);
    await rm(path.join(folder, 'flow.db-wal'));
    await (await openStore(folder)).close();
  });

  it('starts where a first start was killed before its database was whole, and removes what that left', async () => {
    const folder = await newFolder();
    await writeFile(path.join(folder, 'flow.db-new-0b7a'), 'half');
    await (await openStore(folder)).close();
    expect(await readdir(folder)).toEqual(['flow.db']);
  });
});

async function makeEmpty(file: string): Promise<void> {
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE x (y); DROP TABLE x');
  database.close();
}
