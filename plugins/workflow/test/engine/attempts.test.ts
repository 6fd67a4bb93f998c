import { CapacityError, GuestError, InputError } from '@bellows/sdk';
import type { StageCall } from '@bellows/sdk/workflow';
import { describe, expect, it } from '@jest/globals';
import { EngineHost } from './engine-host.js';

const RETRY = { maxAttempts: 3, initialMs: 100, factor: 2, maxMs: 150 };

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
    const operations: Record<string, () => Promise<unknown>> = {};
    const host = new EngineHost({ infos: { 'test.gone': {} }, operations });
    host.define([{ name: 'work', operation: 'test.gone', retry: RETRY }]);
    const id = await host.start();
    await host.clock.advance(10 * 60_000);
    const away = await host.engine.get(id);
    expect(away).toMatchObject({ status: 'waiting', stages: [{ status: 'waiting', error: { code: 'OPERATION_UNKNOWN' } }] });
    const retries = host.events(id).filter(({ type }) => type === 'stage.retry_scheduled');
    // ever longer pauses: the history of a run that waits for days stays small
    expect(retries.length).toBeLessThan(20);
    operations['test.gone'] = async () => 'here';
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
