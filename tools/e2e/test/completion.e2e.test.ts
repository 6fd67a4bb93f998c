import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE, cleanEnv, GREETER, type RunningHost, runBellows, startHost, WORKFLOW } from './running-host.js';
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
  host = await startHost({ config: { plugins: { greeter: { from: GREETER }, compute: { from: COMPUTE }, workflow: { from: WORKFLOW } } } });
  await host.call('compute.put', { name: 'boom', wasm: base64(BOOM) });
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

describe.each(INSTALLED)('completion in a real %s', (shell) => {
  it('knows commands, sub-commands, options and choices', () => {
    expect(tab(shell, 'bellows stat')).toEqual(['status']);
    expect(tab(shell, 'bellows compute inv')).toEqual(['invoke']);
    expect(tab(shell, 'bellows start --log-le')).toEqual(['--log-level']);
    expect(tab(shell, 'bellows start --log-level w')).toEqual(['warn']);
  });

  it('knows what the running host knows', () => {
    expect(tab(shell, 'bellows call greeter.gr')).toEqual(['greeter.greet']);
    expect(tab(shell, 'bellows compute get ')).toEqual(['boom']);
    expect(tab(shell, 'bellows compute invoke boom b')).toEqual(['boom']);
    expect(tab(shell, 'bellows explain compute.')).toEqual(['compute.wasm']);
    expect(tab(shell, 'bellows workflow get ')).toEqual([]);
  });

  it('offers nothing where no host answers, without a word', () => {
    expect(tab(shell, `bellows --data ${path.join(host.folder, 'elsewhere')} call `)).toEqual([]);
    expect(tab(shell, 'bellows --url http://127.0.0.1:9 call gree')).toEqual([]);
  });

  it('runs nothing of a half-typed line', () => {
    expect(tab(shell, 'bellows call $(touch ran)`touch')).toEqual([]);
    expect(run('ls', [host.folder])).not.toMatch(/^ran$/m);
  });
});
