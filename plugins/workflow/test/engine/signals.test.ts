import { describe, expect, it } from '@jest/globals';
import { EngineHost, rejection } from './engine-host.js';

const LARGE = 'x'.repeat(100_000);

describe('signals', () => {
  it('with large payloads keep them apart, also when an earlier one came to nothing', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([
      { name: 'pause', timer: 1_000 },
      { name: 'one', signal: 'go', dependsOn: ['pause'] },
      { name: 'two', signal: 'go', dependsOn: ['one'] },
    ]);
    const id = await host.start();
    await host.settle();
    const write = host.values.write.bind(host.values);
    host.values.write = async () => {
      throw new Error('refused');
    };
    expect(await rejection(host.engine.signal(id, 'go', `0${LARGE}`))).toBeInstanceOf(Error);
    host.values.write = write;
    await host.engine.signal(id, 'go', `1${LARGE}`);
    const next = await host.restart();
    await next.engine.signal(id, 'go', `2${LARGE}`);
    const view = await next.end(id);
    expect(view.stages.map(({ output }) => (output === null ? null : String(output).slice(0, 1)))).toEqual([null, '1', '2']);
  });

  it('whose payload is still kept when the run ends are not acknowledged', async () => {
    const host = new EngineHost({ functions: { noop: () => null } });
    host.define([{ name: 'ask', signal: 'go' }]);
    const id = await host.start();
    await host.settle();
    let release = () => {};
    const write = host.values.write.bind(host.values);
    host.values.write = (path, bytes) => new Promise<void>((resolve) => (release = resolve)).then(() => write(path, bytes));
    const late = rejection(host.engine.signal(id, 'more', LARGE));
    await host.settle();
    await host.engine.signal(id, 'go', 1);
    expect((await host.end(id)).status).toBe('completed');
    release();
    expect(await late).toMatchObject({ code: 'RUN_ENDED' });
  });

  it('that nobody waits for are refused when there are too many; those that were kept are delivered', async () => {
    const host = new EngineHost();
    host.define([
      { name: 'pause', timer: 1_000 },
      { name: 'ask', signal: 'go', dependsOn: ['pause'] },
    ]);
    const id = await host.start();
    await host.settle();
    await Promise.all(Array.from({ length: 10_000 }, (_, n) => host.engine.signal(id, 'go', n)));
    expect(await rejection(host.engine.signal(id, 'go', 0))).toMatchObject({ code: 'SIGNALS_FULL', kind: 'capacity' });
    expect((await host.end(id)).output).toBe(0);
    expect(host.engine.facts).toMatchObject({ live: 0, resting: 0 });
  });

  it('that cannot be written as JSON are the fault of whoever sends them', async () => {
    const host = new EngineHost();
    host.define([{ name: 'ask', signal: 'go' }]);
    const id = await host.start();
    expect(await rejection(host.engine.signal(id, 'go', 1n))).toMatchObject({ code: 'RUN_INPUT_INVALID', kind: 'input' });
    expect(await rejection(host.start({ input: () => 1 }))).toMatchObject({ code: 'RUN_INPUT_INVALID', kind: 'input' });
  });

  it('do not hold up a rollback, however many come', async () => {
    const order: string[] = [];
    const host = new EngineHost({ functions: { noop: () => null, undo: (input) => order.push(String(input)) } });
    host.define([
      { name: 'a', run: 'noop', compensate: { run: 'undo', input: 'a' } },
      { name: 'b', run: 'noop', dependsOn: ['a'], compensate: { run: 'undo', input: 'b' } },
      { name: 'ask', signal: 'go', dependsOn: ['b'] },
    ]);
    const id = await host.start();
    await host.settle();
    const submit = host.store.submit.bind(host.store);
    host.store.submit = (change) => submit({ ...change, done: (error) => setImmediate(() => setImmediate(() => change.done?.(error))) });
    const cancelled = host.engine.cancel(id);
    let turns = 0;
    for (; turns < 200 && order.length < 2; turns += 1) {
      void host.engine.signal(id, 'noise', turns).catch(() => {});
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(order).toEqual(['b', 'a']);
    await cancelled;
  });

  it('are answered, one way or the other, when the engine stops', async () => {
    const host = new EngineHost();
    host.define([{ name: 'ask', signal: 'go' }]);
    const id = await host.start();
    host.values.write = () => new Promise(() => {});
    const late = rejection(host.engine.signal(id, 'go', LARGE));
    const small = host.engine.signal(id, 'other', 1);
    await host.engine.stop(0);
    expect(await late).toMatchObject({ code: 'WORKFLOW_STOPPING' });
    await host.store.close();
    await small;
    expect(host.types(id)).toContain('signal.received');
  });
});
