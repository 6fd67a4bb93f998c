import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, Gate } from './engine-host.js';

describe('stages', () => {
  it('run in the order of their dependencies and hand outputs on', async () => {
    const host = new EngineHost({ functions: { add: (input) => (input as { a: number; b: number }).a + (input as { b: number }).b } });
    host.define([
      { name: 'first', run: 'add', input: { a: '${input.x}', b: 1 } },
      { name: 'second', run: 'add', input: { a: '${stages.first.output}', b: 10 } },
    ]);
    const view = await host.run({ input: { x: 5 } });
    expect(view).toMatchObject({ status: 'completed', output: 16, input: { x: 5 } });
    expect(view.stages.map(({ startedAt: _from, endedAt: _to, ...stage }) => stage)).toEqual([
      { name: 'first', dependsOn: [], status: 'completed', attempts: 1, output: 6 },
      { name: 'second', dependsOn: ['first'], status: 'completed', attempts: 1, output: 16 },
    ]);
    expect(host.store.disk.violations).toEqual([]);
  });

  it('of three in a row cost four commits: the end comes with the last of them', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([
      { name: 'a', run: 'noop' },
      { name: 'b', run: 'noop', dependsOn: ['a'] },
      { name: 'c', run: 'noop', dependsOn: ['b'] },
    ]);
    const view = await host.run();
    expect(view.status).toBe('completed');
    expect(host.store.commits).toBe(4);
    expect(host.types(view.id)).toEqual([
      'run.started',
      ...[0, 1, 2].flatMap((stage) => [`stage.started ${stage}`, `stage.completed ${stage}`]),
      'run.completed',
    ]);
  });

  it('begin only when what they depend on is durable, and the start answers only then too', async () => {
    const seen: string[] = [];
    const host = new EngineHost({ functions: { note: (input) => seen.push(String(input)) } });
    host.define([
      { name: 'a', run: 'note', input: 'a' },
      { name: 'b', run: 'note', input: 'b', dependsOn: ['a'] },
    ]);
    host.store.isHeld = true;
    const starting = host.start({ id: 'one' });
    await host.settle();
    expect(seen).toEqual([]);
    expect(host.store.findRun('one')).toBeNull();
    host.store.release();
    await starting;
    host.store.isHeld = true;
    await host.settle();
    expect(seen).toEqual(['a']);
    const waiting = host.engine.wait('one', 60_000, new AbortController().signal);
    host.store.release();
    expect((await waiting).status).toBe('completed');
    expect(seen).toEqual(['a', 'b']);
  });

  it('get copies of values: what one does to its input, no other sees', async () => {
    const spoil = (input: unknown) => {
      (input as { list: number[] }).list.push(9);
      return null;
    };
    const host = new EngineHost({ functions: { make: () => ({ list: [1] }), spoil, look: (input) => input } });
    host.define([
      { name: 'make', run: 'make' },
      { name: 'spoil', run: 'spoil', input: '${stages.make.output}' },
      { name: 'look', run: 'look', input: '${stages.make.output}', dependsOn: ['spoil'] },
    ]);
    expect((await host.run()).output).toEqual({ list: [1] });
  });

  it('answer as the output of the run: the last one, or all last ones by name, or what `output` says', async () => {
    const host = new EngineHost({ functions: { echo: (input) => input } });
    const stages = [
      { name: 'a', run: 'echo', input: 1 },
      { name: 'b', run: 'echo', input: 2 },
    ];
    host.define(stages);
    expect((await host.run()).output).toEqual({ a: 1, b: 2 });
    host.define(stages, { version: 2, output: { sum: ['${stages.a.output}', '${input.z}'] } });
    expect((await host.run({ input: { z: 3 } })).output).toEqual({ sum: [1, 3] });
    host.define([{ ...stages[0], compensate: { run: 'echo' } }], { version: 3, output: '${input.missing}' });
    expect(await host.run({ input: {} })).toMatchObject({ status: 'rolled_back', error: { code: 'TEMPLATE_UNRESOLVED' } });
  });

  it.each([
    ['undefined', undefined, null],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['nothing a number is', Number.NaN, null],
  ])('that answer %s answer its JSON', async (_name, value, expected) => {
    const host = new EngineHost({ functions: { odd: () => value } });
    host.define([{ name: 'odd', run: 'odd' }]);
    expect((await host.run()).output).toEqual(expected);
  });

  it.each<[string, () => unknown]>([
    ['a function', () => () => 1],
    ['a big integer', () => 1n],
    ['a symbol', () => Symbol('x')],
    [
      'a circle',
      () => {
        const circle: { self?: unknown } = {};
        circle.self = circle;
        return circle;
      },
    ],
    [
      'what throws when it is written',
      () => ({
        toJSON() {
          throw new Error('no');
        },
      }),
    ],
  ])('that answer %s fail and are not tried again', async (_name, odd) => {
    const host = new EngineHost({ functions: { odd } });
    host.define([{ name: 'odd', run: 'odd' }]);
    const view = await host.run();
    expect(view).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID', stage: 'odd' } });
    expect(view.stages[0]?.attempts).toBe(1);
  });

  it('of kind operation are called for whoever started the run, with a time and a key of their own', async () => {
    const host = new EngineHost({ operations: { 'test.echo': (input) => input } });
    host.define([{ name: 'echo', operation: 'test.echo', input: { a: '${input}' }, timeoutMs: 500 }]);
    const authority = { role: 'operator', runsCommands: false } as const;
    const view = await host.end(await host.start({ id: 'r1', input: 7 }, authority));
    expect(view.output).toEqual({ a: 7 });
    expect(host.calls[0]?.options).toMatchObject({ tenant: 'acme', user: 'ann', authority, deadlineMs: 500, idempotencyKey: 'r1/echo' });
    expect(host.calls[0]?.options.signal).toBeInstanceOf(AbortSignal);
  });

  it('tell their function what it is called for, also when that takes the call apart', async () => {
    const seen: unknown[] = [];
    const look = async (_input: unknown, { call, ...rest }: StageCall) => {
      seen.push(rest);
      return call('test.echo', 4);
    };
    const host = new EngineHost({
      operations: { 'test.echo': (input) => input },
      functions: {
        look: (input, call) => look(input, call),
        all: (_input, { runId, workflow, stage, attempt, idempotencyKey }) => [runId, workflow, stage, attempt, idempotencyKey],
      },
    });
    host.define([
      { name: 'look', run: 'look' },
      { name: 'all', run: 'all' },
    ]);
    expect((await host.run({ id: 'r' })).output).toEqual({ look: 4, all: ['r', 'flow', 'all', 1, 'r/all'] });
    expect(host.calls[0]?.options).toMatchObject({ tenant: 'acme', user: 'ann' });
  });

  it('are executed by priority, then first come first served, and no more at once than there are slots', async () => {
    const order: string[] = [];
    const gate = new Gate();
    const work = async (input: unknown) => {
      order.push(String(input));
      await gate.wait();
    };
    const host = new EngineHost({ functions: { work }, config: { maxConcurrentTransactions: 1 } });
    host.define([{ name: 'work', run: 'work', input: '${input}' }]);
    const ids = [await host.start({ input: 'first' })];
    for (const [input, priority] of [
      ['b', 0],
      ['c', 0],
      ['high', 5],
      ['low', -1],
    ] as const)
      ids.push(await host.start({ input, priority }));
    for (let n = 0; n < ids.length; n += 1) {
      await host.settle();
      expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 1, 'queue.depth': ids.length - 1 - n });
      gate.open(null);
    }
    await host.settle();
    expect(order).toEqual(['first', 'high', 'b', 'c', 'low']);
    expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 0, 'queue.depth': 0 });
  });

  it('that wait for a slot longer than the time-out are counted and go on waiting', async () => {
    const gate = new Gate();
    const host = new EngineHost({ functions: { work: () => gate.wait() }, config: { maxConcurrentTransactions: 1, slotTimeoutMs: 1_000 } });
    host.define([{ name: 'work', run: 'work' }]);
    const [first, second] = [await host.start(), await host.start()];
    await host.settle();
    await host.clock.advance(2_500);
    expect(host.manager.getScalingMetrics()).toMatchObject({ 'slots.timeouts.total': 2, 'queue.depth': 1 });
    gate.open(1);
    await host.settle();
    gate.open(2);
    expect([(await host.end(first)).output, (await host.end(second)).output]).toEqual([1, 2]);
  });
});

