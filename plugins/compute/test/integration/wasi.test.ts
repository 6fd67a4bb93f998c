import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Invoked, RunningCompute, rejection } from '../running-compute.js';
import { wat } from '../wat.js';

const WORDCOUNT = new URL('../../../../docs/examples/wasi-wordcount/dist/wordcount.wasm', import.meta.url);
const ERRNO_NOSPC = 51;
let compute: RunningCompute;

beforeAll(async () => {
  compute = await RunningCompute.start({ config: { maxOutputBytes: 100_000 } });
  await compute.put('wordcount', await readFile(WORDCOUNT));
  await compute.put('probe', PROBE);
});
afterAll(() => compute.stop());

const text = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString();
const base64 = (content: string | Uint8Array) => Buffer.from(content).toString('base64');

/** Calls WASI functions and writes what they answered to standard output. */
const PROBE = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "sock_recv" (func $sock_recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024) "new.txt")
  (data (i32.const 1040) "../../../../etc/passwd")
  (data (i32.const 1072) "/etc/passwd")
  (func $write (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $length))
    (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func (export "random") (drop (call $random_get (i32.const 64) (i32.const 32))) (drop (call $write (i32.const 64) (i32.const 32))))
  (func (export "now") (param i32) (result i64) (drop (call $clock_time_get (local.get 0) (i64.const 0) (i32.const 64))) (i64.load (i32.const 64)))
  (func (export "sleep") (param i64) (result i64)
    (i32.store8 (i32.const 136) (i32.const 0)) (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (local.get 0))
    (drop (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 8)))
    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 64))) (i64.load (i32.const 64)))
  (func (export "echo") (i32.store (i32.const 0) (i32.const 4096)) (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 4096) (i32.load (i32.const 8)))))
  (func (export "environment") (drop (call $environ_get (i32.const 64) (i32.const 4096))) (drop (call $write (i32.const 4096) (i32.const 8))))
  (func (export "exit") (param i32) (drop (call $write (i32.const 1024) (i32.const 7))) (call $proc_exit (local.get 0)))
  (func (export "flood") (result i32) (local $error i32)
    (loop $more (local.set $error (call $write (i32.const 0) (i32.const 30000))) (br_if $more (i32.eqz (local.get $error)))) (local.get $error))
  (func (export "badAddress") (result i32) (call $write (i32.const -8) (i32.const 100)) (drop)
    (call $fd_write (i32.const 1) (i32.const -4) (i32.const 1) (i32.const 8)))
  (func (export "hugeVectors") (result i32) (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 8)))
  (func (export "socket") (result i32) (call $sock_recv (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "link") (result i32)
    (call $path_link (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 7) (i32.const 3) (i32.const 1025) (i32.const 6)))
  (func $open (param $at i32) (param $length i32) (param $flags i32) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (local.get $at) (local.get $length) (local.get $flags) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
  (func (export "escapeUp") (result i32) (call $open (i32.const 1040) (i32.const 22) (i32.const 0)))
  (func (export "escapeAbsolute") (result i32) (call $open (i32.const 1072) (i32.const 11) (i32.const 0)))
  (func (export "openMany") (result i32) (local $error i32)
    (loop $more (local.set $error (call $open (i32.const 1024) (i32.const 7) (i32.const 1))) (br_if $more (i32.eqz (local.get $error)))) (local.get $error))
  (func (export "truncateTo") (param i64) (result i32)
    (drop (call $open (i32.const 1024) (i32.const 7) (i32.const 1))) (call $set_size (i32.load (i32.const 16)) (local.get 0)))
  (func (export "writeFarOut") (result i32)
    (drop (call $open (i32.const 1024) (i32.const 7) (i32.const 1)))
    (drop (call $fd_seek (i32.load (i32.const 16)) (i64.const 4000000000) (i32.const 0) (i32.const 64)))
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 7))
    (call $fd_write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 8)))
)`);

/** Answers the number of a file that it makes. */
const INODES = wat(`(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "f")
  (func (export "inode") (result i64)
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
    (drop (call $stat (i32.load (i32.const 16)) (i32.const 64))) (i64.load (i32.const 72))))`);

/** Makes a folder with a name of 200 letters in the folder before, and an empty file in each: "dig" says how deep. */
const DEEP = wat(`(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $open (param $fd i32) (param $length i32) (param $flags i32) (result i32)
    (drop (call $path_open (local.get $fd) (i32.const 0) (i32.const 1024) (local.get $length) (local.get $flags) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
    (i32.load (i32.const 16)))
  (func (export "dig") (param $levels i32) (local $fd i32)
    (memory.fill (i32.const 1024) (i32.const 97) (i32.const 200))
    (local.set $fd (i32.const 3))
    (loop $more
      (local.set $fd (call $open (local.get $fd) (i32.const 200) (i32.const 3)))
      (drop (call $open (local.get $fd) (i32.const 1) (i32.const 1)))
      (br_if $more (local.tee $levels (i32.sub (local.get $levels) (i32.const 1)))))))`);

const probe = (name: string, fields: Record<string, unknown> = {}): Promise<Invoked> =>
  compute.invoke('probe', { export: name, ...fields });

describe('the WASI program wordcount', () => {
  it('counts its own source as JavaScript does, prints it and writes a file', async () => {
    const source = await readFile(new URL('../../../../docs/examples/wasi-wordcount/assembly/wordcount.ts', import.meta.url));
    const content = source.toString();
    const counts = new Map<string, number>();
    for (const [word] of content.matchAll(/[A-Za-z]+/g)) counts.set(word.toLowerCase(), (counts.get(word.toLowerCase()) ?? 0) + 1);
    const frequent = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 10);
    const expected = [
      'source.ts',
      `lines ${content.split('\n').length - 1}`,
      `words ${content.split(/[\t-\r ]+/).filter((word) => word !== '').length}`,
      `bytes ${source.length}`,
      ...frequent.map(([word, count]) => `${count} ${word}`),
      '',
    ].join('\n');

    const result = await compute.invoke('wordcount', {
      argv: ['wordcount', 'source.ts'],
      files: [{ path: 'source.ts', base64: base64(source) }],
    });

    expect(result.exitCode).toBe(0);
    expect(text(result.stdout)).toBe(expected);
    expect(result.files).toEqual([{ path: 'source.ts.count.txt', base64: base64(expected) }]);
  });

  it('ends with a code and a message when its file is not there', async () => {
    const result = await compute.invoke('wordcount', { argv: ['wordcount', 'missing.txt'] });
    expect(result).toMatchObject({ exitCode: 1, results: [], files: [] });
    expect(text(result.stderr)).toBe('wordcount: cannot open missing.txt (error 44)\n');
  });

  it('finds a file by its path from the root and writes where it is told', async () => {
    const result = await compute.invoke('wordcount', {
      argv: ['wordcount', '/texts/a.txt', '/out.txt'],
      files: [{ path: 'texts/a.txt', base64: base64('x') }],
    });
    expect(text(result.stdout)).toBe('/texts/a.txt\nlines 0\nwords 1\nbytes 1\n1 x\n');
    expect(result.files?.map(({ path }) => path)).toEqual(['out.txt']);
  });

  it('reads arguments beyond ASCII', async () => {
    const result = await compute.invoke('wordcount', {
      argv: ['wörtzähler', 'Grüße.txt'],
      files: [{ path: 'Grüße.txt', base64: base64('a b\n') }],
    });
    expect(text(result.stdout)).toBe('Grüße.txt\nlines 1\nwords 2\nbytes 4\n1 a\n1 b\n');
  });
});

describe('the world of a WASI guest', () => {
  it('gives the same random numbers for the same seed and others otherwise', async () => {
    const random = async (seed?: string) => text((await probe('random', seed === undefined ? {} : { seed })).stdout);
    expect(await random('one')).toBe(await random('one'));
    expect(await random('one')).not.toBe(await random('two'));
    expect(await random()).not.toBe(await random());
  });

  it('keeps the random numbers of a seed from release to release', async () => {
    expect(Buffer.from((await probe('random', { seed: 'bellows' })).stdout ?? '', 'base64').toString('hex')).toMatchInlineSnapshot(
      `"32f16d446efd77b9e9a0f3a96c699f08989d06a7eaf7b967a94bd97c787f9050"`,
    );
  });

  it.each([0, 1])('stops clock %i at nowMs', async (clock) => {
    expect((await probe('now', { args: [clock], nowMs: 1_700_000_000_123 })).results).toEqual(['1700000000123000000']);
  });

  it('moves a stopped clock on by what the guest sleeps, without waiting', async () => {
    const result = await probe('sleep', { args: ['3600000000000'], nowMs: 1_000, deadlineMs: 30_000 });
    expect(result.results).toEqual(['3601000000000']);
  });

  it('ends a guest that sleeps beyond its deadline', async () => {
    expect(await rejection(probe('sleep', { args: ['3600000000000'], deadlineMs: 50 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('gives standard input and environment', async () => {
    expect(text((await probe('echo', { input: base64('hello') })).stdout)).toBe('hello');
    expect(text((await probe('environment', { env: { A: 'b', C: 'd' } })).stdout)).toBe('A=b\0C=d\0');
  });

  it('shows nothing of the environment of the host', async () => {
    expect(text((await probe('environment')).stdout)).toBe('\0'.repeat(8));
  });

  it('answers the exit code and what was written before', async () => {
    const result = await probe('exit', { args: [7] });
    expect(result.exitCode).toBe(7);
    expect(text(result.stdout)).toBe('new.txt');
  });

  it('answers ENOSPC when a guest writes more than it may', async () => {
    const result = await probe('flood');
    expect(result.results).toEqual([ERRNO_NOSPC]);
    expect(text(result.stdout).length).toBe(90_000);
  });

  it.each([
    ['truncateTo', ['1000000000000']],
    ['truncateTo', ['100001']],
    ['writeFarOut', []],
  ])('does not let %s(%j) take memory that it may not write', async (name, args) => {
    expect((await probe(name, { args })).results).toEqual([ERRNO_NOSPC]);
  });

  it('answers EINVAL to a negative length', async () => {
    expect((await probe('truncateTo', { args: ['-1'] })).results).toEqual([28]);
  });

  it.each([
    ['badAddress', 21],
    ['hugeVectors', 28],
    ['socket', 58],
    ['link', 58],
    ['escapeUp', 76],
    ['escapeAbsolute', 76],
    ['openMany', 33],
  ])('answers an error number to %s', async (name, errno) => {
    expect((await probe(name)).results).toEqual([errno]);
  });

  it.each(['/etc/passwd', '../up', 'a/../../b', '', 'a//b', './a', 'a\\b', 'nul\0'])('refuses to give a file the path %j', async (path) => {
    expect(await rejection(probe('random', { files: [{ path, base64: '' }] }))).toMatchObject({
      code: 'FILES_INVALID',
      details: [{ path: 'files.0.path' }],
    });
  });

  it('refuses two files of one path and a file that is a folder of another', async () => {
    const give = (...paths: string[]) => probe('random', { files: paths.map((path) => ({ path, base64: '' })) });
    expect(await rejection(give('a', 'a'))).toMatchObject({ code: 'FILES_INVALID' });
    expect(await rejection(give('a', 'a/b'))).toMatchObject({ code: 'FILES_INVALID' });
  });

  it('answers only files that are new or changed', async () => {
    const files = ['new.txt', 'other/kept.txt'].map((path) => ({ path, base64: base64('1234567890') }));
    const result = await probe('truncateTo', { args: ['4'], files });
    expect(result.files).toEqual([{ path: 'new.txt', base64: base64('1234') }]);
  });

  it('numbers files the same in every call, whatever other guests did before', async () => {
    await compute.put('inodes', INODES);
    const inodes = async () => (await compute.invoke('inodes', { export: 'inode' })).results;
    const first = await inodes();
    await probe('openMany');
    expect(await inodes()).toEqual(first);
  });

  it('does not answer a deep tree of long names, whose paths are a thousand times what was written', async () => {
    await compute.put('deep', DEEP);
    const dig = (levels: number) => compute.invoke('deep', { export: 'dig', args: [levels] });
    expect((await dig(10)).files).toHaveLength(10);
    expect(await rejection(dig(400))).toMatchObject({ code: 'MEMORY_LIMIT', kind: 'guest' });
  });

  it('cannot be used before the call, from a start function', async () => {
    const module = wat(`(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1) (global $seen (mut i32) (i32.const 0)) (start $s) (func $s (global.set $seen (call $yield)))
      (func (export "seen") (result i32) (global.get $seen)))`);
    await compute.put('eager', module);
    expect((await compute.invoke('eager', { export: 'seen' })).results).toEqual([52]);
  });
});
