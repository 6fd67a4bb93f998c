import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InputError, silentLogger, systemClock, z } from '@bellows/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FileUploads } from '../../src/uploads.js';
import { type LoopbackHost, startLoopbackHost, TOKEN } from '../http/loopback-host.js';
import { bellows, type Terminal } from './terminal.js';

let host: LoopbackHost;
let cwd: string;
let terminal: Terminal;
/** What reached the operations, and what `compute.invoke` answers next. */
const seen: { name: string; input: unknown }[] = [];
let answer: Record<string, unknown> = {};
let failure: Error | undefined;
const module = {
  name: 'fib',
  hash: 'abc',
  bytes: 8,
  kind: 'wasi',
  exports: [
    { name: '_start', kind: 'function', params: [], results: [] },
    { name: 'add', kind: 'function', params: ['i32', 'i32'], results: ['i32'] },
    { name: 'memory', kind: 'memory' },
  ],
  config: { maxPages: 256, persistState: false },
  pool: { size: 10, warm: 2, hits: 5, misses: 1, overflow: 0 },
  calls: 6,
  lastErrors: [{ code: 'TRAP', message: 'The guest trapped', at: 1_700_000_000_000 }],
};
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'bellows-compute-'));
  host = await startLoopbackHost({ uploads: new FileUploads({ dataDir: cwd, clock: systemClock }), logger: silentLogger });
  terminal = { host: { url: host.server.url, token: TOKEN }, cwd };
  const operations = host.registry.forPlugin('compute', new AbortController().signal);
  const answers: Record<string, () => unknown> = {
    put: () => ({ name: 'fib', hash: 'abc', bytes: 8 }),
    list: () => ({ modules: [{ name: 'fib', kind: 'core', bytes: 8, hash: 'abc', calls: 3 }] }),
    get: () => module,
    remove: () => ({ name: 'fib' }),
    config: () => ({ name: 'fib', config: { maxPages: 64, deadlineMs: 30_000 } }),
    invoke: () => {
      if (failure) throw failure;
      return answer;
    },
  };
  for (const [verb, output] of Object.entries(answers)) {
    const name = `compute.${verb}`;
    operations.provide({
      name,
      summary: '',
      input: z.unknown(),
      output: z.unknown(),
      handler: async (input) => {
        seen.push({ name, input });
        return output();
      },
    });
  }
});
afterAll(async () => {
  await host.close();
  await rm(cwd, { recursive: true });
});
beforeEach(() => {
  seen.length = 0;
  answer = { results: [] };
  failure = undefined;
});

describe('bellows compute put', () => {
  it('sends a small module inside of the call and a large one as a file', async () => {
    await writeFile(path.join(cwd, 'small.wasm'), '\0asm');
    expect(
      await bellows(['compute', 'put', 'fib', 'small.wasm', '--set', 'maxPages=64', '--set', 'persistState=false'], terminal),
    ).toMatchObject({ code: 0, stdout: 'fib abc 8 bytes\n' });
    await writeFile(path.join(cwd, 'large.wasm'), Buffer.alloc(1024 * 1024 + 1));
    await bellows(['compute', 'put', 'fib', 'large.wasm'], terminal);
    expect(seen.map(({ input }) => input)).toEqual([
      { name: 'fib', wasm: 'AGFzbQ==', config: { maxPages: 64, persistState: false } },
      { name: 'fib', wasm: expect.stringMatching(/^\/v1\/files\/[0-9a-f]{64}$/) },
    ]);
  });

  it('says which file cannot be read', async () => {
    for (const file of ['none.wasm', '.']) {
      expect(await bellows(['compute', 'put', 'fib', file], terminal)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('(FILE_UNREADABLE)'),
      });
    }
  });
});

