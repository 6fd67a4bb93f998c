import { CapacityError, DeadlineError, NotReadyError } from '@bellows/sdk';
import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, Gate } from './engine-host.js';

describe('stages', () => {
  it.each<[string, () => unknown]>([
    ['a revoked proxy', revoked],
    [
      'what fails when it is looked at',
      () =>
        new Proxy(new Error('x'), {
          get() {
            throw new Error('no');
          },
        }),
    ],
    ['nothing', () => undefined],
  ])('that throw %s fail and give their slot back', async (_name, thrown) => {
    const work = () => {
      throw thrown();
    };
    const host = new EngineHost({ functions: { work, late: async () => work() }, config: { maxConcurrentTransactions: 1 } });
    for (const run of ['work', 'late']) {
      host.define([{ name: 'work', run, timeoutMs: 1_000, retry: { maxAttempts: 2 } }], { name: run });
      expect(await host.run({ name: run })).toMatchObject({ status: 'failed', error: { code: 'STAGE_FAILED' } });
      expect(host.manager.getScalingMetrics().inUse).toBe(0);
    }
  });

  it.each<[string, () => unknown, unknown]>([
    ['a thenable with another promise', () => thenable((done) => done(Promise.resolve(7))), 7],
    ['a thenable that answers twice', () => thenable((done, fail) => [done(1), done(2), fail(new Error('x'))]), 1],
  ])('that answer %s have one answer', async (_name, work, output) => {
    const host = new EngineHost({ functions: { work } });
    host.define([{ name: 'work', run: 'work' }]);
    expect((await host.run()).output).toBe(output);
    expect(host.store.disk.violations).toEqual([]);
  });

  it('whose time is up, or whose run is cancelled, while their input is read do not act any more', async () => {
    const acted: unknown[] = [];
    const large = 'x'.repeat(100_000);
    const host = new EngineHost({ functions: { make: () => large, act: (input) => acted.push(input) } });
    host.define([
      { name: 'make', run: 'make' },
      { name: 'act', run: 'act', input: '${stages.make.output}', timeoutMs: 1_000, retry: { maxAttempts: 1 } },
    ]);
    const read = host.values.read.bind(host.values);
    const gate = new Gate<undefined>();
    host.values.read = (path) => gate.wait().then(() => read(path));
    const [late, cancelled] = [await host.start(), await host.start()];
    await host.settle();
    await host.engine.cancel(cancelled);
    await host.clock.advance(1_100);
    gate.open(undefined);
    gate.open(undefined);
    await host.settle();
    expect(acted).toEqual([]);
    host.values.read = read;
    expect(await host.end(late)).toMatchObject({ status: 'failed', error: { code: 'STAGE_TIMEOUT' } });
    expect((await host.end(cancelled)).status).toBe('cancelled');
  });

  it('whose operation keeps a shorter deadline of its own show that one', async () => {
    const operations = {
      'test.soon': () => {
        throw new DeadlineError('DEADLINE_EXCEEDED', 'within the call');
      },
    };
    const host = new EngineHost({ operations });
    host.define([{ name: 'a', operation: 'test.soon', timeoutMs: 60_000, retry: { maxAttempts: 1 } }]);
    expect(await host.run()).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED', message: 'within the call' } });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, '5' as never])(
    'that ask to wait %s ms come back, also after a restart',
    async (retryAfterMs) => {
      const work = (_input: unknown, { attempt }: StageCall) => {
        if (attempt === 1) throw Object.assign(new CapacityError('BUSY', 'later'), { retryAfterMs });
        return attempt;
      };
      const host = new EngineHost({ functions: { work } });
      host.define([{ name: 'work', run: 'work', retry: { maxAttempts: 2, initialMs: 10 } }]);
      const id = await host.start();
      await host.settle();
      expect((await (await host.restart()).end(id, 2 ** 31)).output).toBe(2);
    },
  );

  it('that are repeated at once may be so for long: their pause stays a number', async () => {
    const work = (_input: unknown, { attempt }: StageCall) => {
      if (attempt < 400) throw new Error('again');
      return attempt;
    };
    const host = new EngineHost({ functions: { work } });
    host.define([{ name: 'work', run: 'work', retry: { maxAttempts: 1_000, initialMs: 0, factor: 100 } }]);
    const view = await host.run();
    expect(view.output).toBe(400);
    for (const { type, data } of host.events(view.id))
      if (type === 'stage.retry_scheduled') expect(JSON.parse(data!).dueAt).toEqual(expect.any(Number));
  });

  it('have keys that no stage of a child has', async () => {
    const keys: string[] = [];
    const note = (_input: unknown, { idempotencyKey }: StageCall) => {
      keys.push(idempotencyKey);
    };
    const fail = () => {
      throw new Error('x');
    };
    const host = new EngineHost({ functions: { note, fail } });
    host.define([{ name: 'compensate', run: 'note' }], { name: 'inner' });
    host.define([
      { name: 'b', workflow: 'inner', compensate: { run: 'note' } },
      { name: 'c', run: 'fail', dependsOn: ['b'], retry: { maxAttempts: 1 } },
    ]);
    expect((await host.run({ id: 'r' })).status).toBe('rolled_back');
    expect(new Set(keys).size).toBe(2);
  });

  it('of a run that was cancelled are ready no longer, also while every slot is taken', async () => {
    const gate = new Gate();
    const host = new EngineHost({
      functions: { work: () => gate.wait(), noop: () => null },
      config: { maxConcurrentTransactions: 1, maxQueueDepth: 100 },
    });
    host.define([{ name: 'work', run: 'work' }]);
    host.define(
      Array.from({ length: 5_000 }, (_, n) => ({ name: `s${n}`, run: 'noop' })),
      { name: 'wide' },
    );
    const long = await host.start();
    await host.settle();
    const wide = await host.start({ name: 'wide' });
    await host.clock.advance(500);
    expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 1, 'queue.depth': 5_000, 'queue.oldestMs': 500 });
    await host.engine.cancel(wide);
    expect((await host.end(wide)).status).toBe('cancelled');
    expect(host.manager.getScalingMetrics()).toMatchObject({ demand: 1, inUse: 1, 'queue.depth': 0, 'queue.oldestMs': 0 });
    const short = await host.start();
    gate.open(1);
    await host.settle();
    gate.open(2);
    expect([(await host.end(long)).output, (await host.end(short)).output]).toEqual([1, 2]);
    expect(host.manager.getScalingMetrics()).toMatchObject({ inUse: 0, demand: 0 });
  });

  it('with more output together than one answer may hold are shown without', async () => {
    const host = new EngineHost({ functions: { large: () => 'x'.repeat(30_000_000), noop: () => null } });
    host.define([...Array.from({ length: 5 }, (_, n) => ({ name: `s${n}`, run: 'large' })), { name: 'end', run: 'noop' }], {
      output: 'done',
    });
    const { stages, output } = await host.run();
    expect(output).toBe('done');
    expect(stages.map((stage) => ['output' in stage, stage.outputBytes])).toEqual([
      ...Array.from({ length: 4 }, () => [true, undefined]),
      [false, 30_000_002],
      [true, undefined],
    ]);
  });

  it('do not begin while answers that wait for room fill the memory, and begin when there is room', async () => {
    let executed = 0;
    const large = () => {
      executed += 1;
      return 'x'.repeat(100_000);
    };
    const host = new EngineHost({ functions: { large, noop: () => null }, maxMemoryBytes: 250_000, config: { maxQueueDepth: 20 } });
    host.define([{ name: 'large', run: 'large' }]);
    host.define([{ name: 'undone', run: 'noop' }], { name: 'small' });
    const write = host.values.write.bind(host.values);
    host.values.write = async () => {
      throw new NotReadyError('STORE_FULL', 'full');
    };
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      ids.push(await host.start());
      await host.settle();
    }
    expect(executed).toBe(3);
    expect(host.manager.getScalingMetrics()).toMatchObject({ 'queue.depth': 17, inUse: 0 });
    host.values.write = write;
    for (const id of ids) expect((await host.end(id)).status).toBe('completed');
    expect(executed).toBe(20);
    expect(host.engine.facts).toMatchObject({ outputBytes: 0, valuesWaiting: 0 });
  });

  it('that do not listen leave nothing behind when the engine stops', async () => {
    const host = new EngineHost({ functions: { deaf: () => new Promise(() => {}) } });
    host.define([{ name: 'deaf', run: 'deaf', timeoutMs: 60_000 }]);
    await host.start();
    await host.settle();
    await host.engine.stop(0);
    expect(host.engine.facts.executing).toBe(0);
    expect(host.manager.getScalingMetrics().inUse).toBe(0);
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Something that looks like a promise and keeps none of the rules. */
function thenable(answer: (done: (value: unknown) => void, fail: (error: unknown) => void) => unknown): object {
  // biome-ignore lint/suspicious/noThenProperty: that is what is tried
  return { then: answer };
}
