import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnv, GREETER, REPOSITORY, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const MODULES = path.join(REPOSITORY, 'node_modules');

describe('the example, copied to plugins/hello in a clone', () => {
  let clone: string;

  beforeAll(() => {
    clone = copyOfRepository();
    cpSync(GREETER, path.join(clone, 'plugins/hello'), { recursive: true, filter: isNotBuilt });
    rename(path.join(clone, 'plugins/hello'));
    // What `npm install` leaves there, without asking a registry.
    linkModules(clone, { sdk: 'sdk', 'plugin-hello': 'plugins/hello' });
    if (existsSync(path.join(REPOSITORY, 'sdk/node_modules')))
      symlinkSync(path.join(REPOSITORY, 'sdk/node_modules'), path.join(clone, 'sdk/node_modules'));
  });

  it('is built after the SDK and passes its tests', () => {
    const nx = ['node_modules/nx/dist/bin/nx.js', 'test', '@bellows/plugin-hello', '--output-style=static'];
    const { status, output } = runNode(nx, clone, { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' });
    expect([status, output]).toEqual([0, expect.stringMatching(/@bellows\/sdk:build[\s\S]*@bellows\/plugin-hello:test[\s\S]*pass 8\b/)]);
  }, 120_000);

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
  }, 30_000);
});

describe('the example, copied to a folder of its own', () => {
  let folder: string;

  beforeAll(() => {
    folder = tempFolder('bellows-author');
    const plugin = path.join(folder, 'hello');
    cpSync(GREETER, plugin, { recursive: true, filter: isNotBuilt });
    rename(plugin);
    // What `npm install --save-dev file:<clone>/sdk` leaves, without asking a registry.
    linkModules(plugin, {});
    symlinkSync(path.join(REPOSITORY, 'sdk'), path.join(plugin, 'node_modules/@bellows/sdk'));
  });

  it('is built by its own compiler and passes its tests', () => {
    const plugin = path.join(folder, 'hello');
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', '.'], plugin)).toEqual({ status: 0, output: '' });
    expect(runNode(['node_modules/typescript/bin/tsc', '-p', 'test'], plugin)).toEqual({ status: 0, output: '' });
    expect(runNode(['--test'], plugin)).toMatchObject({ status: 0, output: expect.stringContaining('pass 8') });
  }, 60_000);

  it('answers on a host started through the clone’s command', async () => {
    const host = await startHost({
      folder,
      main: path.join(REPOSITORY, 'tools/bellows.mjs'),
      env: { INIT_CWD: folder },
      config: { plugins: { hello: { from: './hello' } } },
    });
    expect((await host.call('hello.greet', { name: 'Ada' })).json).toEqual({ greeting: 'Hello, Ada!' });
    expect((await host.stop()).code).toBe(0);
  }, 30_000);
});

describe('options of `npm start`', () => {
  it.each([
    ['--port 7072', ['7072'], { npm_config_port: 'true' }],
    ['--port=7072', [], { npm_config_port: '7072' }],
  ])('are not lost silently when `--` was forgotten: npm start %s', (_given, args, env) => {
    const { status, output } = runNode(['tools/run.mjs', 'start', ...args], REPOSITORY, env);
    expect([status, output]).toEqual([2, expect.stringContaining('npm start -- --port 7072')]);
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

/** What git knows or would add. */
function copyOfRepository(): string {
  const copy = tempFolder('bellows-clone');
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const files = execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  for (const file of files.split('\0').filter(Boolean)) cpSync(path.join(REPOSITORY, file), path.join(copy, file), { force: true });
  rmSync(path.join(copy, 'plugins/hello'), { recursive: true, force: true });
  execFileSync('git', ['init', '--quiet'], { cwd: copy });
  return copy;
}

/** Third-party packages are links to this clone's; those of `@bellows` lead to folders below `folder`. */
function linkModules(folder: string, own: Readonly<Record<string, string>>): void {
  const modules = path.join(folder, 'node_modules');
  mkdirSync(path.join(modules, '@bellows'), { recursive: true });
  for (const name of readdirSync(MODULES)) {
    if (name !== '@bellows' && (name === '.bin' || !name.startsWith('.'))) symlinkSync(path.join(MODULES, name), path.join(modules, name));
  }
  for (const [name, target] of Object.entries(own)) symlinkSync(path.join(folder, target), path.join(modules, '@bellows', name));
}

function runNode(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', env: cleanEnv(env) });
  return { status, output: `${stdout}${stderr}` };
}
