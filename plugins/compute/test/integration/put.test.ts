import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MemoryStore } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RunningCompute, rejection } from '../running-compute.js';
import { FIXTURE, wat } from '../wat.js';

let compute: RunningCompute;
const UPLOADS = new Map([['/v1/files/abc', FIXTURE]]);

beforeAll(async () => {
  compute = await RunningCompute.start({ uploads: UPLOADS, config: { maxModuleBytes: 100_000 } });
});
afterAll(() => compute.stop());

const ONE = wat('(module (func (export "which") (result i32) (i32.const 1)))');
const TWO = wat('(module (func (export "which") (result i32) (i32.const 2)))');

describe('compute.put', () => {
  it('offers exactly the operations of the first form', () => {
    expect(compute.operationNames.toSorted()).toEqual([
      'compute.config',
      'compute.get',
      'compute.invoke',
      'compute.list',
      'compute.put',
      'compute.remove',
    ]);
  });

  it('answers what the module is', async () => {
    const answer = await compute.put('math', FIXTURE);
    expect(answer).toMatchObject({ name: 'math', bytes: FIXTURE.length, kind: 'core', imports: [] });
    expect(answer.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.exports).toContainEqual({ name: 'addLong', kind: 'function', params: ['i64', 'i64'], results: ['i64'] });
    expect(answer.exports).toContainEqual({ name: 'memory', kind: 'memory' });
  });

  it('takes the url of an upload', async () => {
    await compute.call('compute.put', { name: 'uploaded', wasm: '/v1/files/abc' });
    expect((await compute.invoke('uploaded', { export: 'add', args: [1, 1] })).results).toEqual([2]);
    expect(await rejection(compute.call('compute.put', { name: 'x', wasm: '/v1/files/unknown' }))).toMatchObject({
      code: 'UPLOAD_UNKNOWN',
    });
  });

  it('replaces a module and keeps its settings', async () => {
    await compute.put('changing', ONE, { maxPages: 7 });
    await compute.put('changing', TWO);
    expect((await compute.invoke('changing', { export: 'which' })).results).toEqual([2]);
    expect(await compute.call('compute.config', { name: 'changing' })).toMatchObject({ config: { maxPages: 7 } });
  });

  it('gives the name to the later of two puts made at once, as a whole', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [first, second] = round % 2 === 0 ? [ONE, TWO] : [TWO, ONE];
      const puts = [compute.put('contested', first, { maxPages: 11 }), compute.put('contested', second, { maxPages: 22 })];
      await Promise.all(puts);
      const { hash, config } = await compute.call<{ hash: string; config: { maxPages: number } }>('compute.get', { name: 'contested' });
      const winner = (await Promise.all(puts)).findIndex((answer) => answer.hash === hash);
      expect(config.maxPages).toBe([11, 22][winner]);
      expect((await compute.invoke('contested', { export: 'which' })).results).toHaveLength(1);
    }
  });

  it.each([
    ['text', Buffer.from('this is no module')],
    ['a header alone cut short', FIXTURE.slice(0, 6)],
    ['a module cut in the middle', FIXTURE.slice(0, FIXTURE.length / 2)],
    ['a module that only V8 finds wrong', wrongBody()],
  ])('refuses %s', async (_name, bytes) => {
    expect(await rejection(compute.put('bad', bytes))).toMatchObject({ code: 'MODULE_INVALID', kind: 'input' });
    expect(await rejection(compute.call('compute.get', { name: 'bad' }))).toMatchObject({ code: 'MODULE_UNKNOWN' });
  });

  it('survives any bytes that begin like a module', async () => {
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const codes = new Set(['MODULE_INVALID', 'FEATURE_UNSUPPORTED', 'IMPORT_UNKNOWN', 'MEMORY_LIMIT']);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
        const outcome = await compute.put('fuzz', Uint8Array.from([...header, ...bytes])).then(
          () => 'MODULE_INVALID',
          (error: { code: string }) => error.code,
        );
        expect(codes).toContain(outcome);
      }),
      { numRuns: 200 },
    );
    expect(compute.metrics['executors.lost.total']).toBe(0);
  });

  it('refuses what is neither base64 nor an upload, and modules that are too large', async () => {
    expect(await rejection(compute.call('compute.put', { name: 'x', wasm: 'not base64!' }))).toMatchObject({ code: 'INPUT_INVALID' });
    expect(await rejection(compute.put('x', new Uint8Array(100_001)))).toMatchObject({ code: 'MODULE_TOO_LARGE', status: 413 });
  });

  it.each(['', '../x', 'a/b', '.hidden', 'a'.repeat(129), 'a b'])('refuses the name %j', async (name) => {
    expect(await rejection(compute.put(name, ONE))).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('names every import that no guest gets', async () => {
    const module =
      wat(`(module (import "env" "abort" (func)) (import "env" "memory" (memory 1)) (import "wasi_snapshot_preview1" "fd_write2" (func))
      (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32))))`);
    const error = await rejection(compute.put('greedy', module));
    expect(error).toMatchObject({ code: 'IMPORT_UNKNOWN' });
    const { imports } = error.data as { imports: string[] };
    expect(imports.toSorted()).toEqual(['env.abort (function)', 'env.memory (memory)', 'wasi_snapshot_preview1.fd_write2 (function)']);
    for (const name of imports) expect(error.message).toContain(name);
  });

  it.each([
    ['(memory i64 1)', 'memory64'],
    ['(memory 1 2 shared)', 'shared memory'],
  ])('refuses %s by name', async (text, feature) => {
    expect(await rejection(compute.put('x', wat(`(module ${text})`)))).toMatchObject({ code: 'FEATURE_UNSUPPORTED', data: { feature } });
  });

  it.each([
    [{ fuel: '1000' }, 'fuel'],
    [{ persistState: true }, 'persistState'],
  ])('refuses the setting %j rather than ignore it', async (config, feature) => {
    expect(await rejection(compute.put('x', ONE, config))).toMatchObject({ code: 'FEATURE_UNSUPPORTED', data: { feature } });
    await compute.put('settled', ONE);
    expect(await rejection(compute.call('compute.config', { name: 'settled', ...config }))).toMatchObject({ data: { feature } });
  });
});

