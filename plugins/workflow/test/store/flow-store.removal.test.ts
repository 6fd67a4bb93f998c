import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FlowStore } from '../../src/store/flow-store.js';
import { aLine, anEvent, aRun, aStart, removeEndedBefore, submitted } from './flow-samples.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-flow-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = () => path.join(root, `${(lastFolder += 1)}`);
const openStore = (folder: string) => FlowStore.open(folder, { clock: new FakeClock(), logger: silentLogger });

describe('FlowStore', () => {
  it('keeps a child whose parent has not ended: it may not have seen how the child did', async () => {
    await using store = await openStore(newFolder());
    const parent = aRun(store.nextKey());
    await submitted(store, aStart(parent));
    const child = aRun(store.nextKey(), { parent: { key: parent.key, stage: 0 } });
    await submitted(store, aStart(child, { projection: aLine('completed', { endedAt: 1 }) }));
    expect(store.endedBefore(100, 9)).toEqual([]);
    const events = [anEvent(2, 'run.completed')];
    await submitted(store, { run: parent.key, events, projection: aLine('completed', { endedAt: 50 }), onFailure: 'keep' });
    // lines follow within half a second
    await store.close();
    await using again = await openStore(path.join(root, `${lastFolder}`));
    expect(again.endedBefore(100, 9).map(({ key }) => key)).toEqual([child.key, parent.key]);
  });

  it('removes runs that ended long ago with everything of them, and gives no key twice', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    for (let index = 0; index < 5; index += 1) {
      const run = aRun(store.nextKey(), { input: JSON.stringify('y'.repeat(index * 1_000)) });
      await submitted(
        store,
        aStart(run, {
          projection: aLine('completed', { endedAt: index === 1 ? null : 100 - index }),
          setWaits: [{ run: run.key, stage: 1, dueAt: 1 }],
        }),
      );
    }
    expect(removeEndedBefore(store, 100, 2)).toEqual(['run-5', 'run-4']);
    expect(removeEndedBefore(store, 100, 9)).toEqual(['run-3']);
    expect(removeEndedBefore(store, 100, 9)).toEqual([]);
    expect(store.list({ limit: 9 }).items.map((run) => run.id)).toEqual(['run-2', 'run-1']);
    expect([...store.events(5), ...store.dueWaits()].length).toBe(1);
    await store.close();
    await using again = await openStore(folder);
    expect(again.nextKey()).toBe(6);
    await submitted(again, aStart(aRun(6, { id: 'run-5' })));
    expect(again.findRun('run-5')?.key).toBe(6);
  });

  it('removes a run with many events bit by bit, and goes on after it was closed between', async () => {
    const folder = newFolder();
    const store = await openStore(folder);
    for (const id of ['long', 'short', 'kept']) {
      const run = aRun(store.nextKey(), { id });
      const count = id === 'long' ? 2_500 : 3;
      const events = Array.from({ length: count }, (_, index) => anEvent(index + 1));
      await submitted(store, aStart(run, { events, projection: aLine('completed', { endedAt: id === 'kept' ? 900 : run.key }) }));
    }
    const keys = store.endedBefore(100, 9).map(({ key }) => key);
    expect(keys).toEqual([1, 2]);
    expect([store.removeRuns(keys, 1_000), [...store.events(1)].length]).toEqual([0, 1_500]);
    await store.close();
    await using again = await openStore(folder);
    expect(again.endedBefore(100, 9).map(({ id }) => id)).toEqual(['long', 'short']);
    expect([again.removeRuns(keys, 1_000), again.removeRuns(keys, 502), again.removeRuns([2], 4)]).toEqual([0, 1, 1]);
    expect([...again.events(1), ...again.events(2)]).toEqual([]);
    expect([again.endedBefore(100, 9), again.findRun('kept')?.status]).toEqual([[], 'completed']);
    expect([again.removeRuns([], 10), again.removeRuns([77], 10)]).toEqual([0, 1]);
  });
});
