import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ENDED_STATUSES,
  type FlowChange,
  type FlowEvent,
  RUN_STATUSES,
  type RunFilter,
  type RunStatus,
  type StoredRun,
} from '../../src/store/flow-records.js';
import { FlowStore } from '../../src/store/flow-store.js';
import { aLine, anEvent, aRun, removeEndedBefore } from './flow-samples.js';

let root: string;
let lastFolder = 0;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'bellows-flow-model-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const status = fc.constantFrom(...RUN_STATUSES);
const name = fc.constantFrom('a', 'b');
const small = fc.integer({ min: 0, max: 6 });
const attributes = fc.dictionary(fc.constantFrom('k', 'x"y', '__proto__', ''), fc.constantFrom('1', '2'), {
  maxKeys: 2,
  noNullPrototype: false,
});
const filter: fc.Arbitrary<RunFilter> = fc.record(
  { limit: fc.integer({ min: 1, max: 4 }), status, name, from: small, to: small, attributes },
  { requiredKeys: ['limit'] },
);
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('start' as const),
      name,
      createdAt: small,
      attributes,
      status: fc.option(status),
      dormant: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('step' as const),
      run: small,
      events: small,
      status: fc.option(status),
      dormant: fc.option(fc.boolean(), { nil: undefined }),
      setWait: fc.option(fc.record({ stage: small, dueAt: fc.option(small) })),
      clearWait: fc.option(small),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const), filter }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at: small, limit: small }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

describe('FlowStore, compared with a plain model', () => {
  it('answers the same after any steps, turns, restarts and removals', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 60, size: 'max' }), async (commands) => {
        const subject = await Subject.open();
        try {
          for (const each of commands) await subject.perform(each);
          await subject.turn({ limit: 3 });
        } finally {
          await subject.store.close();
        }
      }),
      { numRuns: 30 },
    );
  });
});

interface ModelRun {
  line: StoredRun;
  dormant: boolean;
  readonly events: FlowEvent[];
  readonly waits: Map<number, number | null>;
}

/** The store, the model, and steps that were submitted in this turn. */
class Subject {
  readonly folder = path.join(root, `${(lastFolder += 1)}`);
  readonly clock = new FakeClock();
  readonly runs = new Map<number, ModelRun>();
  store!: FlowStore;
  #lastKey = 0;
  #told = 0;
  #submitted = 0;

  static async open(): Promise<Subject> {
    const subject = new Subject();
    await subject.#open();
    return subject;
  }

  async perform(each: Command): Promise<void> {
    switch (each.do) {
      case 'start':
        return this.#start(each);
      case 'step':
        return this.#step(each);
      case 'turn':
        return this.turn(each.filter);
      case 'advance':
        return this.clock.advance(500);
      case 'reopen':
        await this.store.close();
        await this.#open();
        // what sleeps is never shown as if it ran
        for (const model of this.runs.values()) {
          const isAwakeShown = model.line.status === 'queued' || model.line.status === 'running';
          if (model.dormant && isAwakeShown) model.line = { ...model.line, status: 'waiting', error: null };
        }
        return;
      case 'remove':
        await this.clock.advance(500);
        return this.#remove(each.at, each.limit);
    }
  }

  async turn(filter: RunFilter): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    expect(this.#told).toBe(this.#submitted);
    const all = [...this.runs.values()];
    for (const { line, events } of all) {
      expect(this.store.findRun(line.id)).toEqual(line);
      expect([...this.store.events(line.key)]).toEqual(events);
    }
    const open = all.filter(({ line }) => line.endedAt === null);
    expect([...this.store.activeRuns()]).toEqual(open.filter((run) => !run.dormant).map((run) => run.line.key));
    const waits = open.flatMap(({ line, waits }) =>
      [...waits].filter(([, dueAt]) => dueAt !== null).map(([stage, dueAt]) => ({ run: line.key, stage, dueAt })),
    );
    waits.sort((a, b) => a.run - b.run || a.stage - b.stage);
    expect([...this.store.dueWaits()]).toEqual(waits);
    const counts = Object.fromEntries(RUN_STATUSES.map((status) => [status, open.filter(({ line }) => line.status === status).length]));
    expect(this.store.counts()).toEqual(counts);
    expect(this.#pages(filter)).toEqual(
      all
        .map(({ line }) => line)
        .filter(fitting(filter))
        .sort((a, b) => b.createdAt - a.createdAt || b.key - a.key),
    );
  }

