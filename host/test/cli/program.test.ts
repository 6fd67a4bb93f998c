import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, InputError } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LoopbackHost, startLoopbackHost, TOKEN, until } from '../http/loopback-host.js';
import { bellows } from './terminal.js';

let host: LoopbackHost;
let here: { url: string; token: string };
let cwd: string;
beforeAll(async () => {
  host = await startLoopbackHost();
  here = { url: host.server.url, token: TOKEN };
  cwd = await mkdtemp(path.join(tmpdir(), 'bellows-cli-'));
});
afterAll(async () => {
  await host.close();
  await rm(cwd, { recursive: true });
});

describe('bellows', () => {
  it('explains itself with examples and exit codes', async () => {
    const help = await bellows(['--help']);
    expect(help.code).toBe(0);
    for (const word of [
      'start',
      'check',
      'status',
      'plugins',
      'reload',
      'operations',
      'call',
      'config',
      'explain',
      'compute',
      'workflow',
      'harness',
      'token',
      'top',
      'doctor',
      'completion',
      'Examples:',
      'Exit codes:',
      '130',
    ]) {
      expect(help.stdout).toContain(word);
    }
    expect((await bellows(['call', '--help'])).stdout).toContain('--json');
    expect(await bellows(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('answers a wrong command line with 2 and what was probably meant', async () => {
    expect(await bellows(['statsu'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: "error: unknown command 'statsu'; did you mean status? (USAGE)\n(add --help for what is possible)\n",
    });
    expect((await bellows(['status', '--jsno'])).stderr).toMatch(/^error: unknown option '--jsno'; did you mean --json\? \(USAGE\)\n/);
    expect((await bellows(['call'])).stderr).toMatch(/^error: missing required argument 'name' \(USAGE\)\n/);
    for (const argv of [
      [],
      ['call'],
      ['start', '--port', '70000'],
      ['start', '--log-level', 'loud'],
      ['call', 'x', '--deadline', '0'],
      ['call', 'x', '--criticality', 'high'],
      ['token', 'new'],
      ['token', 'new', '--role', 'reader', '--name', ''],
      ['token', 'new', '--role', 'reader', '--name', 'x'.repeat(201)],
      ['token', 'new', '--role', 'reader', '--tenant', ''],
      ['token', 'new', '--role', 'reader', '--user', 'a\nb'],
    ]) {
      expect(await bellows(argv)).toMatchObject({ code: 2, stdout: '' });
    }
  });

  it('prints errors as JSON with --json, wrong command lines too', async () => {
    const ran = await bellows(['statsu', '--json']);
    expect(ran.code).toBe(2);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'USAGE', message: expect.stringContaining('statsu') } });
    expect(JSON.parse((await bellows(['--json'])).stderr).error.message).toBe('A command is missing; --help lists them.');
  });

  it('says that there is no such command when its help is asked for', async () => {
    const ran = await bellows(['help', 'statsu']);
    expect(ran).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'error: There is no command statsu; did you mean status? (USAGE)\n',
    });
    expect((await bellows(['compute', 'help', 'lst'])).stderr).toBe(
      'error: "bellows compute" has no command "lst"; did you mean list? (USAGE)\n',
    );
    expect((await bellows(['help', '_complet'])).stderr).not.toContain('__complete?');
    expect(await bellows(['help', 'zebra'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no command zebra; --help lists them/),
    });
    expect(await bellows(['compute', 'lst'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"bellows compute" has no command "lst"; did you mean list?'),
    });
    expect((await bellows(['plugins', 'restrat', 'x'])).stderr).toBe(
      'error: "bellows plugins" has no command "restrat"; did you mean restart? (USAGE)\n',
    );
    expect(await bellows(['help', 'status'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('shows the help of a group where its command is missing, and says so below', async () => {
    expect((await bellows(['compute'])).stderr).toMatch(
      /^Usage: bellows compute [\s\S]*error: A command is missing; --help lists them. \(USAGE\)\n$/,
    );
  });

  it('says what to do where other services have a command: stop, restart, logs', async () => {
    const { pid } = (await bellows(['status', '--json'], { host: here })).json;
    const log = path.join(cwd, '.bellows/logs/host.log');
    const told = async (argv: readonly string[]) => {
      const { code, stdout, stderr } = await bellows(argv, { host: here, cwd });
      expect([code, stdout]).toEqual([2, '']);
      return stderr;
    };
    const stop = `stop the host with Ctrl-C where it runs, or with SIGTERM to process ${pid}`;
    expect(await told(['stop', '--force', 'now'])).toBe(`error: There is no command stop: ${stop} (its log is ${log}). (USAGE)\n`);
    expect(await told(['stop', '--url', here.url])).toBe(`error: There is no command stop: ${stop} of its machine. (USAGE)\n`);
    expect(await told(['restart'])).toContain(`: ${stop} (its log is ${log}), and start it as before. Without a stop, "bellows reload"`);
    expect(await told(['logs', '-f'])).toBe(
      `error: There is no command logs: the log is ${log}, one line of JSON for each event. (USAGE)\n`,
    );
    expect(await bellows(['stop'], { cwd })).toMatchObject({ code: 3, stderr: expect.stringContaining('No host is running here') });
    expect(await bellows(['logs'], { cwd })).toMatchObject({ code: 2 });
    expect((await bellows(['--help'])).stdout).not.toMatch(/^ {2}(stop|restart|logs)/m);
  });
});

describe('bellows call', () => {
  it('prints the output only: compact for a program, readable in a terminal', async () => {
    expect(await bellows(['call', 'demo.echo', '{"a":[1]}'], { host: here })).toMatchObject({ code: 0, stdout: '{"a":[1]}\n', stderr: '' });
    expect(await bellows(['call', 'demo.echo', '{"a":[1]}'], { host: here, isTTY: true })).toMatchObject({
      stdout: '{\n  "a": [\n    1\n  ]\n}\n',
    });
    expect(await bellows(['call', 'demo.echo'], { host: here })).toMatchObject({ stdout: '{}\n' });
  });

  it('takes its input from a file or from standard input', async () => {
    await writeFile(path.join(cwd, 'in.json'), '{"from":"file"}');
    expect((await bellows(['call', 'demo.echo', '@in.json'], { host: here, cwd })).json).toEqual({ from: 'file' });
    expect((await bellows(['call', 'demo.echo', '-'], { host: here, stdin: '{"from":"stdin"}' })).json).toEqual({ from: 'stdin' });
    expect(await bellows(['call', 'demo.echo', '@none.json'], { host: here, cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(FILE_UNREADABLE)'),
    });
    expect(await bellows(['call', 'demo.echo', '{a}'], { host: here })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(USAGE)'),
    });
  });

  it.each([
    ['hello', `a text needs quotes of its own, '"hello"'`],
    ['name=fib', `an object is written '{ "name": "fib" }'`],
    ['limit=3', `an object is written '{ "limit": 3 }'`],
  ])('says how %s is written as JSON', async (given, how) => {
    expect(await bellows(['call', 'demo.echo', given], { host: here })).toMatchObject({
      code: 2,
      stderr: `error: The input is no JSON: ${how}. (USAGE)\n`,
    });
  });

  it('takes a file that begins with a byte order mark, and asks for the name after @', async () => {
    await writeFile(path.join(cwd, 'bom.json'), '\ufeff{"from":"Windows"}');
    expect((await bellows(['call', 'demo.echo', '@bom.json'], { host: here, cwd })).json).toEqual({ from: 'Windows' });
    expect(await bellows(['call', 'demo.echo', '@'], { host: here, cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/after @/i),
    });
  });

  it('ends with 130 when it is interrupted while it waits for its input', async () => {
    const interrupt = new AbortController();
    const endless = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => interrupt.abort()) }) };
    const ran = bellows(['call', 'demo.echo', '-'], { host: here, stdin: endless, signal: interrupt.signal });
    expect(await ran).toMatchObject({ code: 130, stdout: '', stderr: 'The command was interrupted.\n' });
    expect(await bellows(['call', 'demo.echo', '-'], { host: here, stdin: endless, signal: interrupt.signal })).toMatchObject({
      code: 130,
    });
  });

  it('lets nothing that a host sends command a terminal', async () => {
    const text = '\u001b]0;title\u0007 \u009b2J \u007f';
    const ran = await bellows(['call', 'demo.echo', JSON.stringify(text)], { host: here, isTTY: true });
    expect(ran.json).toBe(text);
    expect(ran.stdout.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it('sends what its options say, and the token of the data folder', async () => {
    const flags = ['--tenant', 'acme', '--user', 'ann', '--criticality', 'bulk', '--idempotency-key', 'k'];
    expect((await bellows(['call', 'demo.call', ...flags], { host: here })).json).toMatchObject({
      tenant: 'acme',
      user: 'ann',
      criticality: 'bulk',
      idempotencyKey: 'k',
    });
    expect((await bellows(['call', 'demo.commands'], { host: here })).json).toBe('ran');
    expect(await bellows(['call', 'demo.echo', '--tenant', 'a\nb'], { host: here })).toMatchObject({ code: 2 });
  });

  it('speaks of its option where the host speaks of the header', async () => {
    const error = { code: 'TENANT_FORBIDDEN', message: 'The token of x is for the tenant "acme" only: leave "Bellows-Tenant" out.' };
    const refusing = createServer((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { ...error, traceId: 't' } }));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => refusing.once('listening', resolve));
    const url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
    const { code, stderr } = await bellows(['call', 'demo.echo', '--tenant', 'other', '--url', url]);
    refusing.close();
    expect([code, stderr]).toEqual([4, expect.stringContaining('for the tenant "acme" only: leave --tenant out. (TENANT_FORBIDDEN)')]);
  });

  it('sends the token of the data folder to no other host', async () => {
    const other = await startLoopbackHost({ token: 'another' });
    expect(await bellows(['call', 'demo.commands', '--url', other.server.url], { host: here })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('(TOKEN_NEEDED)'),
    });
    const env = { BELLOWS_URL: other.server.url, BELLOWS_TOKEN: 'another' };
    expect(await bellows(['call', 'demo.commands'], { host: here, env })).toMatchObject({ code: 0 });
    await other.close();
  });

  it('exits with what a script must tell apart', async () => {
    const code = async (...argv: string[]) => (await bellows(['call', ...argv], { host: here })).code;
    expect(await code('demo.none')).toBe(1);
    expect(await code('demo.add', '{"first":1}')).toBe(1);
    expect(await code('demo.throw')).toBe(1);
    expect(await code('demo.slow', '--deadline', '20')).toBe(5);
    for (const { release } of host.slow.splice(0)) release();
    host.registry.setTenants({ none: { limits: { maxConcurrentOperations: 0 } } });
    expect(await code('demo.echo', '--tenant', 'none')).toBe(4);
  });

  it('prints an error with its code and every detail, and the whole of it with --json', async () => {
    const { stderr } = await bellows(['call', 'demo.add', '{"first":1,"secnd":2}'], { host: here });
    expect(stderr).toMatch(
      /^error: .+ \(INPUT_INVALID\)\n {2}second: is missing: expected a number\n {2}secnd: unknown key "secnd"; did you mean second\?\n$/,
    );
    const { stderr: json, code } = await bellows(['call', 'demo.add', '{}', '--json'], { host: here });
    expect(code).toBe(1);
    expect(JSON.parse(json)).toMatchObject({
      error: { code: 'INPUT_INVALID', traceId: expect.any(String), details: [{ path: 'first' }, { path: 'second' }] },
    });
  });

  it('prints a single problem once', async () => {
    const error = async (...argv: string[]) => (await bellows(['call', ...argv], { host: here })).stderr;
    expect(await error('demo.add', '{"first":1,"second":"x"}')).toBe(
      'error: The input of demo.add is not valid: second: expected a number, got the string "x" (INPUT_INVALID)\n',
    );
    expect(await error('demo.add', '{"first":1,"second":2,"secnd":2}')).toBe(
      'error: The input of demo.add is not valid: secnd: unknown key "secnd"; did you mean second? (INPUT_INVALID)\n',
    );
    const message = 'Another process listens on 127.0.0.1:7070: choose another port.';
    const taken = new ConfigError('PORT_IN_USE', message, { details: [{ path: 'host.port', message }] });
    expect((await bellows(['start'], { deps: { startHost: () => Promise.reject(taken) } })).stderr).toBe(
      `error: ${message} (PORT_IN_USE)\n`,
    );
  });

  it('says "did you mean" of a near name only, and what is expected otherwise', async () => {
    const details = [
      { path: 'args', message: '1 given, 2 wanted', suggestion: '(i32, i32)' },
      { path: 'export', message: 'no function "zebra"', suggestion: 'fib' },
      { path: 'export', message: 'no function "fbi"', suggestion: 'fib' },
    ];
    const deps = { startHost: () => Promise.reject(new InputError('ANY', 'It does not fit', { details })) };
    expect((await bellows(['start'], { deps })).stderr).toBe(
      'error: It does not fit (ANY)\n  args: 1 given, 2 wanted (expected: (i32, i32))\n  export: no function "zebra" (expected: fib)\n  export: no function "fbi"; did you mean fib?\n',
    );
  });

  it('lists all faults below the message, which then names none of them, wrapped to a terminal', async () => {
    const details = [1, 2, 3].map((n) => ({ path: `a.yaml: stages[${n}]`, message: `unknown key "x" ${'very '.repeat(15)}(line ${n})` }));
    const error = new InputError('ANY', `Files cannot be used: ${details[0]?.path}: ${details[0]?.message} (and 2 more, see details)`, {
      details,
    });
    const deps = { startHost: () => Promise.reject(error) };
    const piped = details.map(({ path: place, message }) => `  ${place}: ${message}\n`);
    expect((await bellows(['start'], { deps })).stderr).toBe(`error: Files cannot be used (ANY)\n${piped.join('')}`);
    const { stderr } = await bellows(['start'], { deps, isTTY: true, columns: 60 });
    for (const line of stderr.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    expect(stderr.match(/^ {2}a\.yaml/gm)).toHaveLength(3);
    expect(stderr.replaceAll(/\s+/g, ' ')).toBe((await bellows(['start'], { deps })).stderr.replaceAll(/\s+/g, ' '));
  });

  it('prints the facts of an error that its message does not have, as words', async () => {
    const failing = (message: string, data: Record<string, unknown>) => {
      const error = new InputError('ANY', message, { phase: 'call', data });
      return bellows(['start'], { deps: { startHost: () => Promise.reject(error) } });
    };
    expect((await failing('It is broken.', { offset: 0 })).stderr).toBe('error: It is broken. (ANY)\n  offset 0\n');
    expect((await failing('The guest trapped: unreachable.', { kind: 'unreachable', phase: 'call' })).stderr).toBe(
      'error: The guest trapped: unreachable. (ANY)\n',
    );
    expect((await failing('There are 42.', { limit: 4 })).stderr).toContain('  limit 4\n');
  });

  it('finds an operation by its verb alone', async () => {
    const ran = await bellows(['call', 'echo'], { host: here });
    expect(ran.stderr).toBe(
      'error: There is no operation "echo": did you mean demo.echo? "bellows operations" lists those there are. (OPERATION_UNKNOWN)\n',
    );
  });

  it('names the file in which it looked for a host', async () => {
    expect(await bellows(['status'], { cwd: '/srv/app' })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('/srv/app/.bellows/host.json'),
    });
  });

  it('says how a command line gives a token', async () => {
    const named = ['call', 'demo.commands', '--url', here.url];
    const needed = await bellows(named);
    expect(needed.stderr).toMatch(/wants a token for this: set BELLOWS_TOKEN or name its data folder with --data\. \(TOKEN_NEEDED\)/);
    expect((await bellows(named, { env: { BELLOWS_TOKEN: 'stale' } })).stderr).toMatch(
      /does not know the token.+--data\. \(TOKEN_UNKNOWN\)/,
    );
    expect(JSON.parse((await bellows([...named, '--json'])).stderr).error.message).toContain('BELLOWS_TOKEN');
  });

  it('ends with 130 when it is interrupted, and the host hears of it', async () => {
    const interrupt = new AbortController();
    const running = bellows(['call', 'demo.slow'], { host: here, signal: interrupt.signal });
    await until(() => host.slow.length === 1);
    interrupt.abort();
    expect(await running).toMatchObject({ code: 130, stderr: 'The command was interrupted.\n' });
    const [call] = host.slow.splice(0);
    await until(() => call?.signal.aborted === true);
  });

  it('says how to start a host when none answers, or something else does', async () => {
    expect(await bellows(['call', 'x', '--url', 'http://127.0.0.1:1'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('bellows start'),
    });
    expect(await bellows(['status', '--url', 'nonsense'])).toMatchObject({ code: 2 });
    const stranger = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => stranger.once('listening', resolve));
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    expect(await bellows(['status', '--url', url])).toMatchObject({ code: 3, stderr: expect.stringContaining('no Bellows host') });
    stranger.close();
  });
});

describe('bellows status, plugins, operations, explain', () => {
  it('shows the host to people and to programs', async () => {
    const status = await bellows(['status'], { host: here });
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/Bellows 0\.1\.0, ready.*demo\.pool/s) });
    expect(status.stdout).toContain(`\nat ${here.url} (`);
    expect((await bellows(['status', '--json'], { host: here })).json).toMatchObject({
      ready: true,
      url: here.url,
      subsystems: [{ name: 'demo.pool' }],
    });
    expect((await bellows(['plugins'], { host: here })).stdout).toMatch(/demo +1\.0\.0 +active/);
    expect((await bellows(['--json', 'plugins'], { host: here })).json.plugins).toHaveLength(2);
  });

  it('gives the link to the page again to whoever has the token, and only when asked', async () => {
    const link = `${here.url}/?token=${here.token}`;
    expect(await bellows(['status', '--link'], { host: here })).toMatchObject({ code: 0, stdout: `${link}\n` });
    expect((await bellows(['status', '--link', '--json'], { host: here })).json).toEqual({ pageUrl: link });
    for (const flags of [[], ['--json']]) expect((await bellows(['status', ...flags], { host: here })).stdout).not.toContain(here.token);
    const stranger = await bellows(['status', '--link', '--url', here.url]);
    expect(stranger).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('BELLOWS_TOKEN') });
  });

  it('lists operations, and shows what one takes and answers, or its schemas', async () => {
    expect((await bellows(['operations'], { host: here })).stdout).toMatch(
      /^OPERATION +EFFORT +WHAT IT DOES\n.*demo\.add +work +does demo\.add/s,
    );
    expect((await bellows(['operations', 'demo.add'], { host: here })).stdout).toMatch(
      /^demo\.add: does demo\.add\nplugin demo, least role operator, effort work \(takes a place of the caller\)\n\ninput\nNAME +TYPE +REQUIRED +DEFAULT +DESCRIPTION\nfirst +number +yes\nsecond +number +yes\n\noutput: number/,
    );
    expect((await bellows(['operations', 'demo.add', '--json'], { host: here })).json).toMatchObject({
      name: 'demo.add',
      input: { required: ['first', 'second'] },
    });
    expect(await bellows(['operations', 'demo.ad'], { host: here })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean demo.add?'),
    });
    expect((await bellows(['operations', 'add'], { host: here })).stderr).toContain('did you mean demo.add?');
  });

  it('tells times in one short form, in UTC', async () => {
    const { stdout } = await bellows(['status'], { host: here });
    expect(stdout).toMatch(/since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m);
    expect(stdout).toContain('SINCE (UTC)');
    expect(stdout + (await bellows(['explain', 'demo.pool'], { host: here })).stdout).not.toMatch(/\d\dT\d\d/);
  });

  it('wraps the list of operations to a terminal, and changes nothing in a pipe', async () => {
    const ran = await bellows(['operations', 'demo.add'], { host: here });
    const narrow = await bellows(['operations'], { host: here, isTTY: true, columns: 40 });
    for (const line of narrow.stdout.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    expect((await bellows(['operations', 'demo.add'], { host: here, isTTY: true })).stdout).toBe(ran.stdout);
  });

  it('explains what limits a subsystem and why', async () => {
    const { stdout, code } = await bellows(['explain', 'demo.pool'], { host: here });
    expect(code).toBe(0);
    expect(stdout).toContain('limited by   ceiling: wanted <8>');
    expect(stdout).toContain('policy       weight 2 (operator), floor 1 (host), 0.25 cores an operation (subsystem)\n');
    expect((await bellows(['explain', 'demo.pool', '--json'], { host: here })).json).toMatchObject({
      binding: { limitedBy: 'ceiling' },
      decisions: [{ id: 'd1' }],
    });
    expect(await bellows(['explain', 'demo.pol'], { host: here })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean demo.pool?'),
    });
  });
});

