import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FLOW_EVENT_TYPES } from '../../src/store/flow-records.js';
import { FlowStore } from '../../src/store/flow-store.js';
import { aLine, anEvent, aRun, aStart, submitted } from './flow-samples.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-flow-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = () => path.join(root, `${(lastFolder += 1)}`);
const openStore = (folder = newFolder(), clock = new FakeClock()) => FlowStore.open(folder, { clock, logger: silentLogger });

describe('FlowStore', () => {
  it('counts the runs of each version that have not ended', async () => {
    await using store = await openStore();
    const start = async (version: number, status: 'waiting' | 'completed') => {
      const projection = aLine(status, status === 'completed' ? { endedAt: 9 } : {});
      await submitted(store, aStart(aRun(store.nextKey(), { version }), { projection }));
    };
    for (const version of [1, 2, 2]) await start(version, 'waiting');
    await start(1, 'completed');
    await start(3, 'completed');
    expect(store.openRuns()).toEqual([
      { name: 'order', version: 1, runs: 1 },
      { name: 'order', version: 2, runs: 2 },
    ]);
  });

  it('gives back a run, its events, waits and definition after it was opened again', async () => {
    const folder = newFolder();
    const first = await openStore(folder);
    const run = aRun(first.nextKey(), {
      id: 'odd \u0000 "id\' \u{1f600} %',
      input: JSON.stringify({ value: 'x'.repeat(5_000) }),
      attributes: { 'a"b': "c'd", __proto__x: '1' },
      parent: { key: 7, stage: 3 },
      authority: { role: 'reader', runsCommands: false },
      priority: -3,
    });
    const events = FLOW_EVENT_TYPES.map((type, index) => ({ ...anEvent(index + 1, type), data: index % 3 === 0 ? null : `"${type}"` }));
    const waits = [
      { run: run.key, stage: 1, dueAt: 99 },
      { run: run.key, stage: 2, dueAt: null },
    ];
    const definition = { name: 'order', version: 2, hash: 'ff', json: '{}', createdAt: 5 };
    await first.saveDefinition(definition);
    await first.saveDefinition({ ...definition, version: 10, json: null });
    expect(await submitted(first, aStart(run, { events: events.slice(0, 10), setWaits: waits, projection: aLine('running') }))).toBeNull();
    expect(
      await submitted(first, { run: run.key, events: events.slice(10, 15), onFailure: 'keep', projection: aLine('waiting') }),
    ).toBeNull();
    await first.close();

    await using again = await openStore(folder);
    expect(again.findRun(run.id)).toEqual({ ...run, ...aLine('waiting') });
    expect(again.run(run.key)).toEqual(again.findRun(run.id));
    expect([...again.events(run.key)]).toEqual(events.slice(0, 15));
    expect([...again.events(run.key, 12)]).toEqual(events.slice(12, 15));
    expect([...again.dueWaits()]).toEqual([waits[0]]);
    expect([...again.activeRuns()]).toEqual([run.key]);
    expect(again.counts()).toMatchObject({ waiting: 1, running: 0, queued: 0 });
    expect(again.definition('order')?.version).toBe(10);
    expect(again.definition('order', 2)).toEqual(definition);
    expect(again.definitions()).toHaveLength(2);
    expect([again.findRun('no'), again.findRun('\ud800'), again.run(99), again.definition('no')]).toEqual([null, null, null, null]);
    expect(again.nextKey()).toBe(run.key + 1);
  });

  it('commits all steps of one turn at once and tells them in order, never before submit returned', async () => {
    await using store = await openStore();
    const told: number[] = [];
    let inside = true;
    const all = Array.from({ length: 50 }, (_, index) => {
      const run = aRun(store.nextKey());
      return new Promise<void>((resolve) => {
        store.submit(
          aStart(run, {
            done(error) {
              expect([error, inside]).toEqual([null, false]);
              // the first to hear finds the last one stored
              expect(store.findRun('run-50')).not.toBeNull();
              told.push(index);
              resolve();
            },
          }),
        );
      });
    });
    expect(store.findRun('run-1')).toBeNull();
    inside = false;
    await Promise.all(all);
    expect(told).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('shows a new status at once and writes it within half a second', async () => {
    const folder = newFolder();
    const clock = new FakeClock();
    const store = await openStore(folder, clock);
    const run = aRun(store.nextKey());
    await submitted(store, aStart(run));
    await submitted(store, { run: run.key, events: [anEvent(2)], onFailure: 'keep', projection: aLine('paused') });
    expect(store.findRun(run.id)?.status).toBe('paused');
    expect(store.list({ limit: 9, status: 'paused' }).items).toHaveLength(1);
    expect(store.list({ limit: 9, status: 'queued' }).items).toHaveLength(0);
    expect(store.counts()).toMatchObject({ paused: 1, queued: 0 });
    await clock.advance(499);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(clock.pending).toBe(0);
    await store.close();
  });

  it('refuses a second opener at once, and lets it in after the first has closed', async () => {
    const folder = newFolder();
    const first = await openStore(folder);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'FLOW_STORE_IN_USE', kind: 'config' });
    await first.close();
    await (await openStore(folder)).close();
  });

  it('tells a damaged file, another program’s file, a file that lost a table and a newer one apart from a good one', async () => {
    const text = newFolder();
    await (await openStore(text)).close();
    await writeFile(path.join(text, 'flow.db'), 'this is not a database '.repeat(1_000));
    await expect(openStore(text)).rejects.toMatchObject({
      code: 'FLOW_STORE_CORRUPT',
      kind: 'config',
      message: expect.stringMatching(/^\S+flow\.db is damaged or no database of runs \([^(:]+\): restore it from a backup, or [^:(]+$/),
    });

    const foreign = newFolder();
    await (await openStore(foreign)).close();
    await rm(path.join(foreign, 'flow.db'));
    change(foreign, 'CREATE TABLE other (a)');
    await expect(openStore(foreign)).rejects.toMatchObject({ code: 'FLOW_STORE_CORRUPT' });

    const table = newFolder();
    await (await openStore(table)).close();
    change(table, 'DROP TABLE events');
    await expect(openStore(table)).rejects.toMatchObject({ code: 'FLOW_STORE_CORRUPT' });

    const newer = newFolder();
    await (await openStore(newer)).close();
    change(newer, 'PRAGMA user_version = 99');
    await expect(openStore(newer)).rejects.toMatchObject({ code: 'FLOW_STORE_NEWER', message: expect.stringContaining('99') });
  });

  it('says which file is damaged when a page inside of it is', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    const run = aRun(store.nextKey());
    await submitted(
      store,
      aStart(run, { events: Array.from({ length: 900 }, (_, index) => anEvent(index + 1, 'timer.set', 'x'.repeat(300))) }),
    );
    await store.close();
    const handle = await open(path.join(folder, 'flow.db'), 'r+');
    const { size } = await handle.stat();
    await handle.write(new Uint8Array(size / 2).fill(0xff), 0, size / 2, size / 2);
    await handle.close();
    const reading = openStore(folder).then(async (broken) => {
      try {
        return [...broken.events(run.key)].length;
      } finally {
        await broken.close();
      }
    });
    await expect(reading).rejects.toMatchObject({
      code: expect.stringMatching(/STORE_CORRUPT$/),
      message: expect.stringContaining('flow.db'),
    });
  });

  it('gives a run whose last event ended it that status, though its line was never written', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    const keys = ['run.completed', 'run.failed', 'run.rolled_back', 'run.rollback_failed', 'run.cancelled', 'stage.failed'] as const;
    for (const type of keys) {
      const run = aRun(store.nextKey(), { id: type });
      await submitted(store, aStart(run, { dormant: true }));
      await submitted(store, { run: run.key, events: [anEvent(2, type, '{"value":1}')], onFailure: 'keep' });
    }
    await store.close();
    await using again = await openStore(folder);
    expect(keys.map((type) => again.findRun(type)?.status)).toEqual([
      'completed',
      'failed',
      'rolled_back',
      'rollback_failed',
      'cancelled',
      'waiting',
    ]);
    expect(again.findRun('run.completed')).toMatchObject({ output: '{"value":1}', error: null, endedAt: 2_002 });
    expect(again.findRun('run.failed')).toMatchObject({ output: null, error: '{"value":1}' });
    expect([...again.activeRuns()]).toEqual([]);
    expect(again.counts()).toMatchObject({ queued: 0, waiting: 1, completed: 0 });
  });

  it('gives a run that sleeps the status of one, though its line was never written', async () => {
    const folder = newFolder();
    const clock = new FakeClock();
    const store = await openStore(folder, clock);
    const waiting = aRun(store.nextKey(), { id: 'waiting' });
    const undoing = aRun(store.nextKey(), { id: 'undoing' });
    const awake = aRun(store.nextKey(), { id: 'awake' });
    for (const run of [waiting, undoing, awake]) await submitted(store, aStart(run, { projection: aLine('queued') }));
    const error = '{"code":"X","message":"no"}';
    await submitted(store, { run: waiting.key, events: [anEvent(2, 'timer.set')], dormant: true, onFailure: 'keep' });
    const undo = [anEvent(2, 'rollback.started', error), anEvent(3, 'compensation.failed', error)];
    await submitted(store, { run: undoing.key, events: undo, dormant: true, onFailure: 'keep' });
    await store.close();
    await using again = await openStore(folder);
    expect(again.findRun('waiting')).toMatchObject({ status: 'waiting', error: null, endedAt: null });
    expect(again.findRun('undoing')).toMatchObject({ status: 'rolling_back', error, updatedAt: 2_002 });
    expect(again.findRun('awake')).toMatchObject({ status: 'queued' });
    expect(again.counts()).toMatchObject({ queued: 1, waiting: 1, rolling_back: 1, running: 0 });
    expect(again.list({ status: 'waiting', limit: 9 }).items.map(({ id }) => id)).toEqual(['waiting']);
  });

  it('goes through 100,000 events of one run without holding them all', async () => {
    await using store = await openStore();
    const run = aRun(store.nextKey());
    await submitted(store, aStart(run));
    for (let first = 2; first <= 100_000; first += 10_000) {
      const events = Array.from({ length: Math.min(10_000, 100_001 - first) }, (_, index) => anEvent(first + index));
      await submitted(store, { run: run.key, events, onFailure: 'keep' });
    }
    let expected = 0;
    for (const event of store.events(run.key)) {
      expected += 1;
      if (event.seq !== expected) throw new Error(`event ${event.seq} instead of ${expected}`);
      // writing goes on in the middle of it
      if (expected === 50_000)
        await submitted(store, { run: run.key, events: [], setWaits: [{ run: run.key, stage: 1, dueAt: 5 }], onFailure: 'keep' });
    }
    expect(expected).toBe(100_000);
    const [one] = store.events(run.key, 99_000);
    expect(one?.seq).toBe(99_001);
  });

  it('keeps other processes out also after somebody in its own process tried to open it', async () => {
    const folder = newFolder();
    await using store = await openStore(folder);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'FLOW_STORE_IN_USE' });
    const script = `
      const { DatabaseSync } = require('node:sqlite');
      try { new DatabaseSync(process.argv[1]).exec('BEGIN IMMEDIATE'); console.log('let in'); } catch (error) { console.log(error.message); }`;
    const file = path.join(folder, 'flow.db');
    const { stdout } = await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', script, file]);
    expect(stdout).toBe('database is locked\n');
    expect(await submitted(store, aStart(aRun(1)))).toBeNull();
  });

  it('is readable for its owner only, whatever the rights of the folder', async () => {
    const folder = newFolder();
    await mkdir(folder, { mode: 0o755 });
    await using store = await openStore(folder);
    await submitted(store, aStart(aRun(1)));
    for (const name of ['flow.db', 'flow.db-wal']) expect((await stat(path.join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it('leaves the file of another program as it is', async () => {
    const folder = newFolder();
    await mkdir(folder);
    const file = path.join(folder, 'flow.db');
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)');
    other.close();
    const before = await readFile(file);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'FLOW_STORE_CORRUPT' });
    expect(Buffer.compare(await readFile(file), before)).toBe(0);
  });

  it('writes what is pending when it is closed, and refuses everything afterwards', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    const told = submitted(store, aStart(aRun(store.nextKey())));
    await store.close();
    expect(await told).toBeNull();
    await store.close();
    const calls = [
      () => store.submit(aStart(aRun(2))),
      () => store.findRun('a'),
      () => store.list({ limit: 1 }),
      () => store.definitions(),
      () => [...store.events(1)],
    ];
    for (const call of calls) expect(call).toThrow(expect.objectContaining({ code: 'FLOW_STORE_CLOSED' }));
    await expect(store.saveDefinition({ name: 'a', version: 1, hash: '', json: null, createdAt: 1 })).rejects.toMatchObject({
      code: 'FLOW_STORE_CLOSED',
    });
    await using again = await openStore(folder);
    expect(again.findRun('run-1')).not.toBeNull();
  });
});

function change(folder: string, sql: string): void {
  const database = new DatabaseSync(path.join(folder, 'flow.db'));
  database.exec(sql);
  database.close();
}