  async #open(): Promise<void> {
    this.store = await FlowStore.open(this.folder, { clock: this.clock, logger: silentLogger });
  }

  #pages(filter: RunFilter): readonly StoredRun[] {
    const found: StoredRun[] = [];
    let cursor: string | undefined;
    do {
      const page = this.store.list({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(filter.limit);
      found.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  #start({ name, createdAt, attributes, status, dormant }: Extract<Command, { do: 'start' }>): void {
    const key = this.store.nextKey();
    expect(key).toBeGreaterThan(this.#lastKey);
    this.#lastKey = key;
    const newRun = aRun(key, { name, createdAt, attributes });
    const projection = status === null ? undefined : lineOf(status, createdAt);
    const line = { ...newRun, ...(projection ?? aLine('queued', { updatedAt: createdAt })) };
    this.runs.set(key, { line, dormant, events: [anEvent(1)], waits: new Map() });
    this.#submit({
      run: key,
      newRun,
      events: [anEvent(1)],
      dormant,
      onFailure: 'refuse',
      ...(projection === undefined ? {} : { projection }),
    });
  }

  #step({ run, events, status, dormant, setWait, clearWait }: Extract<Command, { do: 'step' }>): void {
    const model = [...this.runs.values()][run];
    // an ended run never changes again
    if (model === undefined || model.line.endedAt !== null) return;
    const { key } = model.line;
    const added = Array.from({ length: events }, (_, index) => anEvent(model.events.length + 1 + index));
    const projection = status === null ? undefined : lineOf(status, events);
    model.events.push(...added);
    if (projection !== undefined) model.line = { ...model.line, ...projection };
    if (dormant !== undefined) model.dormant = dormant;
    if (clearWait !== null) model.waits.delete(clearWait);
    if (setWait !== null) model.waits.set(setWait.stage, setWait.dueAt);
    this.#submit({
      run: key,
      events: added,
      onFailure: 'keep',
      ...(projection === undefined ? {} : { projection }),
      ...(dormant === undefined ? {} : { dormant }),
      ...(clearWait === null ? {} : { clearWaits: [clearWait] }),
      ...(setWait === null ? {} : { setWaits: [{ run: key, ...setWait }] }),
    });
  }

  #submit(change: FlowChange): void {
    this.#submitted += 1;
    this.store.submit({
      ...change,
      done: (error) => {
        expect(error).toBeNull();
        this.#told += 1;
      },
    });
  }

  #remove(at: number, limit: number): void {
    const old = [...this.runs.values()].map(({ line }) => line).filter(({ endedAt }) => endedAt !== null && endedAt < at);
    const removed = removeEndedBefore(this.store, at, limit);
    expect(removed).toHaveLength(Math.min(limit, old.length));
    for (const id of removed) {
      const line = old.find((each) => each.id === id);
      expect(line).toBeDefined();
      this.runs.delete(line?.key ?? 0);
      expect(this.store.findRun(id)).toBeNull();
    }
  }
}

function lineOf(status: RunStatus, at: number) {
  return aLine(status, { updatedAt: at, endedAt: ENDED_STATUSES.has(status) ? at : null });
}

function fitting({ status, name, from, to, attributes }: RunFilter): (run: StoredRun) => boolean {
  return (run) =>
    (status === undefined || run.status === status) &&
    (name === undefined || run.name === name) &&
    run.createdAt >= (from ?? 0) &&
    run.createdAt <= (to ?? 99) &&
    Object.entries(attributes ?? {}).every(([key, value]) => new Map(Object.entries(run.attributes)).get(key) === value);
}