describe('bellows token new', () => {
  it('prints a token once, and an entry with its hash', async () => {
    const { parseTokens, TokenTable } = await import('../../src/http/token-table.js');
    const { code, stdout, stderr } = await bellows(['token', 'new', '--role', 'operator', '--name', 'ci']);
    expect(code).toBe(0);
    const [, token = ''] = /only now: (\S+)/.exec(stderr) ?? [];
    expect(stdout).not.toContain(token);
    expect(new TokenTable(await parseTokens(stdout, 'f')).find(token)).toMatchObject({ name: 'ci', role: 'operator' });
    const { json } = await bellows(['token', 'new', '--role', 'reader', '--json']);
    expect(new TokenTable([json.entry]).find(json.token)).toMatchObject({ role: 'reader' });
  });

  it('binds it to a tenant and a user when asked', async () => {
    const { parseTokens } = await import('../../src/http/token-table.js');
    const bound = ['--tenant', 'a "quoted" one', '--user', 'ann'];
    const { stdout } = await bellows(['token', 'new', '--role', 'reader', ...bound]);
    expect(await parseTokens(stdout, 'f')).toMatchObject([{ tenant: 'a "quoted" one', user: 'ann' }]);
    const { json } = await bellows(['token', 'new', '--role', 'reader', '--json', ...bound]);
    expect(json.entry).toMatchObject({ tenant: 'a "quoted" one', user: 'ann' });
  });
});