describe('limits of a module', () => {
  const needsThree = wat('(module (memory 3) (table 5 funcref))');

  it('refuses a module that declares more than it may have', async () => {
    expect(await rejection(compute.put('x', needsThree, { maxPages: 2 }))).toMatchObject({
      code: 'MEMORY_LIMIT',
      data: { resource: 'memory', declared: 3, allowed: 2 },
    });
    expect(await rejection(compute.put('x', needsThree, { maxTableElements: 4 }))).toMatchObject({ code: 'MEMORY_LIMIT' });
    expect(await rejection(compute.put('x', wat('(module (memory 257))')))).toMatchObject({ code: 'MEMORY_LIMIT' });
    expect(await rejection(compute.put('x', FIXTURE, { maxFunctionBytes: 10 }))).toMatchObject({ code: 'FUNCTION_TOO_LARGE' });
  });

  it('refuses a change below what the module declares, and changes nothing', async () => {
    await compute.put('three', needsThree, { maxPages: 5 });
    expect(await rejection(compute.call('compute.config', { name: 'three', maxPages: 2, deadlineMs: 5 }))).toMatchObject({
      code: 'MEMORY_LIMIT',
    });
    expect(await compute.call('compute.config', { name: 'three' })).toEqual({
      name: 'three',
      config: {
        maxPages: 5,
        maxPoolSize: 10,
        persistState: false,
        maxTableElements: 100_000,
        maxFunctionBytes: 524_288,
        deadlineMs: 30_000,
      },
    });
  });

  it.each([0, 65_537, 1.5, -1])('refuses maxPages %d', async (maxPages) => {
    await compute.put('paged', ONE);
    expect(await rejection(compute.call('compute.config', { name: 'paged', maxPages }))).toMatchObject({ code: 'INPUT_INVALID' });
    expect(await rejection(compute.put('paged', ONE, { maxPages }))).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each([1, 65_536])('takes maxPages %d', async (maxPages) => {
    await compute.put('edge', ONE, { maxPages });
    expect((await compute.invoke('edge', { export: 'which' })).results).toEqual([1]);
  });
});

describe('what is kept', () => {
  const files = async (of: RunningCompute) => readdir(path.join(of.dataDir, 'modules'));

  it('loads the configuration of a module back that was pushed out of the cache', async () => {
    await using small = await RunningCompute.start({ config: { maxCacheEntries: 1 } });
    await small.put('first', FIXTURE, { maxPages: 3 });
    await small.put('second', ONE, { maxPages: 9 });
    expect(small.metrics['cache.size']).toBe(1);
    expect((await small.invoke('first', { export: 'grow', args: [2] })).results).toEqual([1]);
    expect((await small.invoke('first', { export: 'grow', args: [3] })).results).toEqual([-1]);
    expect(await small.call('compute.config', { name: 'second' })).toMatchObject({ config: { maxPages: 9 } });
  });

  it('has all modules after a restart, with their settings', async () => {
    const store = new MemoryStore();
    const dataDir = await mkdtemp(path.join(tmpdir(), 'bellows-compute-'));
    const before = await RunningCompute.start({ store, dataDir });
    await before.put('kept', FIXTURE, { maxPages: 4 });
    await before.stop();
    await writeFile(path.join(dataDir, 'modules', 'half-written.tmp'), 'x');

    const after = await RunningCompute.start({ store, dataDir });
    expect((await after.invoke('kept', { export: 'grow', args: [3] })).results).toEqual([1]);
    expect((await after.invoke('kept', { export: 'grow', args: [4] })).results).toEqual([-1]);
    expect(await after.call('compute.list', {})).toMatchObject({ modules: [{ name: 'kept', kind: 'core', calls: 2 }] });
    expect((await files(after)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await after.stop();
    await rm(dataDir, { recursive: true });
  });

  it('removes a file when its last name is gone, and only then', async () => {
    await using own = await RunningCompute.start();
    await own.put('a', ONE);
    await own.put('b', ONE);
    await own.call('compute.remove', { name: 'a' });
    expect((await own.invoke('b', { export: 'which' })).results).toEqual([1]);
    await own.put('b', TWO);
    expect(await files(own)).toHaveLength(1);
    await own.call('compute.remove', { name: 'b' });
    expect(await files(own)).toEqual([]);
    expect(await rejection(own.invoke('b', { export: 'which' }))).toMatchObject({ code: 'MODULE_UNKNOWN' });
    expect(await rejection(own.call('compute.remove', { name: 'b' }))).toMatchObject({ code: 'MODULE_UNKNOWN' });
  });

  it('removes files that a process killed between file and record left behind, and no others', async () => {
    const store = new MemoryStore();
    const dataDir = await mkdtemp(path.join(tmpdir(), 'bellows-compute-'));
    const before = await RunningCompute.start({ store, dataDir });
    await before.put('kept', ONE);
    await before.stop();
    await writeFile(path.join(dataDir, 'modules', `${'0'.repeat(64)}.wasm`), TWO);

    const after = await RunningCompute.start({ store, dataDir });
    await after.call('compute.config', { name: 'kept', maxPages: 3 });
    expect(await files(after)).toEqual([`${(await after.call<{ hash: string }>('compute.get', { name: 'kept' })).hash}.wasm`]);
    expect((await after.invoke('kept', { export: 'which' })).results).toEqual([1]);
    await after.stop();
    await rm(dataDir, { recursive: true });
  });

  it('has taken a change that is durable, also when it cannot tidy up behind it', async () => {
    const store = new MemoryStore();
    await using own = await RunningCompute.start({ store });
    await own.put('a', ONE);
    store.list = () => Promise.reject(new Error('the store is busy'));
    await own.put('a', TWO);
    expect((await own.invoke('a', { export: 'which' })).results).toEqual([2]);
    await own.call('compute.remove', { name: 'a' });
    expect(await rejection(own.invoke('a', { export: 'which' }))).toMatchObject({ code: 'MODULE_UNKNOWN' });
  });

  it('says that a file is damaged rather than ask to repeat the call', async () => {
    await using own = await RunningCompute.start();
    await own.put('cut', ONE);
    for (const name of await files(own)) await writeFile(path.join(own.dataDir, 'modules', name), ONE.subarray(0, 20));
    expect(await rejection(own.invoke('cut', { export: 'which' }))).toMatchObject({
      code: 'MODULE_INVALID',
      message: expect.stringContaining('damaged'),
    });
  });

  it('says that a file is missing rather than anything else', async () => {
    await using own = await RunningCompute.start();
    await own.put('gone', ONE);
    for (const name of await files(own)) await rm(path.join(own.dataDir, 'modules', name));
    expect(await rejection(own.invoke('gone', { export: 'which' }))).toMatchObject({ code: 'MODULE_FILE_MISSING' });
  });

  it('leaves no file of a module that was refused', async () => {
    await using own = await RunningCompute.start();
    await rejection(own.put('bad', wrongBody()));
    expect(await files(own)).toEqual([]);
  });
});

/** A function that promises an i32 and leaves nothing: well formed, not valid. */
function wrongBody(): Uint8Array {
  const bytes = wat('(module (func (export "f") (result i32) (i32.const 1)))');
  const at = bytes.findIndex((byte, index) => byte === 0x41 && bytes[index + 1] === 1 && bytes[index + 2] === 0x0b);
  bytes[at] = 0x01;
  bytes[at + 1] = 0x01;
  return bytes;
}
