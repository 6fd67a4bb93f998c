import { CapacityError, GuestError, InputError } from '@bellows/sdk';
import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, type EngineHostOptions, Gate, rejection } from './engine-host.js';

const RETRY = { maxAttempts: 3, initialMs: 100, factor: 2, maxMs: 150 };

describe('stages', () => {
  it('run in the order of their dependencies and hand outputs on', async () => {
    const host = new EngineHost({ functions: { add: (input) => (input as { a: number; b: number }).a + (input as { b: number }).b } });
    host.define([
      { name: 'first', run: 'add', input: { a: '${input.x}', b: 1 } },
      { name: 'second', run: 'add', input: { a: '${stages.first.output}', b: 10 } },
    ]);
    const view = await host.run({ input: { x: 5 } });
    expect(view).toMatchObject({ status: 'completed', output: 16, input: { x: 5 } });
    expect(view.stages.map(({ name, status, attempts, output }) => ({ name, status, attempts, output }))).toEqual([
      { name: 'first', status: 'completed', attempts: 1, output: 6 },
      { name: 'second', status: 'completed', attempts: 1, output: 16 },
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

describe('attempts', () => {
  const failing =
    (errors: unknown[]) =>
    (_input: unknown, { attempt }: StageCall) => {
      const error = errors[attempt - 1];
      if (error !== undefined) throw error;
      return attempt;
    };

  it('that throw are repeated after growing pauses, durable ones', async () => {
    const host = new EngineHost({ functions: { work: failing([new Error('a'), new Error('b')]) } });
    host.define([{ name: 'work', run: 'work', retry: RETRY }]);
    const view = await host.run();
    expect(view).toMatchObject({ status: 'completed', output: 3 });
    const retries = host.events(view.id).filter(({ type }) => type === 'stage.retry_scheduled');
    const pauses = retries.map(({ at, data }) => JSON.parse(data!).dueAt - at);
    expect(pauses[0]).toBeGreaterThanOrEqual(80);
    expect(pauses[0]).toBeLessThanOrEqual(120);
    expect(pauses[1]).toBeGreaterThanOrEqual(120);
    expect(pauses[1]).toBeLessThanOrEqual(180);
    expect(retries.map(({ data }) => JSON.parse(data!).error.code)).toEqual(['STAGE_FAILED', 'STAGE_FAILED']);
  });

  it('end with the last one, whose error is that of the run', async () => {
    const host = new EngineHost({ functions: { work: failing([new Error('a'), new Error('b'), new Error('c')]) } });
    host.define([{ name: 'work', run: 'work', retry: RETRY }]);
    const view = await host.run();
    expect(view).toMatchObject({ status: 'failed', error: { code: 'STAGE_FAILED', message: 'c', stage: 'work' } });
    expect(view.stages[0]).toMatchObject({ status: 'failed', attempts: 3 });
  });

  it('wait at least as long as the error asks for', async () => {
    const host = new EngineHost({ functions: { work: failing([new CapacityError('BUSY', 'later', { retryAfterMs: 5_000 })]) } });
    host.define([{ name: 'work', run: 'work', retry: RETRY }]);
    const id = await host.start();
    await host.clock.advance(4_900);
    expect((await host.engine.get(id)).status).toBe('waiting');
    await host.clock.advance(200);
    expect((await host.engine.get(id)).status).toBe('completed');
  });

  it.each([
    ['an input error', new InputError('INPUT_INVALID', 'no'), []],
    ['a trap of a guest', new GuestError('TRAP', 'no'), []],
    ['a code named in nonRetryable', Object.assign(new Error('no'), { code: 'ECONN' }), ['ECONN']],
    ['any error of a function when STAGE_FAILED is named', new Error('no'), ['STAGE_FAILED']],
  ])('are not repeated after %s', async (_name, error, nonRetryable) => {
    const host = new EngineHost({ functions: { work: failing([error, error, error]) } });
    host.define([{ name: 'work', run: 'work', retry: { ...RETRY, nonRetryable } }]);
    const view = await host.run();
    expect(view.status).toBe('failed');
    expect(view.stages[0]?.attempts).toBe(1);
  });

  it('wait for an operation that is not there for a while, as long as it takes, and count none of that', async () => {
    const operations: NonNullable<EngineHostOptions['operations']> = {};
    const host = new EngineHost({ infos: { 'test.gone': {} }, operations });
    host.define([{ name: 'work', operation: 'test.gone', retry: RETRY }]);
    const id = await host.start();
    await host.clock.advance(10 * 60_000);
    const away = await host.engine.get(id);
    expect(away).toMatchObject({ status: 'waiting', stages: [{ status: 'waiting', error: { code: 'OPERATION_UNKNOWN' } }] });
    const retries = host.events(id).filter(({ type }) => type === 'stage.retry_scheduled');
    // ever longer pauses: the history of a run that waits for days stays small
    expect(retries.length).toBeLessThan(20);
    Object.assign(operations, { 'test.gone': async () => 'here' });
    await host.clock.advance(90_000);
    expect(await host.engine.get(id)).toMatchObject({ status: 'completed', output: 'here', stages: [{ attempts: 1 }] });
  });

  it('that call an operation which is not there fail at once when its code is named in nonRetryable', async () => {
    const host = new EngineHost({ infos: { 'test.gone': {} } });
    host.define([{ name: 'work', operation: 'test.gone', retry: { ...RETRY, nonRetryable: ['OPERATION_UNKNOWN'] } }]);
    expect(await host.run()).toMatchObject({ status: 'failed', error: { code: 'OPERATION_UNKNOWN' } });
  });

  it('that take too long have their signal aborted and count as failed', async () => {
    const signals: AbortSignal[] = [];
    const hang = (_input: unknown, { signal }: StageCall) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const host = new EngineHost({ functions: { hang } });
    host.define([{ name: 'hang', run: 'hang', timeoutMs: 1_000, retry: { ...RETRY, maxAttempts: 2 } }]);
    const view = await host.run();
    expect(view).toMatchObject({ status: 'failed', error: { code: 'STAGE_TIMEOUT' } });
    expect(view.stages[0]?.attempts).toBe(2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(host.manager.getScalingMetrics().inUse).toBe(0);
  });

  it('hold a slot while they execute and not while they pause', async () => {
    const host = new EngineHost({ functions: { work: failing([new Error('a')]) } });
    host.define([{ name: 'work', run: 'work', retry: { ...RETRY, initialMs: 60_000, maxMs: 60_000 } }]);
    const id = await host.start();
    await host.settle();
    expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 0, demand: 0 });
    expect((await host.engine.get(id)).stages[0]).toMatchObject({ status: 'waiting', error: { code: 'STAGE_FAILED' } });
  });
});

describe('a start', () => {
  it('of the same id with the same input finds the run; with another one it is refused', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'a', run: 'noop' }]);
    host.define([{ name: 'a', run: 'noop' }], { name: 'other' });
    const start = (input: unknown, name = 'flow') => host.engine.start({ name, id: 'x', input }, { ...starter });
    const answers = await Promise.all([start({ a: 1 }), start({ a: 1 })]);
    expect(answers).toEqual([
      { id: 'x', created: true },
      { id: 'x', created: false },
    ]);
    await host.end('x');
    expect(await start({ a: 1 })).toEqual({ id: 'x', created: false });
    expect(await rejection(start({ a: 2 }))).toMatchObject({ code: 'RUN_CONFLICT', status: 409 });
    expect(await rejection(start({ a: 1 }, 'other'))).toMatchObject({ code: 'RUN_CONFLICT' });
  });

  it('with an idempotency key makes one run for each tenant', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'a', run: 'noop' }]);
    const start = (tenant: string) => host.engine.start({ name: 'flow', input: 1 }, { ...starter, tenant, idempotencyKey: 'k/../ü' });
    const [one, again, other] = [await start('a'), await start('a'), await start('b')];
    expect(again).toEqual({ id: one.id, created: false });
    expect(other).toMatchObject({ created: true });
    expect(other.id).not.toBe(one.id);
  });

  it('without an id makes ids that sort by time and never repeat', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'a', run: 'noop' }]);
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      ids.push(await host.start());
      if (n % 5 === 0) await host.clock.advance(1);
    }
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(20);
  });

  it('is refused before anything is durable when a stage, or a child, calls what the caller may not call', async () => {
    const infos = { 'test.commands': { runsCommands: true }, 'test.admin': { role: 'admin' } } as const;
    const host = new EngineHost({ infos, functions: { noop: () => null } });
    host.define([{ name: 'a', operation: 'test.commands' }], { name: 'commands' });
    host.define([{ name: 'a', run: 'noop', compensate: { operation: 'test.admin' } }], { name: 'admin' });
    host.define([{ name: 'a', workflow: 'commands' }], { name: 'parent' });
    const authority = { role: 'operator', runsCommands: false } as const;
    for (const name of ['commands', 'admin', 'parent']) {
      expect(await rejection(host.start({ name }, authority))).toMatchObject({ code: 'STAGE_FORBIDDEN', kind: 'forbidden' });
    }
    expect(host.store.disk.runs.size).toBe(0);
    expect(await host.start({ name: 'commands' })).toEqual(expect.any(String));
  });

  it('is refused when an operation is not there, with the nearest name', async () => {
    const host = new EngineHost({ infos: { 'test.invoke': {} } });
    host.define([{ name: 'a', operation: 'test.invokee' }]);
    expect(await rejection(host.start())).toMatchObject({
      code: 'DEFINITION_INVALID',
      details: [{ path: 'stages[0].operation', suggestion: 'test.invoke' }],
    });
  });

  it('is refused only when the ready queue is full', async () => {
    const gate = new Gate();
    const host = new EngineHost({ functions: { work: () => gate.wait() }, config: { maxConcurrentTransactions: 1, maxQueueDepth: 2 } });
    host.define([{ name: 'a', run: 'work' }]);
    for (let n = 0; n < 3; n += 1) {
      await host.start();
      await host.settle();
    }
    expect(await rejection(host.start())).toMatchObject({ code: 'CAPACITY', retryAfterMs: expect.any(Number) });
    expect(host.manager.getScalingMetrics()).toMatchObject({ 'rejected.total': 1, 'backpressure.state': 3 });
    gate.open(null);
    await host.settle();
    expect(await host.start()).toEqual(expect.any(String));
  });

  it('of a pipeline that is too deep is refused, and the bound can change while it runs', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    const chain = Array.from({ length: 51 }, (_, n) => ({ name: `s${n}`, run: 'noop', ...(n === 0 ? {} : { dependsOn: [`s${n - 1}`] }) }));
    const pipeline = host.define(chain);
    const lookUp = (name: string, version: number | null) => host.pipelineOf(name, version);
    expect(await rejection(host.start())).toMatchObject({
      code: 'PIPELINE_TOO_DEEP',
      kind: 'config',
      message: expect.stringContaining('s0 →'),
    });
    expect(() => host.manager.validatePipelineDepth(pipeline, lookUp)).toThrow(expect.objectContaining({ code: 'PIPELINE_TOO_DEEP' }));
    host.manager.maxPipelineDepth = 51;
    expect((await host.run()).status).toBe('completed');
    expect(() => {
      host.manager.maxPipelineDepth = 0;
    }).toThrow(expect.objectContaining({ code: 'LIMITS_INVALID' }));
  });

  it('after the stop has begun is refused', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'a', run: 'noop' }]);
    await host.engine.stop(0);
    expect(await rejection(host.start())).toMatchObject({ code: 'WORKFLOW_STOPPING', kind: 'not_ready' });
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

const starter = { tenant: 'acme', user: 'ann', authority: { role: 'admin', runsCommands: true } } as const;
