import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Command, Option } from 'commander';
import { complete } from '../../src/completion/complete.js';
import { argumentOf } from '../../src/completion/completed-by.js';
import { bellows, type Terminal } from '../cli/terminal.js';
import { type LoopbackHost, startLoopbackHost, TOKEN } from '../http/loopback-host.js';

let host: LoopbackHost;
let here: Terminal;
beforeAll(async () => {
  host = await startLoopbackHost();
  here = { host: { url: host.server.url, token: TOKEN } };
});
afterAll(() => host.close());

/** What a shell is answered: what to do, and the values. */
async function tab(words: readonly string[], terminal: Terminal = {}): Promise<readonly string[]> {
  const { stdout, stderr, code } = await bellows(['__complete', 'fish', '--', ...words], terminal);
  expect([code, stderr]).toEqual([0, '']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '');
}

describe('completion', () => {
  it('knows every command and sub-command, but not the hidden one', async () => {
    const [from, ...commands] = await tab(['']);
    expect(from).toBe('names');
    expect(commands).toEqual(
      expect.arrayContaining(['start', 'status', 'call', 'compute', 'workflow', 'harness', 'doctor', 'completion', 'help']),
    );
    expect(commands).not.toContain('__complete');
    expect(await tab(['st'])).toEqual(['names', 'start', 'status']);
    expect(await tab(['help', 'sta'])).toEqual(['names', 'start', 'status']);
    expect(await tab(['--json', 'compute', 're'])).toEqual(['names', 'remove']);
    expect(await tab(['nonsense', ''])).toEqual(['names']);
  });

  it('describes what it offers', async () => {
    const { stdout } = await bellows(['__complete', 'fish', '--', 'doct']);
    expect(stdout).toMatch(/^names\ndoctor\tcheck whether .*\n$/);
  });

  it('knows the options of a command and those of all commands', async () => {
    expect(await tab(['call', '--'])).toEqual(expect.arrayContaining(['--tenant', '--deadline', '--help', '--url', '--json']));
    expect(await tab(['call', '--ver'])).toEqual(['names']);
    expect(await tab(['--ver'])).toEqual(['names', '--version']);
  });

  it('knows the choices of an option, attached or not', async () => {
    expect(await tab(['start', '--log-level', ''])).toEqual(['names', 'debug', 'info', 'warn', 'error']);
    expect(await tab(['start', '--log-level=w'])).toEqual(['names', '--log-level=warn']);
    expect(await tab(['workflow', 'list', '--status', 'pa'])).toEqual(['names', 'paused']);
    expect(await tab(['completion', ''])).toEqual(['names', 'bash', 'zsh', 'fish']);
    expect(await tab(['call', '--deadline', ''])).toEqual(['names']);
  });

  it('leaves files and folders to the shell', async () => {
    expect(await tab(['--config', ''])).toEqual(['files']);
    expect(await tab(['--data', ''])).toEqual(['folders']);
    expect(await tab(['workflow', 'define', 'a.yaml', ''])).toEqual(['files']);
    expect(await tab(['harness', 'run', '--issues', ''])).toEqual(['files']);
    expect(await tab(['harness', 'run', '--', 'my-agent', '--'])).toEqual(['files']);
  });

  it('asks the host that runs for operations and subsystems', async () => {
    expect(await tab(['call', 'demo.e'], here)).toEqual(['names', 'demo.echo']);
    expect(await tab(['operations', 'demo.a'], here)).toEqual(['names', 'demo.add']);
    expect(await tab(['explain', ''], here)).toEqual(['names', 'demo.pool']);
  });

  it('asks the host that the line names', async () => {
    const { url } = host.server;
    expect(await tab(['--url', url, 'call', 'demo.e'])).toEqual(['names', 'demo.echo']);
    expect(await tab([`--url=${url}`, 'explain', ''])).toEqual(['names', 'demo.pool']);
    expect(await tab(['-u', 'http://127.0.0.1:9', 'explain', ''], here)).toEqual(['names']);
    expect(await tab(['--url', 'nonsense', 'explain', ''], here)).toEqual(['names']);
  });

  it('offers nothing, and says nothing, when no host answers', async () => {
    expect(await tab(['call', ''])).toEqual(['names']);
    expect(await tab(['compute', 'get', ''], here)).toEqual(['names']);
    expect(await tab(['workflow', 'get', ''], here)).toEqual(['names']);
    const failing: Terminal = { deps: { findHost: () => Promise.reject(new Error('broken')) } };
    expect(await tab(['call', ''], failing)).toEqual(['names']);
  });

  it('never fails, whatever it is handed', async () => {
    for (const words of [[], ['--'], ['--', ''], ['-'], ['--url'], ['call', '"'], ['\u001b[2J'], ['--config=', '--json', '']]) {
      expect(await bellows(['__complete', 'zsh', '--', ...words])).toMatchObject({ code: 0, stderr: '' });
    }
    expect(await bellows(['__complete', 'csh', '--', 'x'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await bellows(['completion', 'csh'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('takes names from modules, exports, runs, workflows and jobs of the host', async () => {
    const asked: unknown[] = [];
    const program = new Command('bellows');
    program.addOption(new Option('-u, --url <url>'));
    program
      .command('invoke')
      .addArgument(argumentOf('<module>', 'a module', 'module'))
      .addArgument(argumentOf('[export]', 'one', 'export'));
    const ask = async (by: string, before: readonly string[]) => {
      asked.push([by, before]);
      return [{ value: 'fib', description: '' }];
    };
    await complete(program, { words: ['invoke'], current: '' }, ask);
    await complete(program, { words: ['invoke', 'mod'], current: 'f' }, ask);
    expect(asked).toEqual([
      ['module', []],
      ['export', ['mod']],
    ]);
  });

  it('keeps back names of a host that a shell or a terminal could take for something else', async () => {
    const hostile = [
      'good',
      '--url=http://evil',
      '-rf',
      'two\nlines',
      'bell\u0007',
      'esc\u001b[2J',
      'tab\there',
      '\u202eturned',
      '',
      'x'.repeat(10_000),
    ];
    const program = new Command('bellows');
    program.command('call').addArgument(argumentOf('<name>', 'one', 'operation'));
    const { candidates } = await complete(program, { words: ['call'], current: '' }, async () =>
      hostile.map((value) => ({ value, description: `said\n\u001b]0;title\u0007 ${'x'.repeat(500)}` })),
    );
    expect(candidates.map(({ value }) => value)).toEqual(['good']);
    expect(candidates[0]?.description).toMatch(/^said [^\p{Cc}]*…$/u);
    expect(candidates[0]?.description.length).toBeLessThanOrEqual(72);
  });
});
