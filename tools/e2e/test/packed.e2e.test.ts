import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { followInOrder, readerIn } from './followed-documents.js';
import { newRepository } from './git-samples.js';
import {
  COMPUTE,
  cleanEnv,
  follow,
  GREETER,
  HARNESS,
  REPOSITORY,
  type RunningHost,
  runBellows,
  startHost,
  WORKFLOW,
  writeConfig,
} from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

/** What `greeter.sdk` answers when the other side loaded the very same SDK module. */
const SHARED = { sameBrand: true, sameClass: true };

const FOLDERS = {
  sdk: path.join(REPOSITORY, 'sdk'),
  host: path.join(REPOSITORY, 'host'),
  'plugin-compute': COMPUTE,
  'plugin-workflow': WORKFLOW,
  'plugin-harness': HARNESS,
  'example-greeter': GREETER,
} as const;
type PackageName = keyof typeof FOLDERS;

/** What npm tells of a tarball. */
interface Packed {
  readonly name: string;
  readonly filename: string;
}

const tarballs = new Map<PackageName, string>();
let packs: string;

beforeAll(() => {
  packs = tempFolder('bellows-packs');
  const packed = JSON.parse(npm(['pack', ...Object.values(FOLDERS), '--json', '--pack-destination', packs])) as Packed[];
  for (const { name, filename } of packed) tarballs.set(name.replace('@bellows/', '') as PackageName, path.join(packs, filename));
  expect([...tarballs.keys()].sort()).toEqual(Object.keys(FOLDERS).sort());
});

describe('packages installed in an empty folder elsewhere', () => {
  let host: RunningHost;

  beforeAll(async () => {
    const folder = installedFolder(['sdk', 'host', 'plugin-compute', 'example-greeter']);
    host = await startHost({
      folder,
      main: path.join(folder, 'node_modules/@bellows/host/dist/main.js'),
      config: { plugins: { compute: { from: '@bellows/plugin-compute' }, greeter: { from: '@bellows/example-greeter' } } },
    });
  });

  it('start there', async () => {
    expect((await host.request('/ready')).json.plugins.map(({ state }: { state: string }) => state)).toEqual(['active', 'active']);
  });

  it('share one SDK between host and plugin', async () => {
    const { json } = await host.call('greeter.sdk', { operation: 'nobody.offers-this' });
    expect(json).toMatchObject({ code: 'OPERATION_UNKNOWN', ...SHARED });
    expect(json.module).not.toContain(REPOSITORY);
    expect(json.module).toContain(host.folder);
  });

  it('share one SDK between two plugins', async () => {
    const { json } = await host.call('greeter.sdk', { operation: 'compute.invoke', input: { module: 'nobody-put-this' } });
    expect(json).toMatchObject({ code: 'MODULE_UNKNOWN', ...SHARED });
  });

  it('show their page there, with every file of it', async () => {
    const { text } = await host.request('/');
    const names = [...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name = '']) => name);
    expect(names).toHaveLength(3);
    for (const name of names) {
      const answer = await host.request(name, { headers: { 'accept-encoding': 'gzip, br' } });
      expect(answer).toMatchObject({ status: 200, headers: { 'content-encoding': 'br' } });
    }
  });

  it('stop there with 0', async () => {
    expect((await host.stop()).code).toBe(0);
  });
});

describe('docs/how-to/install-outside-a-clone.md', () => {
  followInOrder(stepsOf(documentText('docs/how-to/install-outside-a-clone.md')), async () => {
    const folder = installedFolder(['sdk', 'host', 'plugin-compute', 'plugin-workflow', 'plugin-harness']);
    return readerIn(folder, path.join(folder, 'node_modules/@bellows/host/dist/main.js'));
  });
});

