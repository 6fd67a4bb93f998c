import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { copyOfRepository, linkModules, linkWorkspaces, runNode } from './repository-copy.js';
import { GREETER, REPOSITORY, startHost } from './running-host.js';
import { shareBuilds } from './shared-builds.js';
import { tempFolder } from './temp-folder.js';

describe('the example, copied to plugins/hello in a clone', () => {
  let clone: string;

  beforeAll(() => {
    clone = copyOfRepository();
    rmSync(path.join(clone, 'plugins/hello'), { recursive: true, force: true }); // of a reader who followed the README
    cpSync(GREETER, path.join(clone, 'plugins/hello'), { recursive: true, filter: isNotBuilt });
    rename(path.join(clone, 'plugins/hello'));
    // What `npm install` leaves there, without asking a registry.
    linkModules(clone);
    linkWorkspaces(clone, ['sdk', 'plugins/hello']);
    shareBuilds(clone);
  });

  it('is built after the SDK and passes its tests', () => {
    const nx = ['node_modules/nx/dist/bin/nx.js', 'test', '@bellows/plugin-hello', '--output-style=static'];
    const { status, output } = runNode(nx, clone, { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' });
    expect([status, output]).toEqual([0, expect.stringMatching(/@bellows\/sdk:build[\s\S]*@bellows\/plugin-hello:test[\s\S]*pass 8\b/)]);
  });

  it('passes the checks and the lint of the clone', () => {
    const check = runNode(['tools/checks/check.mjs', '--only', 'marks,length,names,codes,links,commands'], clone);
    expect(check).toMatchObject({ status: 0, output: expect.stringContaining('6 of 6 checks passed') });
    const lint = runNode(['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', 'plugins/hello'], clone);
    expect([lint.status, lint.output]).toEqual([0, expect.stringMatching(/Checked \d+ files/)]);
  });

  it('answers on a host', async () => {
    const host = await startHost({ config: { plugins: { hello: { from: path.join(clone, 'plugins/hello') } } } });
    expect((await host.call('hello.greet', { name: 'Ada' })).json).toEqual({ greeting: 'Hello, Ada!' });
    expect((await host.stop()).code).toBe(0);
  });
});

describe('the example, copied to a folder of its own', () => {
  let folder: string;

  beforeAll(() => {
    folder = tempFolder('bellows-author');
    const plugin = path.join(folder, 'hello');
    cpSync(GREETER, plugin, { recursive: true, filter: isNotBuilt });
    rename(plugin);
    // What `npm install --save-dev file:<clone>/sdk` leaves, without asking a registry.
    linkModules(plugin);
    symlinkSync(path.join(REPOSITORY, 'sdk'), path.join(plugin, 'node_modules/@bellows/sdk'));
  });

  it('is built by its own compiler and passes its tests', () => {
    const plugin = path.join(folder, 'hello');
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', '.'], plugin)).toEqual({ status: 0, output: '' });
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', 'test'], plugin)).toEqual({ status: 0, output: '' });
    expect(runNode(['--test'], plugin)).toMatchObject({ status: 0, output: expect.stringContaining('pass 8') });
  });

  it('answers on a host started through the clone’s command', async () => {
    const host = await startHost({
      folder,
      main: path.join(REPOSITORY, 'tools/bellows.mjs'),
      env: { INIT_CWD: folder },
      config: { plugins: { hello: { from: './hello' } } },
    });
    expect((await host.call('hello.greet', { name: 'Ada' })).json).toEqual({ greeting: 'Hello, Ada!' });
    expect((await host.stop()).code).toBe(0);
  });
});

describe('options of `npm start` and `npm run demo`', () => {
  it.each([
    ['start', ['7072'], { npm_config_port: 'true' }, 'npm start -- --port 7072'],
    ['start', [], { npm_config_port: '7072' }, 'npm start -- --port 7072'],
    ['demo', [], { npm_config_quick: 'true' }, 'npm run demo -- --quick'],
    ['demo', [], { npm_config_keep: 'true', npm_config_hold: 'true' }, 'npm run demo -- --keep --hold'],
    ['demo', ['some/folder'], { npm_config_repo: 'true', npm_config_json: 'true' }, 'npm run demo -- --repo some/folder --json'],
    ['demo', [], { npm_config_keep: 'kept' }, 'npm run demo -- --keep kept'],
  ])('are not lost silently when `--` was forgotten: %s %j %j', (command, args, env, meant) => {
    const { status, output } = runNode(['tools/run.mjs', command, ...args], REPOSITORY, env);
    expect([status, output]).toEqual([2, expect.stringContaining(`  ${meant}\n`)]);
  });
});

/** The commands that the README of the example gives for this. */
function rename(plugin: string): void {
  const lines = readFileSync(path.join(GREETER, 'README.md'), 'utf8').split('\n');
  const commands = lines.filter((line) => /^(sed|rm) /.test(line));
  // once for each of the two ways, and the same
  expect(new Set(commands).size).toBe(2);
  for (const command of commands.slice(0, 2)) execFileSync('sh', ['-c', command], { cwd: plugin });
}

function isNotBuilt(file: string): boolean {
  return !['dist', 'node_modules'].includes(path.relative(GREETER, file));
}
