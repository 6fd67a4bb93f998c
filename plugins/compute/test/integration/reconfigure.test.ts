import { FakeClock } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ComputeConfig, computeConfigSchema } from '../../src/config.js';
import { RunningCompute, rejection, until } from '../running-compute.js';
import { FIXTURE, wat } from '../wat.js';

const SPIN = wat('(module (func (export "spin") (loop $again (br $again))))');
const GROWS = wat('(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))');
const TABLE = wat('(module (table 50 funcref) (func (export "none")))');
const WRITES = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 8) "12345678")
  (func (export "_start") (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 8))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))`);

/** Stands still: a host that is stopped for seconds may end executors that are late, and the same ones are to be there afterwards. */
const clock = new FakeClock();
let compute: RunningCompute;
const configOf = async (module: string) => (await compute.call<{ config: Record<string, number> }>('compute.get', { name: module })).config;

beforeAll(async () => {
  compute = await RunningCompute.start({ clock });
  await compute.put('math', FIXTURE);
  await compute.put('spin', SPIN);
  await compute.put('grows', GROWS);
  await compute.put('writes', WRITES);
});
afterAll(() => compute.stop());

/** Each option that a reload changes live: another value, and how a caller notices. */
const EFFECTS: Readonly<Partial<Record<keyof ComputeConfig, { readonly to: number; notice(): Promise<void> }>>> = {
  maxConcurrentOperations: {
    to: 1,
    async notice() {
      expect(compute.manager.currentLimits.maxConcurrentOperations).toBe(1);
      expect(compute.manager.currentLimitReason).toMatchObject({ limitedBy: 'configured' });
    },
  },
  maxQueueDepth: {
    to: 1,
    async notice() {
      const many = Array.from({ length: 70 }, () => compute.invoke('spin', { export: 'spin', deadlineMs: 100 }));
      const codes = (await Promise.all(many.map((call) => rejection(call)))).map(({ code }) => code);
      expect(codes).toContain('CAPACITY');
    },
  },
  maxCacheEntries: {
    to: 1,
    async notice() {
      expect(compute.metrics['cache.size']).toBe(1);
      await compute.put('another', FIXTURE);
      expect(compute.metrics['cache.size']).toBe(1);
    },
  },
  maxMemoryBytes: {
    to: 1,
    async notice() {
      const warm = async () => (await compute.call<{ pool: { warm: number } }>('compute.get', { name: 'math' })).pool.warm;
      await compute.change({ maxMemoryBytes: null });
      await until(async () => {
        await compute.invoke('math', { export: 'pair' });
        return (await warm()) > 0;
      });
      await compute.change({ maxMemoryBytes: 1 });
      // the instances made ahead of time are given up at the next look
      await clock.advance(1_000);
      await until(async () => (await warm()) === 0);
    },
  },
  deadlineMs: {
    to: 50,
    notice: async () => expect(await rejection(compute.invoke('spin', { export: 'spin' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' }),
  },
  defaultMaxPages: {
    to: 3,
    notice: async () => expect((await compute.invoke('grows', { export: 'grow', args: [5] })).results).toEqual([-1]),
  },
  maxPoolSize: { to: 3, notice: async () => expect(await configOf('math')).toMatchObject({ maxPoolSize: 3 }) },
  maxTableElements: {
    to: 20,
    notice: async () =>
      expect(await rejection(compute.put('table', TABLE))).toMatchObject({ message: expect.stringContaining('maxTableElements') }),
  },
  maxFunctionBytes: {
    to: 1,
    notice: async () =>
      expect(await rejection(compute.put('other', FIXTURE))).toMatchObject({ message: expect.stringContaining('maxFunctionBytes') }),
  },
  maxModuleBytes: {
    to: 8,
    notice: async () =>
      expect(await rejection(compute.put('other', FIXTURE))).toMatchObject({ message: expect.stringContaining('maxModuleBytes') }),
  },
  maxOutputBytes: { to: 4, notice: async () => expect((await compute.invoke('writes')).stdout ?? '').not.toContain('12345678') },
};

describe('an option that a reload changes live', () => {
  it('has its effect tried here, each of them and no other', () => {
    const { properties } = computeConfigSchema.toJSONSchema({ io: 'input' });
    const live = Object.entries(properties ?? {}).filter(([, schema]) => (schema as { change?: string }).change === 'live');
    expect(Object.keys(EFFECTS).sort()).toEqual(live.map(([name]) => name).sort());
  });

  it.each(Object.entries(EFFECTS))('%s takes effect with the same executors, and goes back', async (name, { to, notice }) => {
    const before = compute.executorPids;
    await compute.change({ [name]: to });
    await notice();
    await compute.change({ [name]: computeConfigSchema.parse({})[name as keyof ComputeConfig] });
    expect((await compute.invoke('math', { export: 'add', args: [2, 3] })).results).toEqual([5]);
    for (const pid of before) expect(compute.executorPids).toContain(pid);
  });

  it('leaves calls that run as they began', async () => {
    const caller = new AbortController();
    const running = rejection(compute.invoke('spin', { export: 'spin' }, { signal: caller.signal }));
    await until(() => compute.metrics.inUse === 1);
    await compute.change({ maxConcurrentOperations: 1 });
    expect(compute.metrics.inUse).toBe(1);
    await compute.change({ maxConcurrentOperations: 64, deadlineMs: 50 });
    // one that begins now is ended at the new time, and the other goes on
    expect(await rejection(compute.invoke('spin', { export: 'spin' }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(compute.metrics.inUse).toBe(1);
    caller.abort(new Error('enough'));
    expect((await running).message).toBe('enough');
    await compute.change({ deadlineMs: 30_000 });
  });
});