describe('large pipelines', () => {
  it('of 400 stages side by side run through', async () => {
    const host = new EngineHost({ functions: { echo: (input) => input, sum: (input) => (input as number[]).reduce((a, b) => a + b, 0) } });
    const wide = Array.from({ length: 400 }, (_, n) => ({ name: `s${n}`, run: 'echo', input: n }));
    host.define([...wide, { name: 'sum', run: 'sum', input: wide.map(({ name }) => `\${stages.${name}.output}`) }]);
    expect(await host.run()).toMatchObject({ status: 'completed', output: (400 * 399) / 2 });
  });

  it('keep few values: outputs leave memory with the last reader, or at once when memory is short', async () => {
    for (const maxMemoryBytes of [2 ** 30, 0]) {
      const host = new EngineHost({ functions: { next: (input) => Number(input) + 1 }, maxMemoryBytes });
      const chain = Array.from({ length: 50 }, (_, n) => ({
        name: `s${n}`,
        run: 'next',
        input: n === 0 ? 0 : `\${stages.s${n - 1}.output}`,
      }));
      host.define(chain);
      let most = 0;
      const id = await host.start();
      while (host.store.findRun(id)?.status !== 'completed') {
        most = Math.max(most, host.engine.facts.outputBytes);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await host.engine.get(id)).output).toBe(50);
      expect(most).toBeLessThan(400);
      await host.settle();
      expect(host.engine.facts).toMatchObject({ outputBytes: 0, live: 0, resting: 0 });
    }
  });
});
