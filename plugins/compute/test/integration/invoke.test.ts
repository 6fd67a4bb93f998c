import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunningCompute, rejection } from '../running-compute.js';
import { FIXTURE, wat } from '../wat.js';

let compute: RunningCompute;

beforeAll(async () => {
  compute = await RunningCompute.start();
  await compute.put('math', FIXTURE);
});
afterAll(() => compute.stop());

const call = (name: string, args: (number | string)[] = []) => compute.invoke('math', { export: name, args });

describe('compute.invoke: numbers', () => {
  it('calls an exported function and answers its result', async () => {
    expect((await call('add', [2, 3])).results).toEqual([5]);
  });

  it('answers no result as an empty list and several as they come', async () => {
    expect((await call('pair')).results).toEqual([1, '2']);
  });

  it('carries 64-bit integers as decimal strings without losing a bit', async () => {
    expect((await call('addLong', ['9007199254740993', 1])).results).toEqual(['9007199254740994']);
    expect((await call('addLong', ['18446744073709551615', '1'])).results).toEqual(['0']);
  });

  it.each(['NaN', 'Infinity', '-Infinity', '-0', 1.5, -3, 0])('gives %s back as it came', async (value) => {
    expect((await call('same', [value])).results).toEqual([value]);
  });

  it('takes 32-bit integers in their signed and their unsigned form', async () => {
    expect((await call('add', [4_294_967_295, 2])).results).toEqual([1]);
    expect((await call('add', ['-1', 2])).results).toEqual([1]);
  });

  it('names every argument that does not fit', async () => {
    const error = await rejection(call('add', [1.5, 'x']));
    expect(error).toMatchObject({ code: 'ARGUMENTS_INVALID', kind: 'input' });
    expect(error.details?.map(({ path }) => path)).toEqual(['args.0', 'args.1']);
  });

  it.each([[[]], [[1]], [[1, 2, 3]]])('refuses %j for two parameters', async (args) => {
    expect(await rejection(call('add', args))).toMatchObject({ code: 'ARGUMENTS_INVALID', details: [{ path: 'args' }] });
  });

  it('names the functions there are when the wanted one is not', async () => {
    expect(await rejection(call('nothing'))).toMatchObject({ code: 'EXPORT_UNKNOWN', message: expect.stringContaining('addLong') });
    expect(await rejection(call('memory'))).toMatchObject({ code: 'EXPORT_UNKNOWN' });
    expect(await rejection(call('__proto__'))).toMatchObject({ code: 'EXPORT_UNKNOWN' });
  });

  it('refuses a function whose types have no form in JSON', async () => {
    expect(await rejection(call('vector'))).toMatchObject({ code: 'EXPORT_UNKNOWN', message: expect.stringContaining('v128') });
  });

  it('refuses an unknown module', async () => {
    expect(await rejection(compute.invoke('nobody'))).toMatchObject({ code: 'MODULE_UNKNOWN', kind: 'not_found', status: 404 });
  });

  it('refuses fuel rather than pretend to meter it', async () => {
    expect(await rejection(compute.invoke('math', { export: 'pair', fuel: '1000' }))).toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      data: { feature: 'fuel' },
    });
  });

  it('refuses files and input for a module that cannot read them', async () => {
    const error = await rejection(compute.invoke('math', { export: 'pair', input: 'aGk=', argv: ['x'] }));
    expect(error).toMatchObject({ code: 'WASI_UNUSED' });
    expect(error.details?.map(({ path }) => path)).toEqual(['input', 'argv']);
  });
});

describe('compute.invoke: isolation of calls', () => {
  it('gives every call an instance that nobody used before', async () => {
    for (let round = 0; round < 30; round += 1) expect((await call('count')).results).toEqual([2]);
  });

  it('takes instances from the pool once a module has been called', async () => {
    await compute.put('pooled', wat('(module (func (export "f")))'));
    expect((await compute.invoke('pooled', { export: 'f' })).pool).toBe('cold');
    let outcome = '';
    while (outcome !== 'warm') outcome = (await compute.invoke('pooled', { export: 'f' })).pool;
    const shown = await compute.call<{ pool: { hits: number; misses: number }; calls: number }>('compute.get', { name: 'pooled' });
    expect(shown.pool.hits).toBeGreaterThan(0);
    expect(shown.pool.misses).toBeGreaterThan(0);
    expect(shown.calls).toBe(shown.pool.hits + shown.pool.misses);
  });

  it('makes no instances ahead of time when the pool has no room', async () => {
    await compute.put('unpooled', wat('(module (func (export "f") (nop)) (func (export "g")))'), { maxPoolSize: 0 });
    for (let round = 0; round < 5; round += 1) expect((await compute.invoke('unpooled', { export: 'f' })).pool).toBe('cold');
  });
});

