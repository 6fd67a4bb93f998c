import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { RunningCompute, rejection, until } from '../running-compute.js';
import { FIXTURE } from '../wat.js';

/** Longer than any test: its caller ends it. */
const LOOP = { export: 'loop', deadlineMs: 600_000 };
const LIMITS = { maxCacheEntries: 100, maxMemoryBytes: 2 ** 30, maxConcurrentOperations: 64, maxQueueDepth: 1_000 };

describe('many calls', () => {
  it('answers 1,000 calls made at once, each with its own result', async () => {
    await using compute = await RunningCompute.start();
    await compute.put('math', FIXTURE);
    const results = await Promise.all(Array.from({ length: 1_000 }, (_, n) => compute.invoke('math', { export: 'add', args: [n, 1] })));
    expect(results.map(({ results: [sum] }) => sum)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1));
    expect(compute.metrics).toMatchObject({ inUse: 0, 'queue.depth': 0, 'completed.total': 1_001, 'failed.total': 0 });
  });

  it('refuses what does not fit into the queue and says when to come back', async () => {
    await using compute = await RunningCompute.start({ config: { maxQueueDepth: 5, maxConcurrentOperations: 1 } });
    await compute.put('math', FIXTURE);
    const caller = new AbortController();
    const loop = rejection(compute.invoke('math', LOOP, { signal: caller.signal }));
    await until(() => compute.metrics.inUse === 1);
    const queued = Array.from({ length: 5 }, () => compute.invoke('math', { export: 'pair' }));
    await until(() => compute.metrics['queue.depth'] === 5);
    const error = await rejection(compute.invoke('math', { export: 'pair' }));
    expect(error).toMatchObject({ code: 'CAPACITY', status: 429 });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(compute.manager.currentBackpressureState).toBe('shedding');
    expect(compute.metrics['rejected.total']).toBe(1);
    caller.abort(new Error('enough'));
    expect((await loop).message).toBe('enough');
    await Promise.all(queued);
    expect(compute.manager.currentBackpressureState).toBe('normal');
  });
});

describe('limits and real threads', () => {
  it('starts and ends threads and processes as the limit rises and falls', async () => {
    // the law of the plugin moves the limit too, with the time
    await using compute = await RunningCompute.start({ cores: 4, clock: new FakeClock(), config: { executors: 2 } });
    await compute.put('math', FIXTURE);
    const callers = new AbortController();
    const loops = Array.from({ length: 4 }, () => rejection(compute.invoke('math', LOOP, { signal: callers.signal })));
    await until(() => compute.metrics['threads.running'] === 4 && compute.executorPids.length === 2);

    await compute.manager.reconfigureLimits({ ...LIMITS, maxConcurrentOperations: 1 });
    expect(compute.manager.currentLimits.maxConcurrentOperations).toBe(1);
    expect(compute.metrics.inUse).toBe(4);
    callers.abort(new Error('enough'));
    for (const loop of loops) expect((await loop).message).toBe('enough');
    await until(() => compute.executorPids.length === 1);
    expect((await compute.invoke('math', { export: 'add', args: [1, 1] })).results).toEqual([2]);
    await until(() => compute.metrics['threads.running'] === 1);

    await compute.manager.reconfigureLimits({ ...LIMITS, maxConcurrentOperations: 3 });
    const later = new AbortController();
    const again = Array.from({ length: 3 }, () => rejection(compute.invoke('math', LOOP, { signal: later.signal })));
    await until(() => compute.metrics['threads.running'] === 3 && compute.metrics.inUse === 3);
    later.abort(new Error('enough'));
    for (const loop of again) expect((await loop).message).toBe('enough');
  });

  it('reports the memory of its executors', async () => {
    await using compute = await RunningCompute.start();
    await compute.put('math', FIXTURE);
    await until(() => compute.metrics.memoryBytes > 10 * 2 ** 20);
    expect(compute.metrics['executors.running']).toBeGreaterThan(0);
  });
});
