import { describe, expect, it } from '@jest/globals';
import { EngineHost, type EngineHostOptions, Gate, rejection } from './engine-host.js';

const functions = { echo: (input: unknown) => input, noop: () => null };

// the second way reads every run back from its events each time it wakes
describe.each([
  ['runs at rest stay in memory', 2_000],
  ['runs at rest leave memory', 0],
])('waits, when %s', (_name, maxResting) => {
  const hostWith = (options: EngineHostOptions = {}) => new EngineHost({ functions, maxResting, ...options });

  it('for a time end when it has come', async () => {
    const host = hostWith();
    host.define([
      { name: 'pause', timer: 60_000 },
      { name: 'then', run: 'echo', input: 1, dependsOn: ['pause'] },
    ]);
    const id = await host.start();
    await host.settle();
    expect((await host.engine.get(id)).status).toBe('waiting');
    expect(host.engine.facts.resting).toBe(maxResting === 0 ? 0 : 1);
    await host.clock.advance(59_000);
    expect((await host.engine.get(id)).status).toBe('waiting');
    await host.clock.advance(2_000);
    expect(await host.engine.get(id)).toMatchObject({ status: 'completed', output: 1 });
    expect(host.types(id)).toContain('timer.fired 0');
    expect(host.timers.size).toBe(0);
  });

  it('are shown with what ends them, and only as long', async () => {
    let calls = 0;
    const failOnce = () => {
      calls += 1;
      if (calls === 1) throw new Error('once');
      return null;
    };
    const host = hostWith({ functions: { ...functions, failOnce } });
    host.define([{ name: 'ask', signal: 'inner' }], { name: 'child' });
    host.define([
      { name: 'pause', timer: 60_000 },
      { name: 'ask', signal: 'answer' },
      { name: 'again', run: 'failOnce', retry: { initialMs: 50_000, maxMs: 50_000 } },
      { name: 'inner', workflow: 'child' },
      { name: 'last', run: 'noop', dependsOn: ['pause'] },
    ]);
    const at = host.clock.now();
    const id = await host.start({ id: 'r' });
    await host.settle();
    const waits = async () => (await host.engine.get(id)).stages.map(({ waitsFor }) => waitsFor);
    const [timer, signal, retry, child, last] = await waits();
    expect([timer, signal, child, last]).toEqual([
      { kind: 'timer', dueAt: at + 60_000 },
      { kind: 'signal', name: 'answer' },
      { kind: 'run', id: 'r/inner' },
      undefined,
    ]);
    expect(retry).toEqual({ kind: 'retry', dueAt: expect.any(Number) });
    await host.clock.advance(61_000);
    expect(await waits()).toEqual([undefined, signal, undefined, child, undefined]);
    await host.engine.cancel(id);
    const view = await host.end(id);
    expect(view.stages.map(({ status }) => status)).toEqual(['completed', 'cancelled', 'completed', 'failed', 'completed']);
    expect(await waits()).toEqual(new Array(5).fill(undefined));
  });

  it('of a compensation that is tried again are shown with the time', async () => {
    const refuse = () => {
      throw new Error('not yet');
    };
    const host = hostWith({ functions: { ...functions, refuse } });
    host.define([
      { name: 'a', run: 'noop', compensate: { run: 'refuse', retry: { initialMs: 50_000, maxMs: 50_000 } } },
      { name: 'ask', signal: 'go', dependsOn: ['a'] },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.cancel(id);
    await host.settle();
    const [a, ask] = (await host.engine.get(id)).stages;
    expect(a).toMatchObject({
      status: 'completed',
      compensation: { status: 'waiting', waitsFor: { kind: 'retry', dueAt: expect.any(Number) } },
    });
    expect(ask).toMatchObject({ status: 'cancelled' });
    const { compensation } = (await host.end(id)).stages[0]!;
    expect(compensation).toMatchObject({ status: 'failed' });
    expect(compensation).not.toHaveProperty('waitsFor');
  });

  it('for a moment in the past end at once', async () => {
    const host = hostWith();
    host.define([{ name: 'pause', timer: { until: '${input.at}' } }]);
    const id = await host.start({ input: { at: 5 } });
    await host.settle();
    expect((await host.engine.get(id)).status).toBe('completed');
  });

  it.each(['soon', -1e300, { until: Number.MAX_VALUE }, {}, null])('for %j fail clearly', async (at) => {
    const host = hostWith();
    host.define([{ name: 'pause', timer: '${input.at}' }]);
    const id = await host.start({ input: { at } });
    await host.settle();
    const view = await host.engine.get(id);
    if (at === -1e300) expect(view.status).toBe('completed');
    else expect(view).toMatchObject({ status: 'failed', error: { code: 'TIMER_INVALID', stage: 'pause' } });
  });

  it('for a signal end with its payload', async () => {
    const host = hostWith();
    host.define([
      { name: 'ask', signal: 'answer' },
      { name: 'then', run: 'echo', input: '${stages.ask.output.n}' },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.signal(id, 'other', 0);
    await host.engine.signal(id, 'answer', { n: 42 });
    await host.settle();
    expect(await host.engine.get(id)).toMatchObject({ status: 'completed', output: 42 });
    expect(await rejection(host.engine.signal(id, 'answer', 1))).toMatchObject({ code: 'RUN_ENDED', status: 409 });
    expect(await rejection(host.engine.signal('nobody', 'answer', 1))).toMatchObject({ code: 'RUN_UNKNOWN', status: 404 });
  });

  it('find signals that came before, first come first served', async () => {
    const host = hostWith();
    host.define([
      { name: 'pause', timer: 1_000 },
      { name: 'one', signal: 'go', dependsOn: ['pause'] },
      { name: 'two', signal: 'go', dependsOn: ['one'] },
    ]);
    const id = await host.start();
    await host.settle();
    for (const payload of ['a', 'b', 'c']) await host.engine.signal(id, 'go', payload);
    await host.clock.advance(1_000);
    const { stages, status } = await host.engine.get(id);
    expect(status).toBe('completed');
    expect(stages.slice(1).map(({ output }) => output)).toEqual(['a', 'b']);
  });

  it('for one signal are served in the order in which they began', async () => {
    const host = hostWith();
    host.define([
      { name: 'late', signal: 'go', dependsOn: ['pause'] },
      { name: 'early', signal: 'go' },
      { name: 'pause', timer: 1_000 },
    ]);
    const id = await host.start();
    await host.clock.advance(2_000);
    await host.engine.signal(id, 'go', 1);
    await host.engine.signal(id, 'go', 2);
    await host.settle();
    expect((await host.engine.get(id)).output).toEqual({ late: 2, early: 1 });
  });

  it('for a signal that does not come in time fail', async () => {
    const host = hostWith();
    host.define([{ name: 'ask', signal: 'answer', timeoutMs: 5_000 }]);
    const id = await host.start();
    await host.clock.advance(6_000);
    expect(await host.engine.get(id)).toMatchObject({ status: 'failed', error: { code: 'STAGE_TIMEOUT', stage: 'ask' } });
  });

  it('do not hold up what executes beside them', async () => {
    const host = hostWith();
    host.define([
      { name: 'pause', timer: 10_000 },
      { name: 'a', run: 'echo', input: 1 },
      { name: 'b', run: 'echo', input: '${stages.a.output}' },
    ]);
    const id = await host.start();
    await host.settle();
    const { stages, status } = await host.engine.get(id);
    expect(status).toBe('waiting');
    expect(stages.map((stage) => stage.status)).toEqual(['waiting', 'completed', 'completed']);
    await host.clock.advance(11_000);
    expect((await host.engine.get(id)).output).toEqual({ pause: null, b: 1 });
  });

  it('for a child end with its output, and its id is that of the stage', async () => {
    const host = hostWith();
    host.define([{ name: 'double', run: 'echo', input: { n: '${input.n}' } }], { name: 'child' });
    host.define([
      { name: 'kid', workflow: 'child', input: { n: '${input.x}' } },
      { name: 'then', run: 'echo', input: '${stages.kid.output.n}' },
    ]);
    const view = await host.run({ id: 'p', input: { x: 3 }, attributes: { team: 'red' } });
    expect(view).toMatchObject({ status: 'completed', output: 3 });
    expect(await host.engine.get('p/kid')).toMatchObject({ name: 'child', status: 'completed', attributes: { team: 'red' } });
  });

  it('for a child that fails fail the stage, and name how it ended', async () => {
    const boom = () => {
      throw new Error('boom');
    };
    const host = hostWith({ functions: { ...functions, boom } });
    host.define([{ name: 'bad', run: 'boom', retry: { maxAttempts: 1 } }], { name: 'child' });
    host.define([{ name: 'kid', workflow: 'child' }]);
    const view = await host.run({ id: 'p' });
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'CHILD_FAILED', data: { id: 'p/kid', status: 'failed', code: 'STAGE_FAILED' } },
    });
  });

  it('for a child that waits go on when that goes on', async () => {
    const host = hostWith();
    host.define([{ name: 'ask', signal: 'answer' }], { name: 'child' });
    host.define([{ name: 'kid', workflow: 'child' }]);
    const id = await host.start({ id: 'p' });
    await host.settle();
    expect((await host.engine.get(id)).status).toBe('waiting');
    await host.engine.signal('p/kid', 'answer', 'yes');
    await host.settle();
    expect(await host.engine.get(id)).toMatchObject({ status: 'completed', output: 'yes' });
  });

  it('that grow into each other without an end are stopped', async () => {
    const host = hostWith({ config: { maxPipelineDepth: 5 } });
    host.define([{ name: 'a', run: 'noop' }], { name: 'child' });
    host.define([{ name: 'kid', workflow: 'child' }]);
    host.define([{ name: 'back', workflow: 'flow' }], { name: 'child', version: 2 });
    expect(await rejection(host.start())).toMatchObject({ code: 'DEFINITION_INVALID' });
    // it became endless while it ran
    host.pipelines.delete('child@2');
    const gate = new Gate();
    const slow = hostWith({ functions: { ...functions, wait: () => gate.wait() }, config: { maxPipelineDepth: 5 } });
    slow.define([{ name: 'a', run: 'noop' }], { name: 'child' });
    slow.define([
      { name: 'hold', run: 'wait' },
      { name: 'kid', workflow: 'child', dependsOn: ['hold'] },
    ]);
    const id = await slow.start({ id: 'p' });
    await slow.settle();
    slow.define([{ name: 'kid', workflow: 'flow' }], { name: 'child', version: 2 });
    slow.define([{ name: 'kid', workflow: 'child' }], { version: 2 });
    gate.open(null);
    const view = await slow.end(id);
    expect(view).toMatchObject({ status: 'failed', error: { code: 'CHILD_FAILED' } });
    expect(slow.store.disk.runs.size).toBe(6);
  });
});

describe('the callers of wait', () => {
  it('hear of the end, or when their time is up, or when they go away, and leave nothing behind', async () => {
    const host = new EngineHost({ functions });
    host.define([{ name: 'ask', signal: 'answer' }]);
    const id = await host.start();
    await host.settle();
    const call = new AbortController();
    const { signal } = new AbortController();
    const [short, long, gone] = [
      host.engine.wait(id, 1_000, signal),
      host.engine.wait(id, 60_000, signal),
      host.engine.wait(id, 60_000, call.signal),
    ];
    expect(host.engine.facts.observers).toBe(3);
    await host.clock.advance(1_000);
    expect((await short).status).toBe('waiting');
    const error = new Error('gone');
    call.abort(error);
    expect(await rejection(gone)).toBe(error);
    expect(host.engine.facts.observers).toBe(1);
    await host.engine.signal(id, 'answer', 1);
    await host.settle();
    expect((await long).status).toBe('completed');
    expect(host.engine.facts.observers).toBe(0);
    expect(host.clock.pending).toBe(0);
    expect((await host.engine.wait(id, 0, signal)).status).toBe('completed');
    expect(await rejection(host.engine.wait('nobody', 0, signal))).toMatchObject({ code: 'RUN_UNKNOWN' });
  });
});
