import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RunningHost, startHost } from '@bellows/host';
import { type BusEvent, type MachineSample, seededRandom } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';
import { base64, SPIN } from './wasm-samples.js';

const MACHINE: MachineSample = {
  at: 0,
  cores: 2,
  cpuRatio: 0.1,
  memoryTotalBytes: 8e9,
  memoryUsedBytes: 1e9,
  memoryRatio: 0.125,
  eventLoopDelayP99Ms: 1,
  eventLoopUtilization: 0.1,
  heapUsedBytes: 1e7,
  rssBytes: 5e7,
};
const HUNGRY_CALLS = 9;
const DOWN_WINDOW_MS = 30_000;

/**
 * bellows.yaml → config-file → host → plugin-loader → plugin-order → plugin-runner → activate → manager → `metrics` on the bus →
 * governor → `reconfigureLimits` → `reconfigure` on the bus → manager → pure law. The clock stands still except where a test
 * moves it; the guests and their executor processes are real.
 */
describe('the data path, on a clock that only this test moves', () => {
  const clock = new FakeClock();
  const events: BusEvent[] = [];
  const abort = new AbortController();
  const calls: Promise<unknown>[] = [];
  let host: RunningHost;

  beforeAll(async () => {
    const folder = tempFolder('bellows-data-path');
    writeFileSync(path.join(folder, 'bellows.yaml'), `plugins: { compute: { from: ${JSON.stringify(COMPUTE)} } }`);
    const console = { write: () => true };
    host = await startHost({ cwd: folder, env: {}, port: 0, clock, random: seededRandom(7), machine: { latest: MACHINE }, console });
    host.view.bus.subscribe('*', { capacity: Number.POSITIVE_INFINITY }, (event) => void events.push(event));
  });
  afterAll(() => host?.stop('TEST'));

  const of = (topic: string) => events.filter((event) => event.topic === topic).map(({ payload }) => payload as Record<string, unknown>);
  const compute = () => host.view.status().subsystems.find(({ name }) => name === 'compute.wasm');

  it('starts with the manager’s subsystem known to the governor and resting', async () => {
    await clock.advance(1_000);
    expect(host.view.ready()).toMatchObject({
      ready: true,
      plugins: [{ id: 'compute', state: 'active', reason: 'ACTIVE', configRevision: 1 }],
    });
    expect(of('metrics')).toEqual([expect.objectContaining({ subsystem: 'compute.wasm', backpressure: 'normal' })]);
    expect(compute()).toMatchObject({ ceiling: 1, limits: { maxConcurrentOperations: 1 }, lastDecision: { limitedBy: 'floor' } });
  });

  it('raises the limit in the next period when more is wanted than fits', async () => {
    await host.view.operations.call('compute.put', { name: 'spin', wasm: base64(SPIN) });
    for (let index = 0; index < HUNGRY_CALLS; index += 1) {
      const call = host.view.operations.call('compute.invoke', { module: 'spin', export: 'spin' }, { signal: abort.signal });
      calls.push(call.catch((error: { code: string }) => error.code));
    }
    await until('all calls to have come to the manager', () => compute()?.metrics.demand === HUNGRY_CALLS);
    await clock.advance(2_000);
    expect(compute()?.ceiling).toBe(4);
    const decision = of('decision').findLast(({ outcome }) => outcome === 'applied');
    expect(decision).toMatchObject({ subsystem: 'compute.wasm', to: 4, limitedBy: 'share' });
    expect(of('reconfigure').at(-1)).toMatchObject({
      subsystem: 'compute.wasm',
      to: { maxConcurrentOperations: expect.any(Number) },
      decisionId: decision?.id,
    });
  });

  it('lets the manager’s own law move inside the ceiling, and really runs as many guests', async () => {
    const limit = compute()?.limits.maxConcurrentOperations as number;
    expect(limit).toBeGreaterThan(1);
    expect(limit).toBeLessThanOrEqual(4);
    await until('as many guests as the limit allows', () => compute()?.metrics.inUse === limit);
    await until('as many threads', () => (compute()?.metrics['threads.running'] ?? 0) >= limit);
  });

  it('gives back what is no longer wanted, after the window, and threads end with it', async () => {
    abort.abort();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['CANCELLED']));
    await until('the guests to end', () => compute()?.metrics.demand === 0);
    await clock.advance(DOWN_WINDOW_MS / 2);
    expect(compute()?.ceiling).toBe(4);
    await clock.advance(DOWN_WINDOW_MS);
    expect(compute()).toMatchObject({ ceiling: 1, limits: { maxConcurrentOperations: 1 } });
    await until('the other threads to end', () => (compute()?.metrics['threads.running'] ?? 9) <= 1);
  });

  it('tells the whole story afterwards, newest first, each step with its reason', () => {
    const story = host.view.decisions({ subsystem: 'compute.wasm', limit: 100 });
    // Guests come and go in their own time: how many steps up and down there are depends on how many were seen at each.
    const levels = story.map(({ to }) => to).toReversed();
    const peak = levels.indexOf(4);
    expect(levels.slice(0, peak)).toEqual(levels.slice(0, peak).toSorted((a, b) => a - b));
    expect(levels.slice(peak)).toEqual(levels.slice(peak).toSorted((a, b) => b - a));
    expect(story.at(-1)).toMatchObject({ to: 1, limitedBy: 'floor', outcome: 'applied' });
    expect(story[0]).toMatchObject({ to: 1, limitedBy: 'floor', outcome: 'applied' });
    expect(story.map(({ limitedBy }) => limitedBy)).toContain('stabilization');
    for (const { reason, to } of story) expect(reason).toContain(`${to} given`);
  });

  it('stops cleanly', async () => {
    // on a clock that stands still no limit can be reached, however slow the machine is
    expect(await host.stop('TEST')).toEqual({ clean: true });
    expect(of('status').at(-1)).toMatchObject({ plugin: 'compute', state: 'stopped' });
  });
});