describe('compute.invoke: memory', () => {
  it('answers -1 to a growth beyond maxPages and goes on', async () => {
    await compute.put('small', FIXTURE, { maxPages: 4 });
    const grow = async (pages: number) => (await compute.invoke('small', { export: 'grow', args: [pages] })).results;
    expect(await grow(3)).toEqual([1]);
    expect(await grow(4)).toEqual([-1]);
  });

  it('follows a change of maxPages from the next call on', async () => {
    await compute.put('growing', FIXTURE, { maxPages: 2 });
    const grow = async () => (await compute.invoke('growing', { export: 'grow', args: [9] })).results;
    expect(await grow()).toEqual([-1]);
    await compute.call('compute.config', { name: 'growing', maxPages: 10 });
    expect(await grow()).toEqual([1]);
    await compute.call('compute.config', { name: 'growing', maxPages: 9 });
    expect(await grow()).toEqual([-1]);
  });

  it('answers -1 to a growth of a table beyond maxTableElements', async () => {
    await compute.put('tables', FIXTURE, { maxTableElements: 10 });
    const grow = async (elements: number) => (await compute.invoke('tables', { export: 'tableGrow', args: [elements] })).results;
    expect(await grow(8)).toEqual([2]);
    expect(await grow(9)).toEqual([-1]);
  });
});

describe('compute.invoke: traps', () => {
  it.each([
    ['unreachable', [], 'unreachable'],
    ['divide', [0], 'divide_by_zero'],
    ['overflow', [], 'integer_overflow'],
    ['convert', ['NaN'], 'invalid_conversion'],
    ['load', [65_536], 'out_of_bounds'],
    ['indirect', [0], 'indirect_call_mismatch'],
    ['indirect', [1], 'indirect_call_mismatch'],
    ['indirect', [2], 'table_out_of_bounds'],
  ])('%s(%j) is a trap of the kind %s', async (name, args, kind) => {
    expect(await rejection(call(name, args))).toMatchObject({ code: 'TRAP', kind: 'guest', status: 422, data: { kind, phase: 'call' } });
  });

  it('calls endless recursion a stack overflow', async () => {
    expect(await rejection(call('recurse'))).toMatchObject({ code: 'STACK_OVERFLOW', kind: 'guest' });
  });

  it('says that a module died in its start function', async () => {
    await compute.put('stillborn', wat('(module (start $s) (func $s unreachable) (func (export "f")))'));
    expect(await rejection(compute.invoke('stillborn', { export: 'f' }))).toMatchObject({
      code: 'TRAP',
      phase: 'start',
      data: { kind: 'unreachable', phase: 'start' },
    });
  });

  it('ends a module that hangs in its start function at the deadline', async () => {
    await compute.put('sleeper', wat('(module (start $s) (func $s (loop $l (br $l))) (func (export "f")))'));
    expect(await rejection(compute.invoke('sleeper', { export: 'f', deadlineMs: 100 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect((await call('add', [1, 1])).results).toEqual([2]);
  });

  it('calls a guest exception that nothing caught a trap of the kind exception', async () => {
    await compute.put('thrower', wat('(module (tag $t) (func (export "f") (throw $t)))'));
    expect(await rejection(compute.invoke('thrower', { export: 'f' }))).toMatchObject({ code: 'TRAP', data: { kind: 'exception' } });
  });

  it('keeps the last errors of a module', async () => {
    await compute.put('failing', FIXTURE);
    for (let round = 0; round < 12; round += 1) await rejection(compute.invoke('failing', { export: 'unreachable' }));
    await rejection(compute.invoke('failing', { export: 'recurse' }));
    const { lastErrors, calls } = await compute.call<{ lastErrors: { code: string }[]; calls: number }>('compute.get', { name: 'failing' });
    expect(calls).toBe(13);
    expect(lastErrors.map(({ code }) => code)).toEqual(['STACK_OVERFLOW', ...Array.from({ length: 9 }, () => 'TRAP')]);
  });
});
