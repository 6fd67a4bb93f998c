import { MemoryStore } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { EngineHost, Gate, rejection } from './engine-host.js';

const functions = { echo: (input: unknown) => input, noop: () => null };

describe('a restart', () => {
  it('executes what was executing again, as the same attempt, and nothing that was recorded', async () => {
    const attempts: [string, number][] = [];
    const gate = new Gate();
    const work = (input: unknown, { attempt }: { attempt: number }) => {
      attempts.push([String(input), attempt]);
      return input === 'slow' ? gate.wait() : null;
    };
    const host = new EngineHost({ functions: { work } });
    host.define([
      { name: 'a', run: 'work', input: 'a' },
      { name: 'slow', run: 'work', input: 'slow', dependsOn: ['a'] },
    ]);
    const id = await host.start();
    await host.settle();
    const next = await host.restart();
    await next.settle();
    expect(attempts).toEqual([
      ['a', 1],
      ['slow', 1],
      ['slow', 1],
    ]);
    gate.open('lost');
    gate.open('kept');
    expect((await next.end(id)).output).toBe('kept');
    expect(next.store.disk.violations).toEqual([]);
  });

  it('leaves runs that wait where they are, and wakes them at their time, also one that has passed', async () => {
    const host = new EngineHost({ functions });
    host.define([
      { name: 'pause', timer: 60_000 },
      { name: 'then', run: 'noop', dependsOn: ['pause'] },
    ]);
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await host.start());
    await host.settle();
    expect([...host.store.activeRuns()]).toEqual([]);
    host.crash();
    await host.clock.advance(120_000);
    const next = await host.restart();
    expect(next.engine.facts.live + next.engine.facts.resting).toBe(0);
    expect(next.timers.size).toBe(20);
    await next.clock.advance(1);
    await next.settle();
    for (const id of ids) expect((await next.engine.get(id)).status).toBe('completed');
  });

  it('keeps the rest of a pause before another attempt', async () => {
    const fails = (_input: unknown, { attempt }: { attempt: number }) => {
      if (attempt === 1) throw new Error('once');
      return attempt;
    };
    const host = new EngineHost({ functions: { fails } });
    host.define([{ name: 'a', run: 'fails', retry: { initialMs: 100_000, maxMs: 100_000 } }]);
    const id = await host.start();
    await host.clock.advance(50_000);
    const next = await host.restart();
    await next.clock.advance(20_000);
    expect((await next.engine.get(id)).status).toBe('waiting');
    await next.clock.advance(60_000);
    expect(await next.engine.get(id)).toMatchObject({ status: 'completed', output: 2 });
  });

  it('keeps signals that were acknowledged', async () => {
    const host = new EngineHost({ functions });
    host.define([
      { name: 'pause', timer: 1_000 },
      { name: 'ask', signal: 'go', dependsOn: ['pause'] },
    ]);
    const id = await host.start();
    await host.settle();
    await host.engine.signal(id, 'go', 'kept');
    const next = await host.restart();
    expect((await next.end(id)).output).toBe('kept');
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])('after %i commits wakes a parent whose child ended, whenever that was', async (crashAfter) => {
    const host = new EngineHost({ functions, maxResting: 0 });
    host.define([{ name: 'pause', timer: 50 }], { name: 'child' });
    host.define([
      { name: 'kid', workflow: 'child' },
      { name: 'then', run: 'noop', dependsOn: ['kid'] },
    ]);
    host.store.crashAfter = crashAfter;
    host.store.onCrash = () => host.kill();
    void host.start({ id: 'p' }).catch(() => {});
    await host.clock.advance(1_000);
    const next = await host.restart();
    await next.start({ id: 'p' });
    expect((await next.end('p', 5_000)).status).toBe('completed');
    expect(next.store.disk.violations).toEqual([]);
  });

  it('leaves runs whose definition is missing as they are, says so, and goes on when it is there again', async () => {
    const host = new EngineHost({ functions });
    host.define([
      { name: 'ask', signal: 'go' },
      { name: 'pause', timer: 1_000 },
    ]);
    const gate = new Gate();
    const busy = new EngineHost({ functions: { ...functions, wait: () => gate.wait() } });
    const pipeline = busy.define([{ name: 'a', run: 'wait' }]);
    const id = await busy.start();
    await busy.settle();
    busy.pipelines.clear();
    const next = await busy.restart();
    await next.settle();
    const error = { code: 'WORKFLOW_UNKNOWN', message: expect.stringContaining('came by workflow.define: define it again') };
    expect(await next.engine.get(id)).toMatchObject({ status: 'waiting', error, stages: [{ name: '#0', status: 'running' }] });
    expect((await next.engine.get(id)).stages[0]).not.toHaveProperty('dependsOn');
    expect(await rejection(next.engine.signal(id, 'go', 1))).toMatchObject(error);
    const outline = JSON.stringify({ stages: [['a', 'x']], output: 'x' });
    await next.store.saveDefinition({ name: 'flow', version: 1, hash: '', json: null, outline, createdAt: 1 });
    const gone =
      'The run needs "flow" version 1, which is missing: add the file of version 1 of "flow" to `definitions` again. The run goes on then';
    expect(await next.engine.get(id)).toMatchObject({
      status: 'waiting',
      error: { message: gone },
      stages: [{ name: 'a', status: 'running' }],
    });
    expect(await rejection(next.engine.cancel(id))).toMatchObject({ code: 'WORKFLOW_UNKNOWN', message: gone });
    expect(gate.waiting).toBe(1);
    next.pipelines.set('flow@1', pipeline);
    next.engine.defined(pipeline);
    await next.settle();
    expect(gate.waiting).toBe(2);
    gate.open(0);
    gate.open(5);
    expect((await next.end(id)).output).toBe(5);
  });

  it('with many open runs begins with the first at once and lets others in between', async () => {
    const gate = new Gate();
    let executed = 0;
    const work = () => {
      executed += 1;
      return gate.wait();
    };
    const host = new EngineHost({ functions: { work }, config: { maxConcurrentTransactions: 10_000 } });
    host.define([{ name: 'a', run: 'work' }]);
    await Promise.all(Array.from({ length: 1_000 }, () => host.start()));
    await host.settle();
    expect(executed).toBe(1_000);
    executed = 0;
    const next = host.crash();
    const resuming = next.engine.resume();
    expect(next.engine.facts.live).toBe(100);
    await Promise.resolve();
    expect(executed).toBe(100);
    await resuming;
    expect(executed).toBe(1_000);
  });

  it('finds values of every size again', async () => {
    const gate = new Gate();
    const values = new MemoryStore();
    const make = (input: unknown) => 'x'.repeat(Number(input));
    const host = new EngineHost({
      functions: { ...functions, make, wait: () => gate.wait() },
      values,
      config: { maxStateBytesPerStage: 100_000 },
    });
    host.define([
      { name: 'small', run: 'make', input: 10 },
      { name: 'medium', run: 'make', input: 80_000 },
      { name: 'large', run: 'make', input: 200_000 },
      { name: 'wait', run: 'wait', dependsOn: ['small', 'medium', 'large'] },
      {
        name: 'all',
        run: 'echo',
        input: ['${stages.small.output}', '${stages.medium.output}', '${stages.large.output}', '${input}'],
        dependsOn: ['wait'],
      },
    ]);
    const id = await host.start({ input: 'y'.repeat(300_000) });
    await host.settle();
    const next = await host.restart();
    await next.settle();
    gate.open(null);
    gate.open(null);
    const { output } = await next.end(id);
    expect((output as string[]).map((text) => text.length)).toEqual([10, 80_000, 200_000, 300_000]);
  });
});

