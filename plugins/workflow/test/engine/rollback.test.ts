import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, type EngineHostOptions, Gate, rejection } from './engine-host.js';

const ONCE = { maxAttempts: 1 };
const undo = (name: string) => ({ run: 'undo', input: name });

function hostWith(options: EngineHostOptions = {}) {
  const undone: string[] = [];
  const functions = {
    noop: () => null,
    echo: (input: unknown) => input,
    boom: () => {
      throw new Error('boom');
    },
    undo: (input: unknown) => void undone.push(JSON.stringify(input)),
    ...options.functions,
  };
  return { host: new EngineHost({ ...options, functions }), undone };
}

describe('a rollback', () => {
  it('compensates what completed, dependants first, side by side what does not depend on each other', async () => {
    const { host, undone } = hostWith();
    host.define([
      { name: 'a', run: 'noop', compensate: undo('a') },
      { name: 'b', run: 'noop', dependsOn: ['a'], compensate: undo('b') },
      { name: 'c', run: 'noop', dependsOn: ['a'], compensate: undo('c') },
      { name: 'plain', run: 'noop', dependsOn: ['b', 'c'] },
      { name: 'bad', run: 'boom', dependsOn: ['plain'], retry: ONCE, compensate: undo('bad') },
      { name: 'never', run: 'noop', dependsOn: ['bad'], compensate: undo('never') },
    ]);
    const view = await host.run();
    expect(view).toMatchObject({
      status: 'rolled_back',
      error: { code: 'STAGE_FAILED', stage: 'bad' },
      rollback: { waves: [['b', 'c'], ['a']], rolledBack: ['a', 'b', 'c'], errors: [] },
    });
    expect(undone).toEqual(['"b"', '"c"', '"a"']);
    expect(view.stages.map(({ compensation }) => compensation?.status)).toEqual([
      'completed',
      'completed',
      'completed',
      undefined,
      undefined,
      undefined,
    ]);
    expect(host.manager.getScalingMetrics()).toMatchObject({ 'failed.total': 1, inUse: 0 });
    expect(host.store.disk.violations).toEqual([]);
  });

  it('does not happen when nothing that completed has a compensation', async () => {
    const { host } = hostWith();
    host.define([
      { name: 'a', run: 'noop' },
      { name: 'bad', run: 'boom', dependsOn: ['a'], retry: ONCE },
    ]);
    const view = await host.run();
    expect(view.status).toBe('failed');
    expect(view).not.toHaveProperty('rollback');
  });

  it('goes on past a compensation that fails for good, after its attempts, and shows its error', async () => {
    let calls = 0;
    const flaky = () => {
      calls += 1;
      throw new Error('cannot');
    };
    const { host, undone } = hostWith({ functions: { flaky } });
    host.define([
      { name: 'a', run: 'noop', compensate: undo('a') },
      { name: 'b', run: 'noop', dependsOn: ['a'], compensate: { run: 'flaky', retry: { maxAttempts: 3, initialMs: 1_000 } } },
      { name: 'bad', run: 'boom', dependsOn: ['b'], retry: ONCE },
    ]);
    const id = await host.start();
    await host.settle();
    expect((await host.engine.get(id)).status).toBe('rolling_back');
    expect(undone).toEqual([]);
    const view = await host.end(id);
    expect(view).toMatchObject({
      status: 'rollback_failed',
      rollback: { waves: [['b'], ['a']], rolledBack: ['a'], errors: [{ stage: 'b', code: 'STAGE_FAILED', message: 'cannot' }] },
    });
    expect(calls).toBe(3);
    expect(view.stages[1]?.compensation).toMatchObject({ status: 'failed', attempts: 3 });
  });

  it('waits for what executes, and compensates it too when it completes; what is ready or waits does not begin', async () => {
    const gate = new Gate();
    const { host, undone } = hostWith({ functions: { slow: () => gate.wait() } });
    host.define([
      { name: 'slow', run: 'slow', compensate: undo('slow') },
      { name: 'after', run: 'noop', dependsOn: ['slow'], compensate: undo('after') },
      { name: 'pause', timer: 60_000 },
      { name: 'ask', signal: 'go' },
      { name: 'bad', run: 'boom', retry: ONCE },
    ]);
    const id = await host.start();
    await host.settle();
    expect(host.types(id)).not.toContain('rollback.started');
    expect(host.timers.size).toBe(0);
    gate.open('done');
    const view = await host.end(id);
    expect(view).toMatchObject({ status: 'rolled_back', rollback: { waves: [['slow']] } });
    expect(undone).toEqual(['"slow"']);
    expect(view.stages[1]).toMatchObject({ status: 'pending', attempts: 0 });
  });

  it('does not repeat what fails while the run fails', async () => {
    const gate = new Gate();
    const { host } = hostWith({ functions: { slow: () => gate.wait() } });
    host.define([
      { name: 'slow', run: 'slow', retry: { maxAttempts: 5 } },
      { name: 'bad', run: 'boom', retry: ONCE },
    ]);
    const id = await host.start();
    await host.settle();
    gate.fail(new Error('too'));
    const view = await host.end(id, 0);
    expect(view).toMatchObject({ status: 'failed', error: { stage: 'bad' } });
    expect(view.stages[0]).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('gives compensations the output of their stage, read back from the store, large ones too', async () => {
    const large = 'x'.repeat(200_000);
    const { host, undone } = hostWith({ functions: { large: () => ({ large }) }, config: { maxStateBytesPerStage: 100_000 } });
    host.define([
      { name: 'a', run: 'large', compensate: { run: 'undo', input: '${stages.a.output.large}' } },
      { name: 'bad', run: 'boom', dependsOn: ['a'], retry: ONCE },
    ]);
    const view = await host.run({ id: 'r' });
    expect(view).toMatchObject({ status: 'rolled_back' });
    expect(undone).toEqual([JSON.stringify(large)]);
    expect(await host.values.list('dw://internal/pipeline-state/r/')).toEqual(['dw://internal/pipeline-state/r/0']);
    expect(host.captured.spilled.total).toBe(1);
  });

  it('of operations has a key and a time of its own', async () => {
    const { host } = hostWith({ operations: { 'test.undo': () => null } });
    host.define([
      { name: 'a', run: 'noop', compensate: { operation: 'test.undo', input: { of: '${stages.a.output}' }, timeoutMs: 700 } },
      { name: 'bad', run: 'boom', dependsOn: ['a'], retry: ONCE },
    ]);
    await host.run({ id: 'r' });
    expect(host.calls).toMatchObject([
      { name: 'test.undo', input: { of: null }, options: { idempotencyKey: 'r/a/~compensate', deadlineMs: 700 } },
    ]);
  });

  it('compensates a child as a whole, by its stage only', async () => {
    const { host, undone } = hostWith();
    host.define([{ name: 'inner', run: 'noop', compensate: undo('inner') }], { name: 'child' });
    host.define([
      { name: 'kid', workflow: 'child', compensate: undo('kid') },
      { name: 'bad', run: 'boom', dependsOn: ['kid'], retry: ONCE },
    ]);
    expect((await host.run()).status).toBe('rolled_back');
    expect(undone).toEqual(['"kid"']);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'interrupted after %i commits goes on where it was: nothing recorded is done twice',
    async (crashAfter) => {
      const { host, undone } = hostWith();
      host.define([
        { name: 'a', run: 'noop', compensate: undo('a') },
        { name: 'b', run: 'noop', dependsOn: ['a'], compensate: undo('b') },
        { name: 'c', run: 'noop', dependsOn: ['b'], compensate: undo('c') },
        { name: 'bad', run: 'boom', dependsOn: ['c'], retry: ONCE },
      ]);
      const id = 'r';
      host.store.crashAfter = crashAfter;
      void host.start({ id }).catch(() => {});
      await host.settle(30);
      const recorded = new Set(host.types(id));
      const before = undone.length;
      const next = await host.restart();
      await next.start({ id });
      const view = await next.end(id);
      expect(view).toMatchObject({ status: 'rolled_back', rollback: { waves: [['c'], ['b'], ['a']], rolledBack: ['a', 'b', 'c'] } });
      const again = undone.slice(before).map((name) => `compensation.completed ${'abc'.indexOf(JSON.parse(name))}`);
      expect(again.filter((type) => recorded.has(type))).toEqual([]);
      expect(next.store.disk.violations).toEqual([]);
    },
  );
});

describe('a cancellation', () => {
  it('aborts what executes, ends what waits, compensates what completed, and says so', async () => {
    const signals: AbortSignal[] = [];
    const hang = (_input: unknown, { signal }: StageCall) => {
      signals.push(signal);
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    };
    const { host, undone } = hostWith({ functions: { hang } });
    host.define([
      { name: 'a', run: 'noop', compensate: undo('a') },
      { name: 'hang', run: 'hang', dependsOn: ['a'] },
      { name: 'pause', timer: 60_000 },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.cancel(id);
    const view = await host.end(id, 0);
    expect(view).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' }, rollback: { rolledBack: ['a'] } });
    expect(signals[0]?.aborted).toBe(true);
    expect(undone).toEqual(['"a"']);
    expect(await rejection(host.engine.cancel(id))).toMatchObject({ code: 'RUN_ENDED' });
    expect(await rejection(host.engine.cancel('nobody'))).toMatchObject({ code: 'RUN_UNKNOWN' });
    expect(host.timers.size).toBe(0);
  });

  it('gives a function up that does not listen to its signal', async () => {
    const { host } = hostWith({ functions: { deaf: () => new Promise(() => {}) } });
    host.define([{ name: 'deaf', run: 'deaf' }]);
    const id = await host.start();
    await host.settle();
    await host.engine.cancel(id);
    await host.engine.cancel(id);
    expect((await host.engine.get(id)).status).toBe('running');
    expect((await host.end(id)).status).toBe('cancelled');
    expect(host.types(id).filter((type) => type === 'run.cancel_requested')).toHaveLength(1);
    expect(host.manager.getScalingMetrics().inUse).toBe(0);
  });

  it('shows compensations that failed', async () => {
    const { host } = hostWith();
    host.define([
      { name: 'a', run: 'noop', compensate: { run: 'boom', retry: ONCE } },
      { name: 'ask', signal: 'go', dependsOn: ['a'] },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.cancel(id);
    expect(await host.end(id)).toMatchObject({
      status: 'cancelled',
      rollback: { rolledBack: [], errors: [{ stage: 'a', message: 'boom' }] },
    });
  });

  it('reaches children, and waits until they have compensated', async () => {
    const { host, undone } = hostWith();
    host.define(
      [
        { name: 'inner', run: 'noop', compensate: undo('inner') },
        { name: 'ask', signal: 'go', dependsOn: ['inner'] },
      ],
      { name: 'child' },
    );
    host.define([
      { name: 'a', run: 'noop', compensate: undo('a') },
      { name: 'kid', workflow: 'child', dependsOn: ['a'] },
    ]);
    const id = await host.start({ id: 'p' });
    await host.settle();
    await host.engine.cancel(id);
    expect((await host.end(id)).status).toBe('cancelled');
    expect((await host.engine.get('p/kid')).status).toBe('cancelled');
    expect(undone).toEqual(['"inner"', '"a"']);
  });

  it('that was acknowledged is carried out after a crash', async () => {
    const { host, undone } = hostWith({ functions: { hang: () => new Promise(() => {}) } });
    host.define([
      { name: 'a', run: 'noop', compensate: undo('a') },
      { name: 'hang', run: 'hang', dependsOn: ['a'] },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.cancel(id);
    const next = await host.restart();
    expect((await next.end(id)).status).toBe('cancelled');
    expect(undone).toEqual(['"a"']);
  });
});
