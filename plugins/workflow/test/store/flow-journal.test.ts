import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BellowsError, type ILogger, silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FlowChange } from '../../src/store/flow-records.js';
import { FlowStore } from '../../src/store/flow-store.js';
import { aLine, anEvent, aRun, aStart, removeEndedBefore, submitted } from './flow-samples.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-journal-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = () => path.join(root, `${(lastFolder += 1)}`);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A store that is nearly full of runs that have ended, which `free` removes one by one. */
async function nearlyFull(runs = 20) {
  const clock = new FakeClock();
  const stalls: (string | undefined)[] = [];
  const onStalled = (error?: BellowsError) => void stalls.push(error?.code);
  const folder = newFolder();
  const store = await FlowStore.open(folder, { clock, logger: silentLogger, maxBytes: runs * 55_000, onStalled });
  let filled = 0;
  for (;;) {
    const filler = aRun(store.nextKey(), { id: `filler-${(filled += 1)}` });
    const start = aStart(filler, {
      events: [anEvent(1, 'run.completed', 'x'.repeat(50_000))],
      projection: aLine('completed', { endedAt: filled }),
    });
    if ((await submitted(store, start)) !== null) break;
  }
  return { store, clock, stalls, folder, free: (count: number) => removeEndedBefore(store, 1_000_000, count) };
}

const big = (seq: number) => anEvent(seq, 'stage.completed', 'y'.repeat(100_000));

describe('FlowStore, when the disk is full', () => {
  it('refuses what may be refused with STORE_FULL and stores the rest of the turn', async () => {
    const { store, stalls } = await nearlyFull();
    const [a, b] = [aRun(store.nextKey()), aRun(store.nextKey())];
    const results = await Promise.all([submitted(store, aStart(a, { events: [big(1)] })), submitted(store, aStart(b))]);
    expect(results).toEqual([expect.objectContaining({ code: 'STORE_FULL', kind: 'not_ready' }), null]);
    expect([store.findRun(a.id), store.findRun(b.id)?.id]).toEqual([null, b.id]);
    expect([store.isStalled, stalls]).toEqual([false, []]);
    await store.close();
  });

  it('keeps what must not be lost, in order, lets other runs go on, and says so once at the beginning and once at the end', async () => {
    const { store, clock, stalls, free } = await nearlyFull();
    const [a, b] = [aRun(store.nextKey()), aRun(store.nextKey())];
    expect(await Promise.all([submitted(store, aStart(a)), submitted(store, aStart(b))])).toEqual([null, null]);
    const told: string[] = [];
    const step = (run: number, seq: number, part: Partial<FlowChange> = {}): void =>
      store.submit({
        run,
        events: [anEvent(seq)],
        onFailure: 'keep',
        done: (error) => told.push(`${run}.${seq} ${error?.code ?? 'ok'}`),
        ...part,
      });
    step(a.key, 2, { events: [big(2)], projection: aLine('running') });
    step(a.key, 3);
    step(b.key, 2);
    step(a.key, 4, { onFailure: 'refuse' });
    await turn();
    expect(told).toEqual([`${b.key}.2 ok`, `${a.key}.4 STORE_FULL`]);
    expect(store.isStalled).toBe(true);
    step(a.key, 4);
    await clock.advance(20_000);
    expect(store.isStalled).toBe(true);
    expect([...store.events(a.key)].map((event) => event.seq)).toEqual([1]);
    expect(store.run(a.key)?.status).toBe('queued');
    expect(stalls).toEqual(['STORE_FULL']);

    free(5);
    await clock.advance(5_000);
    expect(store.isStalled).toBe(false);
    expect(told.slice(2)).toEqual([2, 3, 4].map((seq) => `${a.key}.${seq} ok`));
    expect([...store.events(a.key)].map((event) => event.seq)).toEqual([1, 2, 3, 4]);
    expect(store.run(a.key)?.status).toBe('running');
    expect(stalls).toEqual(['STORE_FULL', undefined]);
    await store.close();
    expect(clock.pending).toBe(0);
  });

  it('puts a step that comes while kept ones are being written behind those of its run', async () => {
    const { store, clock, free } = await nearlyFull();
    const run = aRun(store.nextKey());
    await submitted(store, aStart(run));
    const told: number[] = [];
    const step = (seq: number, event = anEvent(seq)): void =>
      store.submit({
        run: run.key,
        events: [event],
        onFailure: 'keep',
        done() {
          told.push(seq);
          // told in the first of two commits, while the rest of the kept steps still wait
          if (seq === 2) step(1_502);
        },
      });
    step(2, big(2));
    for (let seq = 3; seq <= 1_501; seq += 1) step(seq);
    await turn();
    await turn();
    expect([told, store.isStalled]).toEqual([[], true]);
    free(10);
    await clock.advance(5_000);
    expect(told).toEqual(Array.from({ length: 1_501 }, (_, index) => index + 2));
    await store.close();
  });

  it('tells the steps that do not fit even at the end, and opens again with what was acknowledged', async () => {
    const { store, clock, folder } = await nearlyFull();
    const run = aRun(store.nextKey());
    await submitted(store, aStart(run));
    const lost = [2, 3].map((seq) => submitted(store, { run: run.key, events: [big(seq)], onFailure: 'keep' }));
    await turn();
    await store.close();
    expect(await Promise.all(lost)).toEqual([
      expect.objectContaining({ code: 'STORE_FULL' }),
      expect.objectContaining({ code: 'STORE_FULL' }),
    ]);
    expect(clock.pending).toBe(0);
    await using again = await FlowStore.open(folder, { clock, logger: silentLogger });
    expect([...again.events(run.key)]).toHaveLength(1);
  });

  it('stores exactly what it acknowledged, in order for each run, whatever does not fit and whenever space comes back', async () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ run: fc.integer({ min: 0, max: 2 }), bytes: fc.constantFrom(10, 20_000, 60_000), keep: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.constant('turn' as const) },
      { weight: 2, arbitrary: fc.constant('advance' as const) },
      { weight: 1, arbitrary: fc.constant('free' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 60, size: 'max' }), async (actions) => {
        const { store, clock, free } = await nearlyFull(4);
        const runs = [0, 1, 2].map(() => aRun(store.nextKey()));
        const stored = new Map(runs.map(({ key }) => [key, [] as number[]]));
        for (const run of runs) if ((await submitted(store, aStart(run))) === null) stored.get(run.key)?.push(1);
        const failed = new Set<number>();
        let seq = 1;
        let open = 0;
        for (const each of actions) {
          if (each === 'turn') await turn();
          else if (each === 'advance') await clock.advance(5_000);
          else if (each === 'free') free(1);
          else {
            const run = runs[each.run]?.key ?? 0;
            seq += 1;
            open += 1;
            const done = (said: { readonly code: string } | null, own: number) => {
              open -= 1;
              if (said === null) stored.get(run)?.push(own);
              else failed.add(own);
            };
            const own = seq;
            const event = anEvent(own, 'timer.set', 'z'.repeat(each.bytes));
            store.submit({ run, events: [event], onFailure: each.keep ? 'keep' : 'refuse', done: (error) => done(error, own) });
          }
        }
        free(100);
        for (let pause = 0; pause < 3; pause += 1) await clock.advance(5_000);
        for (const [run, acknowledged] of stored) expect([...store.events(run)].map((event) => event.seq)).toEqual(acknowledged);
        expect(open === 0).toBe(!store.isStalled);
        await store.close();
        expect(open).toBe(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 12 },
    );
  });
});