describe('bellows compute list, get, config and remove', () => {
  it('calls the operation of its name', async () => {
    expect((await bellows(['compute', 'list', '--json'], terminal)).json).toMatchObject({ modules: [{ calls: 3 }] });
    expect((await bellows(['compute', 'get', 'fib', '--json'], terminal)).json).toEqual(module);
    expect((await bellows(['compute', 'config', 'fib', 'maxPages=64', '--json'], terminal)).json).toMatchObject({
      config: { maxPages: 64 },
    });
    expect((await bellows(['compute', 'remove', 'fib', '--json'], terminal)).json).toEqual({ name: 'fib' });
    expect(seen.map(({ input }) => input)).toEqual([{}, { name: 'fib' }, { name: 'fib', maxPages: 64 }, { name: 'fib' }]);
    expect(await bellows(['compute', 'config', 'fib', 'maxPages'], terminal)).toMatchObject({ code: 2 });
  });

  it('prints for people without --json', async () => {
    const text = async (...argv: string[]) => (await bellows(['compute', ...argv], terminal)).stdout;
    expect(await text('list')).toMatch(/^MODULE +KIND +BYTES +CALLS +HASH\nfib +core +8 +3 +abc\n$/);
    expect(await text('get', 'fib')).toBe(
      [
        'module   fib',
        'kind     wasi',
        'bytes    8',
        'hash     abc',
        'calls    6',
        'pool     2 ready of 10; 5 hits, 1 misses, 0 of them past the pool',
        'exports  _start()',
        '         add(i32, i32) -> i32',
        '',
        'limits',
        '  maxPages      256',
        '  persistState  false',
        '',
        'last errors',
        'AT                        CODE  MESSAGE',
        '2023-11-14T22:13:20.000Z  TRAP  The guest trapped',
        '',
      ].join('\n'),
    );
    expect(await text('config', 'fib', 'maxPages=64')).toBe(
      'The limits of fib, from its next call on:\n  maxPages    64  (set now)\n  deadlineMs  30000\n',
    );
    expect(await text('remove', 'fib')).toBe('The module fib and its limits are removed.\n');
  });

  it('sends fuel as the text that the operation takes, so that its own answer is seen', async () => {
    await bellows(['compute', 'config', 'fib', 'fuel=5', 'maxPages=5'], terminal);
    expect(seen[0]?.input).toEqual({ name: 'fib', fuel: '5', maxPages: 5 });
  });
});

describe('bellows compute invoke', () => {
  it('sends numbers a double holds as numbers and all others as text, negative ones too', async () => {
    answer = { results: [6765, '-0'] };
    const args = ['20', '-5', '1.5', '1e3', '9007199254740993', '-0', 'nan', '0x10', '1_000'];
    const { stdout, code } = await bellows(['compute', 'invoke', 'fib', 'fib', ...args], terminal);
    expect({ stdout, code }).toEqual({ stdout: '6765\n-0\n', code: 0 });
    expect(seen[0]?.input).toEqual({
      module: 'fib',
      export: 'fib',
      args: [20, -5, 1.5, 1000, '9007199254740993', '-0', 'nan', '0x10', '1_000'],
    });
  });

  it('runs a program with arguments and input, prints its bytes and turns its exit code into 0 or 1', async () => {
    answer = { results: [], exitCode: 3, stdout: Buffer.from('out\n').toString('base64'), stderr: Buffer.from('err\n').toString('base64') };
    const ran = await bellows(
      ['compute', 'invoke', 'wc', '_start', 'a.txt', '--input', '-', '--deadline', '500', '--seed', 's', '--now', '7'],
      { ...terminal, stdin: 'text' },
    );
    expect(ran).toMatchObject({ code: 1, stdout: 'out\n', stderr: 'err\nthe program ended with exit code 3\n' });
    expect(seen[0]?.input).toEqual({
      module: 'wc',
      export: '_start',
      argv: ['wc', 'a.txt'],
      input: 'dGV4dA==',
      deadlineMs: 500,
      seed: 's',
      nowMs: 7,
    });
    await bellows(['compute', 'invoke', 'wc', '_start', '--', '-l', '--json'], terminal);
    expect(seen[1]?.input).toMatchObject({ argv: ['wc', '-l', '--json'] });
    answer = { results: [], exitCode: 0 };
    expect((await bellows(['compute', 'invoke', 'wc', '--json'], terminal)).json).toEqual(answer);
  });

  it('says that arguments come after the export when that was forgotten', async () => {
    failure = new InputError('EXPORT_UNKNOWN', 'The module exports no such function');
    const ran = await bellows(['compute', 'invoke', 'fib', 'README.md', '5'], terminal);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/arguments come after the export: bellows compute invoke fib _start README\.md 5 \(EXPORT_UNKNOWN\)/);
    expect((await bellows(['compute', 'invoke', 'fib'], terminal)).stderr).toContain('exports no such function');
  });

  it('sends a folder and writes back what changed inside of it, nothing outside', async () => {
    await mkdir(path.join(cwd, 'texts'));
    await writeFile(path.join(cwd, 'texts', 'a.txt'), 'a');
    const changed = Buffer.from('changed').toString('base64');
    answer = { results: [], exitCode: 0, files: [{ path: 'data/a.txt', base64: changed }] };
    expect(await bellows(['compute', 'invoke', 'wc', '--dir', 'texts:/data'], terminal)).toMatchObject({ code: 0 });
    expect(seen[0]?.input).toMatchObject({ files: [{ path: 'data/a.txt', base64: 'YQ==' }] });
    expect(await readFile(path.join(cwd, 'texts', 'a.txt'), 'utf8')).toBe('changed');
    answer = { results: [], exitCode: 0, files: [{ path: 'data/../../out', base64: changed }] };
    expect(await bellows(['compute', 'invoke', 'wc', '--dir', 'texts:/data'], terminal)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('(FILE_ESCAPES)'),
    });
  });
});