describe('docs/how-to/run-as-a-service.md', () => {
  it('has a unit whose commands start, reload and stop a host, without a terminal', async () => {
    const folder = installedFolder(['sdk', 'host', 'plugin-compute']);
    const data = path.join(folder, 'data');
    const unit = fileBlocksOf(documentText('docs/how-to/run-as-a-service.md')).get('bellows.service') ?? '';
    const run = (key: string) => {
      const line = new RegExp(`^${key}=/usr/bin/node (.+)$`, 'm').exec(unit)?.[1] ?? '';
      const words = line.split(' ').map((word) => (word === '/var/lib/bellows' ? data : word));
      return follow(spawn(process.execPath, words, { cwd: folder, env: cleanEnv(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
    };
    writeConfig(folder, {});
    const service = run('ExecStart');
    await until('the host', () => service.output().stdout.includes('is ready'));
    writeConfig(folder, { plugins: { compute: { from: '@bellows/plugin-compute' } } });
    expect(await run('ExecReload').exit).toMatchObject({ code: 0, stdout: expect.stringContaining('compute: add, applied') });
    writeConfig(folder, { plugins: { compute: { from: './nowhere' } } });
    expect((await run('ExecReload').exit).code).toBe(2);
    service.child.kill('SIGTERM');
    expect((await service.exit).code).toBe(0);
  });
});

describe('the demo of an install', () => {
  const demoIn = (folder: string) =>
    runBellows(['demo', '--quick', '--json'], {
      main: path.join(folder, 'node_modules/@bellows/host/dist/main.js'),
      cwd: newRepository(),
      env: { TMPDIR: tempFolder() },
    });

  it('works on the repository it is started in', async () => {
    const { code, stdout, stderr } = await demoIn(installedFolder(['sdk', 'host', 'plugin-compute', 'plugin-workflow', 'plugin-harness']));
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, repository: { files: 2 }, parts: [{ figures: { texts: 2 } }, {}, {}] });
  });

  it('says which plugins it needs when they are not installed', async () => {
    const { code, stderr } = await demoIn(installedFolder(['sdk', 'host', 'plugin-compute']));
    expect([code, JSON.parse(stderr).error.code]).toEqual([2, 'DEMO_PLUGIN_MISSING']);
    expect(stderr).toContain('@bellows/plugin-workflow and @bellows/plugin-harness are not installed');
  });
});

describe('a plugin from elsewhere', () => {
  it('shares the host’s SDK when it is given as a packed tarball', async () => {
    const folder = tempFolder();
    cpSync(tarballs.get('example-greeter')!, path.join(folder, 'greeter.tgz'));
    await expectShared(folder, './greeter.tgz');
  });

  it('shares the host’s SDK when its folder has a copy of its own', async () => {
    const folder = tempFolder();
    const plugin = path.join(folder, 'greeter');
    unpack('example-greeter', plugin);
    unpack('sdk', path.join(plugin, 'node_modules/@bellows/sdk'));
    linkAll(path.join(REPOSITORY, 'node_modules'), path.join(plugin, 'node_modules'));
    await expectShared(folder, './greeter');
  });

  it('shares the host’s SDK when it is a link to a folder', async () => {
    const folder = tempFolder();
    unpack('example-greeter', path.join(folder, 'real'));
    symlinkSync(path.join(folder, 'real'), path.join(folder, 'linked'));
    await expectShared(folder, './linked');
  });

  it('shares the host’s SDK when it is a name installed beside the config', async () => {
    const folder = tempFolder();
    unpack('example-greeter', path.join(folder, 'node_modules/@bellows/example-greeter'));
    await expectShared(folder, '@bellows/example-greeter');
  });

  it('is loaded anew when the folder has changed', async () => {
    const folder = tempFolder();
    unpack('example-greeter', path.join(folder, 'greeter'));
    const greeting = async () => {
      const host = await startHost({ folder, config: { plugins: { greeter: { from: './greeter' } } } });
      const { json } = await host.call('greeter.greet', { name: 'Ada' });
      await host.stop();
      return json.greeting;
    };
    expect(await greeting()).toBe('Hello, Ada!');
    const file = path.join(folder, 'greeter/dist/config.js');
    writeFileSync(file, execFileSync('sed', ['s/Hello/Welcome/', file]));
    expect(await greeting()).toBe('Welcome, Ada!');
  });
});

async function expectShared(folder: string, from: string): Promise<void> {
  const host = await startHost({ folder, config: { plugins: { greeter: { from } } } });
  const { json } = await host.call('greeter.sdk', {});
  expect(json).toMatchObject({ code: 'OPERATION_UNKNOWN', ...SHARED });
  expect((await host.stop()).code).toBe(0);
}

/** What `npm install` of the tarballs leaves, without asking a registry: third-party packages are links to this clone's. */
function installedFolder(names: readonly PackageName[]): string {
  const folder = tempFolder('bellows-installed');
  const modules = path.join(folder, 'node_modules');
  for (const name of names) unpack(name, path.join(modules, '@bellows', name));
  linkAll(path.join(REPOSITORY, 'node_modules'), modules);
  return folder;
}

/** Unpacks a tarball, with the dependencies that npm keeps inside the package because another version stands above it. */
function unpack(name: PackageName, destination: string): void {
  mkdirSync(destination, { recursive: true });
  execFileSync('tar', ['-xzf', tarballs.get(name)!, '--strip-components=1', '-C', destination]);
  const nested = path.join(FOLDERS[name], 'node_modules');
  if (existsSync(nested)) linkAll(nested, path.join(destination, 'node_modules'));
}

function linkAll(source: string, modules: string): void {
  mkdirSync(modules, { recursive: true });
  for (const name of readdirSync(source)) {
    const target = path.join(modules, name);
    if (name.startsWith('.') || name === '@bellows' || existsSync(target)) continue;
    // a scope is a folder of packages, which package managers link one by one
    if (name.startsWith('@')) linkAll(path.join(source, name), target);
    else symlinkSync(path.join(source, name), target);
  }
}

function npm(args: readonly string[]): string {
  return execFileSync('npm', [...args, '--offline', '--ignore-scripts', '--loglevel=error'], {
    cwd: packs,
    encoding: 'utf8',
    env: cleanEnv(),
  });
}
