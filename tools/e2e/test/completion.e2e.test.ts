import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newRepository, shellAgent } from './git-samples.js';
import { COMPUTE, cleanEnv, GREETER, HARNESS, type RunningHost, runBellows, startHost, WORKFLOW } from './running-host.js';
import { until } from './until.js';
import { BOOM, base64 } from './wasm-samples.js';

let host: RunningHost;
const scripts = new Map<string, string>();

/** Each asks a shell what it offers for a line; bash is always there, the others where they are installed. */
const SHELLS: Readonly<Record<string, (line: string, script: string) => string>> = {
  bash: (line, script) =>
    run('bash', [
      '--norc',
      '-c',
      `source "$1"; COMP_LINE=$2 COMP_POINT=\${#2}; _bellows 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      script,
      line,
    ]),
  zsh: (line, script) =>
    run('zsh', [
      '-f',
      '-c',
      `compdef() { : }; compset() { PREFIX=\${PREFIX#*=} }; _files() { print -r files }; compadd() { print -rl -- $values }
       source $1; words=(\${(z)2}); [[ $2 == *' ' ]] && words+=(''); CURRENT=$#words; PREFIX=$words[-1]; _bellows || true`,
      'zsh',
      script,
      line,
    ]),
  fish: (line, script) => run('fish', ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line]),
};
const INSTALLED = Object.keys(SHELLS).filter((shell) => spawnSync(shell, ['--version']).status === 0);

beforeAll(async () => {
  const plugins = { greeter: { from: GREETER }, compute: { from: COMPUTE }, workflow: { from: WORKFLOW }, harness: { from: HARNESS } };
  host = await startHost({ config: { plugins } });
  await host.call('compute.put', { name: 'boom', wasm: base64(BOOM) });
  await host.call('workflow.define', { json: { name: 'wait', version: 1, stages: [{ name: 'go', signal: 'go' }] } });
  await host.call('workflow.start', { name: 'wait', input: {}, id: 'one:run' });
  const job = {
    id: 'job-1',
    repo: newRepository(),
    issues: [{ id: 'i', title: 'i', body: '' }],
    agent: shellAgent('true'),
    verify: ['true'],
  };
  await host.call('harness.start', job, { authorization: `Bearer ${host.token}` });
  for (const shell of Object.keys(SHELLS)) {
    const { code, stdout } = await runBellows(['completion', shell]);
    expect(code).toBe(0);
    scripts.set(shell, path.join(host.folder, `bellows.${shell}`));
    writeFileSync(path.join(host.folder, `bellows.${shell}`), stdout);
  }
  mkdirSync(path.join(host.folder, 'elsewhere'));
});

function run(shell: string, args: readonly string[], cwd = host.folder): string {
  return execFileSync(shell, args, { cwd, encoding: 'utf8', env: cleanEnv({ LC_ALL: 'C.UTF-8' }), stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What is offered, without descriptions. */
function tab(shell: string, line: string): string[] {
  const output = SHELLS[shell]?.(line, scripts.get(shell) ?? '') ?? '';
  return output
    .split('\n')
    .map((text) => text.split('\t')[0] ?? '')
    .filter((text) => text !== '');
}

/** The same of a host, which is given only a moment: on a busy machine one presses the key again. */
function offered(shell: string, line: string): Promise<string[]> {
  return until(`an offer for "${line}"`, () => {
    const names = tab(shell, line);
    return names.length > 0 && names;
  });
}

describe.each(INSTALLED)('completion in a real %s', (shell) => {
  it('knows commands, sub-commands, options and choices', () => {
    expect(tab(shell, 'bellows stat')).toEqual(['status']);
    expect(tab(shell, 'bellows compute inv')).toEqual(['invoke']);
    expect(tab(shell, 'bellows start --log-le')).toEqual(['--log-level']);
    expect(tab(shell, 'bellows start --log-level w')).toEqual(['warn']);
  });

  it('knows what the running host knows', async () => {
    expect(await offered(shell, 'bellows call greeter.gr')).toEqual(['greeter.greet']);
    expect(await offered(shell, 'bellows compute get ')).toEqual(['boom']);
    expect(await offered(shell, 'bellows compute invoke boom b')).toEqual(['boom']);
    expect(await offered(shell, 'bellows explain compute.')).toEqual(['compute.wasm']);
    // bash replaces only what follows a colon
    expect(await offered(shell, 'bellows workflow get one:')).toEqual([shell === 'bash' ? 'run' : 'one:run']);
    expect(await offered(shell, 'bellows workflow start w')).toEqual(['wait']);
    expect(await offered(shell, 'bellows harness get ')).toEqual(['job-1']);
  });

  it('offers nothing where no host answers, without a word', () => {
    expect(tab(shell, `bellows --data ${path.join(host.folder, 'elsewhere')} call `)).toEqual([]);
    expect(tab(shell, 'bellows --url http://127.0.0.1:9 call gree')).toEqual([]);
  });

  it('leaves files to the shell, attached to their option or not', () => {
    const offered = { bash: [[], []], zsh: [['files'], ['files']], fish: [['bellows.yaml'], ['--config=bellows.yaml']] }[shell];
    expect([tab(shell, 'bellows --config bellows.y'), tab(shell, 'bellows --config=bellows.y')]).toEqual(offered);
  });

  it('runs nothing of a half-typed line', () => {
    expect(tab(shell, 'bellows call $(touch ran)`touch')).toEqual([]);
    expect(run('ls', [host.folder])).not.toMatch(/^ran$/m);
  });
});
