import { NotReadyError } from '@bellows/sdk';
import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, Gate, rejection } from './engine-host.js';

const unreadable = () => {
  throw new NotReadyError('STORE_UNREACHABLE', 'not now');
};

describe('a parent', () => {
  it('does not fall asleep while the end of its child is on its way: after a crash nobody would wake it', async () => {
    const gates = { child: new Gate(), beside: new Gate() };
    const functions = { child: () => gates.child.wait(), beside: () => gates.beside.wait(), after: () => 'after' };
    const host = new EngineHost({ functions, cores: 4 });
    host.define(
      [
        { name: 'work', run: 'child' },
        { name: 'ask', signal: 'go', dependsOn: ['work'] },
      ],
      { name: 'inner' },
    );
    host.define([
      { name: 'inner', workflow: 'inner' },
      { name: 'beside', run: 'beside' },
      { name: 'after', run: 'after', dependsOn: ['inner'] },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.signal(`${id}/inner`, 'go', 1);
    gates.child.open(1);
    gates.beside.open(2);
    // one commit holds both answers; what follows from them, the end of the child and a parent with nothing to do, is in the next one
    host.store.crashAfter = host.store.commits + 2;
    await host.settle();
    expect(host.store.isClosed).toBe(true);
    expect(host.store.findRun(`${id}/inner`)?.status).toBe('completed');
    const next = await host.restart();
    expect(await next.end(id)).toMatchObject({ status: 'completed', output: { beside: 2, after: 'after' } });
    expect(host.store.disk.violations).toEqual([]);
  });

  it.each([0, 2_000])(
    'that is cancelled ends children of its children, with %s runs kept in memory, also through a crash',
    async (maxResting) => {
      const undone: string[] = [];
      const host = new EngineHost({ functions: { noop: () => null, undo: (input) => undone.push(String(input)) }, maxResting });
      const work = (name: string) => ({ name: 'work', run: 'noop', compensate: { run: 'undo', input: name } });
      host.define([work('c'), { name: 'ask', signal: 'never', dependsOn: ['work'] }], { name: 'c' });
      host.define([work('b'), { name: 'c', workflow: 'c', dependsOn: ['work'] }], { name: 'b' });
      host.define([work('a'), { name: 'b', workflow: 'b', dependsOn: ['work'] }]);
      const id = await host.start();
      await host.settle();
      await host.engine.cancel(id);
      const next = await host.restart();
      expect((await next.end(id)).status).toBe('cancelled');
      for (const child of [`${id}/b`, `${id}/b/c`]) expect(next.store.findRun(child)?.status).toBe('cancelled');
      // one that the crash cut off executes again
      expect([...new Set(undone)]).toEqual(['c', 'b', 'a']);
      expect(next.store.disk.violations).toEqual([]);
      await next.settle();
      expect(next.engine.facts).toMatchObject({ live: 0, resting: 0 });
    },
  );

  it('that was cancelled while the definition of its child was missing ends the child when that is back', async () => {
    const seen: string[] = [];
    const note = (input: unknown) => seen.push(String(input));
    const host = new EngineHost({ functions: { note } });
    const inner = host.define(
      [
        { name: 'ask', signal: 'go' },
        { name: 'work', run: 'note', input: 'work', dependsOn: ['ask'] },
      ],
      { name: 'inner' },
    );
    host.define([{ name: 'inner', workflow: 'inner' }]);
    const id = await host.start();
    await host.settle();
    host.pipelines.delete('inner@1');
    const next = await host.restart();
    await next.engine.cancel(id);
    await next.settle();
    expect(next.store.findRun(id)?.status).toBe('waiting');
    next.pipelines.set('inner@1', inner);
    next.engine.defined(inner);
    expect((await next.end(id)).status).toBe('cancelled');
    expect(next.store.findRun(`${id}/inner`)?.status).toBe('cancelled');
    expect(seen).toEqual([]);
  });
});

describe('a store that cannot be read for a moment', () => {
  const sleeper = () => {
    const host = new EngineHost({ functions: { noop: () => null }, maxResting: 0 });
    host.define([
      { name: 'pause', timer: 1_000 },
      { name: 'after', run: 'noop', dependsOn: ['pause'] },
    ]);
    return host;
  };

  it('loses no time that has come', async () => {
    const host = sleeper();
    const id = await host.start();
    await host.settle();
    const run = host.store.run;
    host.store.run = unreadable;
    await host.clock.advance(5_000);
    host.store.run = run;
    expect((await host.end(id)).status).toBe('completed');
  });

  it('loses no run of a restart', async () => {
    const first = sleeper();
    const waiting = await first.start();
    await first.settle();
    const host = first.crash();
    const { activeRuns, dueWaits } = host.store;
    host.store.dueWaits = unreadable;
    host.store.activeRuns = unreadable;
    const resumed = host.engine.resume();
    await host.clock.advance(1_500);
    host.store.activeRuns = activeRuns;
    host.store.dueWaits = dueWaits;
    await host.clock.advance(1_500);
    await resumed;
    expect((await host.end(waiting)).status).toBe('completed');
  });

  it('loses no end of a child', async () => {
    const gate = new Gate();
    const host = new EngineHost({ functions: { child: () => gate.wait() }, maxResting: 0 });
    host.define([{ name: 'work', run: 'child' }], { name: 'inner' });
    host.define([{ name: 'inner', workflow: 'inner' }]);
    const id = await host.start();
    await host.settle();
    const run = host.store.run;
    host.store.run = unreadable;
    gate.open(1);
    await host.settle();
    host.store.run = run;
    expect((await host.end(id)).output).toBe(1);
  });
});

describe('a run', () => {
  it('that is worked on stays in memory when others come to rest', async () => {
    const seen: string[] = [];
    const undo = (input: unknown, { attempt }: StageCall) => {
      seen.push(`${input} ${attempt}`);
      if (attempt < 3) throw new Error('again');
    };
    const host = new EngineHost({ functions: { noop: () => null, undo }, maxResting: 1 });
    const retry = { maxAttempts: 3, initialMs: 60_000, factor: 1, maxMs: 60_000 };
    host.define(
      [
        { name: 'done', run: 'noop', compensate: { run: 'undo', input: 'inner', retry } },
        { name: 'ask', signal: 'never', dependsOn: ['done'] },
      ],
      { name: 'inner' },
    );
    host.define([
      { name: 'done', run: 'noop', compensate: { run: 'undo', input: 'outer' } },
      { name: 'inner', workflow: 'inner' },
      { name: 'ask', signal: 'go', timeoutMs: 30_000 },
    ]);
    const id = await host.start();
    await host.settle();
    // the child is cancelled and pauses between attempts of its compensation
    await host.engine.cancel(`${id}/inner`);
    await host.clock.advance(10);
    // now the parent is in memory and the child is not; telling the child to end brings that back
    await host.engine.signal(id, 'noise', 1);
    await host.settle();
    await Promise.all([host.engine.cancel(id), host.engine.signal(id, 'noise', 2)]);
    expect((await host.end(id)).status).toBe('cancelled');
    expect(host.store.disk.violations).toEqual([]);
    expect(seen).toEqual(['inner 1', 'inner 2', 'inner 3', 'outer 1', 'outer 2', 'outer 3']);
  });

  it('that is busy acknowledges signals and cancellations with their own commit, not with its last', async () => {
    const host = new EngineHost({ functions: { slow: (_input, { signal }) => host.clock.sleep(1, signal) } });
    const chainOf = (n: number) =>
      Array.from({ length: 40 }, (_, at) => ({ name: `s${n}-${at}`, run: 'slow', ...(at ? { dependsOn: [`s${n}-${at - 1}`] } : {}) }));
    host.define([0, 1, 2].flatMap(chainOf));
    const id = await host.start();
    await host.settle();
    // from here on there is always a step of it that is not durable yet
    const submit = host.store.submit.bind(host.store);
    let isAcknowledged = false;
    host.store.submit = (change) => {
      submit({ ...change, done: (error) => setImmediate(() => setImmediate(() => setImmediate(() => change.done?.(error)))) });
    };
    void host.engine.signal(id, 'any', 1).then(() => {
      isAcknowledged = true;
    });
    for (let n = 0; n < 10 && !isAcknowledged; n += 1) await host.clock.advance(1);
    expect(isAcknowledged).toBe(true);
    expect(host.store.findRun(id)?.status).toBe('running');
  });

  it('repeated with the same id finds the first also when keys come in another order or a newer version takes other inputs', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    const stages = [{ name: 'a', run: 'noop' }];
    host.define(stages);
    await host.start({ id: 'x', input: { a: 1, b: [2] } });
    const again = (input: unknown) => host.engine.start({ name: 'flow', id: 'x', input }, STARTER_OF_TEST);
    expect(await again({ b: [2], a: 1 })).toEqual({ id: 'x', created: false });
    const newer = host.define(stages, { version: 2 });
    host.pipelines.set('flow@2', { ...newer, checkInput: (input) => ({ ...(input as object), added: true }) });
    expect(await again({ a: 1, b: [2] })).toEqual({ id: 'x', created: false });
    expect(await rejection(again({ a: 1, b: [3] }))).toMatchObject({ code: 'RUN_CONFLICT' });
    host.pipelines.clear();
    expect(await again({ a: 1, b: [2] })).toEqual({ id: 'x', created: false });
  });
});

it('outputs that are in the store only are read one by one, not with all that follows', async () => {
  const host = new EngineHost({ functions: { echo: (input) => input } });
  const wide = Array.from({ length: 300 }, (_, n) => ({ name: `s${n}`, run: 'echo', input: n }));
  host.define([...wide, { name: 'ask', signal: 'go' }]);
  const id = await host.start();
  await host.settle();
  const next = await host.restart();
  await next.engine.signal(id, 'go', 1);
  await next.settle();
  expect(next.store.findRun(id)?.status).toBe('completed');
  // once to replay the run, once for each output
  expect(next.store.eventsRead).toBeLessThan(1_500);
});

const STARTER_OF_TEST = { tenant: 'acme', user: 'ann', authority: { role: 'admin', runsCommands: true } } as const;
