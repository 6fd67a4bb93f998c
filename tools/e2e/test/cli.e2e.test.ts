import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE, GREETER, type RunningHost, runBellows, startHost, startProcess, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';
import { BOOM, base64 } from './wasm-samples.js';

let host: RunningHost;

beforeAll(async () => {
  const folder = tempFolder();
  const from = writePlugin(folder, {
    id: 'faulty',
    activate: `
    const provide = (name, handler) => ctx.operations.provide({ name: 'faulty.' + name, summary: name, input: sdk.z.unknown(), output: sdk.z.unknown(), handler });
    let waiting = 0;
    provide('refuses', async () => { throw new sdk.RefusedError('NOT_TODAY', 'It was understood and not done.'); });
    provide('full', async () => { throw new sdk.CapacityError('QUEUE_FULL', 'All places are taken.', { retryAfterMs: 2500 }); });
    provide('waits', async (_input, call) => { waiting += 1; try { await ctx.clock.sleep(60_000, call.signal); } finally { waiting -= 1; } return null; });
    provide('waiting', async () => ({ waiting }));
    provide('echo', async (input) => input);
    `,
  });
  host = await startHost({ folder, config: { plugins: { greeter: { from: GREETER }, compute: { from: COMPUTE }, faulty: { from } } } });
  await host.call('compute.put', { name: 'boom', wasm: base64(BOOM) });
});