describe('a value for which there is no room', () => {
  it('holds its stage up and nothing is lost', async () => {
    const values = new MemoryStore();
    const host = new EngineHost({ functions: { large: () => 'x'.repeat(100_000) }, values });
    const write = values.write.bind(values);
    let isFull = true;
    values.write = async (...args) => {
      if (isFull) throw Object.assign(new (await import('@bellows/sdk')).NotReadyError('STORE_FULL', 'full'));
      return write(...args);
    };
    host.define([{ name: 'a', run: 'large' }]);
    const id = await host.start();
    await host.clock.advance(10_000);
    expect((await host.engine.get(id)).status).toBe('running');
    expect(host.engine.facts.valuesWaiting).toBe(1);
    isFull = false;
    expect((await host.end(id)).status).toBe('completed');
    expect(host.engine.facts.valuesWaiting).toBe(0);
  });
});

describe('a stop', () => {
  it('lets stages that execute end for a while, then aborts them; they execute again after the next start', async () => {
    const signals: AbortSignal[] = [];
    const gate = new Gate();
    const work = (input: unknown, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return input === 'quick'
        ? gate.wait()
        : new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const host = new EngineHost({ functions: { work } });
    host.define([{ name: 'a', run: 'work', input: '${input}' }]);
    const [quick, slow] = [await host.start({ input: 'quick' }), await host.start({ input: 'slow' })];
    await host.settle();
    const stopping = host.engine.stop(1_000);
    await host.clock.advance(500);
    gate.open('done');
    await host.clock.advance(100);
    expect((await host.engine.get(quick)).status).toBe('completed');
    expect(signals[1]?.aborted).toBe(false);
    await host.clock.advance(1_000);
    await stopping;
    expect(signals[1]?.aborted).toBe(true);
    await host.settle();
    expect(host.types(slow)).toEqual(['run.started', 'stage.started 0']);
    const next = await host.restart({ functions: { work: () => 'again' } });
    next.define([{ name: 'a', run: 'work', input: '${input}' }]);
    await next.settle();
    expect(signals).toHaveLength(3);
  });
});
