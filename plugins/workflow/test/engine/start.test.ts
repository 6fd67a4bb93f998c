import type { BellowsError } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, Gate, rejection } from './engine-host.js';

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

  it('of an id another tenant has is refused and tells nothing of that run, whatever is asked of it', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'a', run: 'noop' }]);
    host.define([{ name: 'a', run: 'noop' }], { name: 'other' });
    const start = (tenant: string, name: string, input: unknown) => host.engine.start({ name, id: 'x', input }, { ...starter, tenant });
    await start('a', 'flow', { secret: 1 });
    const told = [];
    for (const [name, input] of [
      ['flow', { secret: 1 }],
      ['flow', 2],
      ['other', { secret: 1 }],
    ] as const) {
      const { code, message, data, details } = (await rejection(start('b', name, input))) as BellowsError;
      told.push({ code, message, data, details });
    }
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(told[0]).toMatchObject({ code: 'RUN_CONFLICT', data: { id: 'x' } });
    expect(await start('a', 'flow', { secret: 1 })).toEqual({ id: 'x', created: false });
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
      message:
        'The definition of "flow" cannot be used: stages[0] (a).operation: there is no operation "test.invokee"; did you mean "test.invoke"?',
      details: [{ path: 'stages[0] (a).operation', suggestion: 'test.invoke' }],
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

const starter = { tenant: 'acme', user: 'ann', authority: { role: 'admin', runsCommands: true } } as const;