describe('exit codes', () => {
  it('0: it worked', async () => {
    expect(await host.bellows(['call', 'greeter.greet', '{"name":"Ada"}'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('1: the operation failed', async () => {
    const { code, stdout, stderr } = await host.bellows(['call', 'compute.invoke', '{"module":"boom","export":"boom"}']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('TRAP');
  });

  it.each([[['--no-such-option']], [['no-such-command']], [['call']], [['start', '--port', 'many']], [['explain']]])(
    '2: the command line %j makes no sense',
    async (args) => {
      const { code, stdout, stderr } = await host.bellows(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr.length).toBeGreaterThan(0);
    },
  );

  it('2: the argument is no JSON', async () => {
    const { code, stderr } = await host.bellows(['call', 'greeter.greet', '{name: Ada}']);
    expect(code).toBe(2);
    expect(stderr).toContain('JSON');
  });

  it('3: no host answers', async () => {
    const nobody = { env: { BELLOWS_URL: 'http://127.0.0.1:9' } };
    expect((await runBellows(['status'], nobody)).code).toBe(3);
    expect((await runBellows(['call', 'greeter.greet', '{"name":"Ada"}'], nobody)).code).toBe(3);
    expect((await runBellows(['status', '--url', 'http://127.0.0.1:9'], { cwd: host.folder })).code).toBe(3);
  });

  it('3: there is no host to be found', async () => {
    const { code, stderr } = await runBellows(['status'], { cwd: tempFolder() });
    expect(code).toBe(3);
    expect(stderr).toContain('host.json');
  });

  it('4: it was refused, or there was no room', async () => {
    expect((await host.bellows(['call', 'faulty.refuses'])).code).toBe(4);
    expect((await host.bellows(['call', 'faulty.full'])).code).toBe(4);
  });

  it('5: the deadline has passed', async () => {
    const { code, stderr } = await host.bellows(['call', 'faulty.waits', '{}', '--deadline', '50']);
    expect(code).toBe(5);
    expect(stderr).toContain('DEADLINE_EXCEEDED');
  });

  it('130: interrupted, and the host stops the work', async () => {
    const waitingNow = async () => (await host.call('faulty.waiting')).json.waiting;
    const running = startProcess(['call', 'faulty.waits'], { cwd: host.folder, env: { BELLOWS_URL: host.url } });
    await until('the call to arrive', async () => (await waitingNow()) === 1);
    running.child.kill('SIGINT');
    expect((await running.exit).code).toBe(130);
    await until('the call to be cancelled', async () => (await waitingNow()) === 0);
  });
});

describe('bellows call', () => {
  const input = { name: 'Ada', note: 'ünïcødé \u{1F600}' };

  it('prints the output only', async () => {
    const { stdout } = await host.bellows(['call', 'greeter.greet', '{"name":"Ada"}']);
    expect(JSON.parse(stdout)).toEqual({ greeting: 'Hello, Ada!' });
  });

  it('reads its input from the command line, from a file and from standard input', async () => {
    writeFileSync(path.join(host.folder, 'input.json'), JSON.stringify(input));
    const forms = [
      host.bellows(['call', 'faulty.echo', JSON.stringify(input)]),
      host.bellows(['call', 'faulty.echo', '@input.json']),
      host.bellows(['call', 'faulty.echo', '-'], { input: JSON.stringify(input) }),
    ];
    for (const { code, stdout } of await Promise.all(forms)) {
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual(input);
    }
  });

  it('says which file it could not read', async () => {
    const { code, stderr } = await host.bellows(['call', 'faulty.echo', '@not-there.json']);
    expect(code).toBe(2);
    expect(stderr).toContain('not-there.json');
  });

  it('says that an input is too large, and not that nobody answered', async () => {
    writeFileSync(path.join(host.folder, 'large.json'), `{"name":"${'x'.repeat(65 * 1024 * 1024)}"}`);
    const { code, stderr } = await host.bellows(['call', 'greeter.greet', '@large.json']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('BODY_TOO_LARGE')]);
  });

  it('finds the host of the folder and its token by itself', async () => {
    const { code, stdout, stderr } = await runBellows(['call', 'greeter.shell'], { cwd: host.folder });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({ version: process.version });
  });

  it('names the nearest operation for one that does not exist', async () => {
    const { code, stderr } = await host.bellows(['call', 'greeter.great']);
    expect(code).toBe(1);
    expect(stderr).toContain('greeter.greet');
  });
});

describe('what the host tells', () => {
  it.each([['status'], ['plugins']])('prints %s for people and, with --json, for programs', async (command) => {
    const text = await host.bellows([command]);
    expect([text.code, text.stderr]).toEqual([0, '']);
    for (const word of ['greeter', 'compute', 'faulty', 'active']) expect(text.stdout).toContain(word);
    const { code, stdout } = await host.bellows([command, '--json']);
    expect(code).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain('"greeter"');
  });

  it('prints an error as JSON with --json', async () => {
    const { code, stdout, stderr } = await host.bellows(['call', 'compute.invoke', '{"module":"boom","export":"boom"}', '--json']);
    expect(code).toBe(1);
    const body = [stdout, stderr].find((text) => text.trim().startsWith('{'));
    expect(JSON.parse(body ?? 'null').error.code).toBe('TRAP');
  });

  it('has a help text for each command, with an example', async () => {
    const { code, stdout } = await runBellows(['--help']);
    expect(code).toBe(0);
    for (const command of ['start', 'check', 'status', 'plugins', 'call', 'config', 'explain']) {
      expect(stdout).toContain(command);
      const help = await runBellows([command, '--help']);
      expect([command, help.code]).toEqual([command, 0]);
      expect(help.stdout).toContain('bellows');
    }
  });

  it('prints its version', async () => {
    const { code, stdout } = await runBellows(['--version']);
    expect([code, stdout.trim()]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+/)]);
  });
});

describe('bellows config print', () => {
  it('shows each value with its origin: default, file, environment or flag', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, 'host: { logLevel: warn, port: 1 }\nplugins: {}\n');
    const { code, stdout } = await runBellows(['config', 'print', '--config', file, '--data', path.join(folder, 'flagged')], {
      cwd: folder,
      env: { BELLOWS_PORT: '7171' },
    });
    expect(code).toBe(0);
    expect(lineOf(stdout, 'logLevel')).toMatch(/warn.*file/);
    expect(lineOf(stdout, 'address')).toMatch(/127\.0\.0\.1.*default/);
    expect(lineOf(stdout, 'port')).toMatch(/7171.*(env|BELLOWS_PORT)/);
    expect(lineOf(stdout, 'dataDir')).toMatch(/flagged.*(flag|--data)/);
  });

  it('hides what came from the environment or from a file', async () => {
    const folder = tempFolder();
    writeFileSync(path.join(folder, 'secret.txt'), 'hunter-two\n');
    for (const reference of ['file:secret.txt', 'env:TOP_SECRET']) {
      const file = writeConfig(folder, `plugins: { greeter: { from: ${GREETER}, config: { salutation: "\${${reference}}" } } }\n`);
      for (const args of [[], ['--json']]) {
        const { code, stdout, stderr } = await runBellows(['config', 'print', '--config', file, ...args], {
          cwd: folder,
          env: { TOP_SECRET: 'swordfish' },
        });
        expect(code).toBe(0);
        expect(stdout).toContain('salutation');
        expect(stdout + stderr).not.toMatch(/hunter-two|swordfish/);
      }
    }
  });
});

describe('BELLOWS_CONFIG, BELLOWS_PORT and BELLOWS_DATA', () => {
  it('stand in for the flags, and the flags win', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, 'host: { port: 1 }\nplugins: {}\n');
    const dataDir = path.join(folder, 'by-environment');
    const running = startProcess(['start', '--json', '--port', '0'], {
      cwd: tempFolder(),
      env: { BELLOWS_CONFIG: file, BELLOWS_PORT: '2', BELLOWS_DATA: dataDir },
    });
    const line = await until('the host', () => running.output().stdout.split('\n')[1] !== undefined && running.output().stdout);
    expect(new URL(JSON.parse(line.split('\n')[0]!).url).port).not.toBe('2');
    const status = await runBellows(['status', '--json'], { env: { BELLOWS_DATA: dataDir } });
    expect([status.code, JSON.parse(status.stdout).dataDir]).toEqual([0, dataDir]);
    running.child.kill('SIGTERM');
    expect((await running.exit).code).toBe(0);
  });
});

function lineOf(text: string, word: string): string {
  return text.split('\n').find((line) => line.includes(word)) ?? `no line with ${word}`;
}