describe('FlowStore, when a step is wrong', () => {
  it('refuses it and what builds on it, and stores all others of the turn', async () => {
    const logged: string[] = [];
    const logger: ILogger = { ...silentLogger, error: (line) => logged.push(line) };
    await using store = await FlowStore.open(newFolder(), { clock: new FakeClock(), logger });
    const runs = Array.from({ length: 40 }, () => aRun(store.nextKey()));
    const twin = aRun(store.nextKey(), { id: 'run-7' });
    const results = await Promise.all([
      ...runs.map((run) => submitted(store, aStart(run))),
      submitted(store, aStart(twin)),
      submitted(store, { run: twin.key, events: [anEvent(2)], onFailure: 'keep' }),
      submitted(store, { run: 3, events: [anEvent(1)], onFailure: 'keep' }),
      submitted(store, { run: 4, events: [anEvent(2)], onFailure: 'keep' }),
    ]);
    expect(results.map((error) => error?.code ?? 'ok')).toEqual([
      ...runs.map(() => 'ok'),
      'RUN_CONFLICT',
      'RUN_CONFLICT',
      'STORE_FAILED',
      'ok',
    ]);
    expect([store.isStalled, store.run(twin.key), [...store.events(twin.key)].length]).toEqual([false, null, 0]);
    expect(logged).toHaveLength(1);
    expect(await submitted(store, { run: 3, events: [anEvent(2)], onFailure: 'keep' })).toBeNull();
  });

  it('refuses what builds on a refused step also when it was to be written in a later turn', async () => {
    await using store = await FlowStore.open(newFolder(), { clock: new FakeClock(), logger: silentLogger });
    await submitted(store, aStart(aRun(1)));
    const twin = aRun(2, { id: 'run-1' });
    const results = [submitted(store, aStart(twin))];
    const many = Array.from({ length: 1_500 }, (_, index) => anEvent(index + 2));
    const other = submitted(store, { run: 1, events: many, onFailure: 'keep' });
    results.push(submitted(store, { run: twin.key, events: [anEvent(2)], onFailure: 'keep' }));
    expect((await Promise.all(results)).map((error) => error?.code)).toEqual(['RUN_CONFLICT', 'RUN_CONFLICT']);
    expect(await other).toBeNull();
    expect([...store.events(twin.key)]).toEqual([]);
  });

  it('tells all others when a listener throws', async () => {
    await using store = await FlowStore.open(newFolder(), { clock: new FakeClock(), logger: silentLogger });
    store.submit(
      aStart(aRun(store.nextKey()), {
        done() {
          throw new Error('a fault of the listener');
        },
      }),
    );
    expect(await submitted(store, aStart(aRun(store.nextKey())))).toBeNull();
  });

  it('takes more than 1,000 events of one turn in several commits, in order', async () => {
    await using store = await FlowStore.open(newFolder(), { clock: new FakeClock(), logger: silentLogger });
    const told: number[] = [];
    const all = Array.from({ length: 3_000 }, (_, index) => submitted(store, aStart(aRun(store.nextKey()))).then(() => told.push(index)));
    await turn();
    expect(told.length).toBe(1_000);
    await Promise.all(all);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(store.counts().queued).toBe(3_000);
  });
});
