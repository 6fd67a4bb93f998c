import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findPlugin, type PluginSource } from '../src/plugin-source.js';
import { entryFile, stagePlugin } from '../src/plugin-stager.js';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'bellows-stage-test-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const MANIFEST = { id: 'mine', version: '1.0.0', sdk: '^0.1.0', needs: [], stability: 'stable' };

async function write(folder: string, files: Record<string, unknown>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path.join(root, folder);
}

const find = (from: string) => findPlugin({ key: 'mine', from }, { configFolder: root, stagingDir: path.join(root, 'staging') });
const stage = (source: PluginSource) => stagePlugin(source, { stagingDir: path.join(root, 'staging'), configFolder: root });

async function found(from: string): Promise<PluginSource> {
  const { source, problems } = await find(from);
  expect(problems).toEqual([]);
  return source as PluginSource;
}

describe('findPlugin', () => {
  it('finds a folder, and an npm name from the folder of the configuration upwards', async () => {
    await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST });
    expect((await found('./a')).folder).toBe(path.join(root, 'a'));
    await write('node_modules/@team/mine', { 'package.json': { name: '@team/mine' }, 'plugin.json': MANIFEST });
    expect((await found('@team/mine')).folder).toBe(path.join(root, 'node_modules/@team/mine'));
  });

  it.each([
    ['./missing', /the folder .*missing does not exist/],
    ['./file', /is no folder/],
    ['@team/absent', /no package "@team\/absent" is installed: npm install/],
    ['@bellows/plugin-absent', /no package "@bellows\/plugin-absent" is installed: pack it in the clone .*install-outside-a-clone\.md/],
    ['../../etc/passwd\0', /cannot be loaded|does not exist/],
    ['Not A Name', /is no npm name/],
    ['./absent.tgz', /absent\.tgz does not exist/],
    ['./broken.tgz', /is no packed plugin/],
    ['./bare', /plugin\.json is missing/],
    ['./nameless', /has no name/],
    ['./nojson', /is no valid JSON/],
  ])('says what is wrong with %j', async (from, message) => {
    await write('.', { file: '', 'broken.tgz': 'not a tarball' });
    await write('bare', { 'package.json': { name: 'bare' } });
    await write('nameless', { 'package.json': {}, 'plugin.json': MANIFEST });
    await write('nojson', { 'package.json': '{' });
    const { source, problems } = await find(from);
    expect(source).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]?.path).toBe('plugins.mine.from');
    expect(problems[0]?.message).toMatch(message);
  });

  it('says of a packed plugin that was cut what is wrong, and leaves nothing of it behind', async () => {
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`f${index}.js`, randomBytes(400).toString('hex')]));
    await write('whole', { ...files, 'package.json': { name: 'mine', version: '1.0.0' }, 'plugin.json': { id: 'Mine!' } });
    execFileSync('tar', ['-czf', path.join(root, 'whole.tgz'), '-C', root, 'whole']);
    const bytes = await readFile(path.join(root, 'whole.tgz'));
    for (const part of [0.2, 0.5, 0.9]) {
      const name = `cut-${part}.tgz`;
      await writeFile(path.join(root, name), bytes.subarray(0, bytes.length * part));
      const { problems } = await find(`./${name}`);
      expect(problems).toEqual([
        { path: 'plugins.mine.from', message: expect.stringMatching(/cut-.*\.tgz is no packed plugin: (?!ENOTEMPTY)/) },
      ]);
    }
    expect(await readdir(path.join(root, 'staging', '_unpacked'))).toEqual([]);
    // what is wrong inside of one is told by its own name: the copy goes
    expect((await find('./whole.tgz')).problems[0]?.path).toMatch(/^plugin\.json in \.\/whole\.tgz:/);
  });

  it('sees that a folder was meant where ./ was forgotten', async () => {
    await write('mine', { 'package.json': { name: 'mine' } });
    expect((await find('mine')).problems[0]?.message).toBe('no package "mine" is installed: for the folder of that name write ./mine');
  });

  it('reports every fault of a manifest with its file', async () => {
    const folder = await write('a', {
      'package.json': { name: 'mine' },
      'plugin.json': { id: 'Mine!', version: 'x', sdk: '^0.1.0', extra: 1 },
    });
    const { problems } = await find('./a');
    expect(problems.length).toBeGreaterThanOrEqual(3);
    for (const problem of problems) expect(problem.path.startsWith(path.join(folder, 'plugin.json'))).toBe(true);
  });
});

/** Resolves in the turn in which the folder of a copy is there: most of it is to be written yet. */
async function begun(): Promise<void> {
  const staging = path.join(root, 'staging/mine');
  while (!existsSync(staging) || readdirSync(staging).length === 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('stagePlugin', () => {
  it('copies a foreign plugin to a folder named by its content and links the host’s SDK into it', async () => {
    await write('a', { 'package.json': { name: '@team/mine' }, 'plugin.json': MANIFEST, 'dist/index.js': 'export default 1;' });
    await write('a/node_modules/@bellows/sdk', { 'package.json': { name: '@bellows/sdk', version: '0.0.1' } });
    const folder = await stage(await found('./a'));
    expect(folder).toMatch(/staging\/mine\/[0-9a-f]{16}$/);
    const sdk = await realpath(path.join(folder, 'node_modules/@bellows/sdk'));
    expect(JSON.parse(await readFile(path.join(sdk, 'package.json'), 'utf8'))).toMatchObject({ name: '@bellows/sdk', version: '0.1.0' });
    expect(await stage(await found('./a'))).toBe(folder);
  });

  it('takes another folder when the content has changed', async () => {
    const files = { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST, 'index.js': 'export default 1;' };
    await write('a', files);
    const first = await stage(await found('./a'));
    await write('a', { 'index.js': 'export default 2;' });
    expect(await stage(await found('./a'))).not.toBe(first);
  });

  it('calls a copy after what it holds when a build writes while it is made', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`a${at}.js`, 'x'.repeat(10_000)]));
    await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST, ...many, 'z.js': 'export default 1;' });
    const source = await found('./a');
    const staged = stage(source);
    await begun();
    writeFileSync(path.join(root, 'a/z.js'), 'export default 2;');
    const folder = await staged;
    const held = await readFile(path.join(folder, 'z.js'), 'utf8');
    await write('a', { 'z.js': held });
    expect(await stage(source)).toBe(folder);
    await write('a', { 'z.js': held === 'export default 1;' ? 'export default 2;' : 'export default 1;' });
    expect(await stage(source)).not.toBe(folder);
  });

  it('takes another folder than one from which an import has failed', async () => {
    await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST });
    const spent = new Set<string>();
    for (let turn = 1; turn <= 3; turn += 1) {
      const folder = await stagePlugin(await found('./a'), { stagingDir: path.join(root, 'staging'), configFolder: root, spent });
      expect(spent.has(folder)).toBe(false);
      expect(await readFile(path.join(folder, 'plugin.json'), 'utf8')).toBe(JSON.stringify(MANIFEST));
      spent.add(folder);
      expect(spent.size).toBe(turn);
    }
  });

  it('stays inside of the staging folder whatever the package calls itself', async () => {
    await write('a', { 'package.json': { name: 'x/../../../../escaped' }, 'plugin.json': MANIFEST });
    expect(await stage(await found('./a'))).toMatch(/staging\/mine\/[0-9a-f]{16}$/);
  });

  it('takes another folder when a package it links to is elsewhere now, as after an update of the host', async () => {
    await write('a', { 'package.json': { name: 'mine', dependencies: { left: '1' } }, 'plugin.json': MANIFEST });
    await write('node_modules/left', { 'package.json': { name: 'left' } });
    const first = await stage(await found('./a'));
    const own = await write('a/node_modules/left', { 'package.json': { name: 'left' } });
    const second = await stage(await found('./a'));
    expect(second).not.toBe(first);
    expect(await readlink(path.join(second, 'node_modules/left'))).toBe(own);
  });

  it('makes the links once for all plugins that have the same', async () => {
    const folders = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        await write(name, { 'package.json': { name }, 'plugin.json': { ...MANIFEST, id: name } });
        return stage(await found(`./${name}`));
      }),
    );
    const links = await Promise.all(folders.map((folder) => realpath(path.join(folder, 'node_modules'))));
    expect(new Set(folders).size).toBe(3);
    expect(new Set(links)).toEqual(new Set([path.join(root, 'staging/_links', path.basename(links[0] ?? ''))]));
    expect(await readdir(path.join(root, 'staging/_links'))).toHaveLength(1);
    expect((await readdir(links[0] ?? '')).sort()).toEqual(['@bellows', 'reflect-metadata', 'rxjs', 'tsyringe']);
  });

  it('finds its packages after the staging folder was moved, and after the links were removed', async () => {
    await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST });
    const folder = await stage(await found('./a'));
    const sdk = await realpath(path.join(folder, 'node_modules/@bellows/sdk'));
    await rename(path.join(root, 'staging'), path.join(root, 'moved'));
    expect(await realpath(path.join(root, 'moved', path.relative(path.join(root, 'staging'), folder), 'node_modules/@bellows/sdk'))).toBe(
      sdk,
    );
    await rename(path.join(root, 'moved'), path.join(root, 'staging'));
    await rm(path.join(root, 'staging/_links'), { recursive: true });
    expect(await stage(await found('./a'))).toBe(folder);
    expect(await realpath(path.join(folder, 'node_modules/@bellows/sdk'))).toBe(sdk);
  });

  it('copies programs that can be run, empty folders, and links: those inside lead to the copy, others to where they led', async () => {
    const source = await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST, 'bin/run.sh': 'true', 'dist/x.js': '1' });
    await write('.', { outside: 'there' });
    await chmod(path.join(source, 'bin/run.sh'), 0o755);
    await mkdir(path.join(source, 'empty'));
    await symlink('../dist/x.js', path.join(source, 'bin/inside'));
    await symlink(path.join(source, 'dist/x.js'), path.join(source, 'bin/absolute'));
    await symlink('../../outside', path.join(source, 'bin/outside'));
    await symlink('nowhere', path.join(source, 'bin/broken'));
    await write('a/node_modules/tool', { 'run.js': '1' });
    await symlink('../node_modules/tool/run.js', path.join(source, 'bin/installed'));
    const folder = await stage(await found('./a'));
    expect((await stat(path.join(folder, 'bin/run.sh'))).mode & 0o777).toBe(0o755);
    expect(await readdir(path.join(folder, 'empty'))).toEqual([]);
    for (const name of ['inside', 'absolute']) expect(await realpath(path.join(folder, 'bin', name))).toBe(path.join(folder, 'dist/x.js'));
    expect(await realpath(path.join(folder, 'bin/outside'))).toBe(path.join(root, 'outside'));
    expect(await realpath(path.join(folder, 'bin/installed'))).toBe(path.join(source, 'node_modules/tool/run.js'));
    expect(await readlink(path.join(folder, 'bin/broken'))).toBe('nowhere');
    expect(await stage(await found('./a'))).toBe(folder);
  });

  it('leaves nothing behind of a copy that could not be made', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`a${at}.js`, 'export {};']));
    const source = await write('a', { 'package.json': { name: 'mine' }, 'plugin.json': MANIFEST, ...many });
    const staged = stage(await found('./a'));
    await begun();
    rmSync(source, { recursive: true });
    await expect(staged).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(path.join(root, 'staging/mine'))).toEqual([]);
  });

  it('links private dependencies to the plugin’s own copies, and names one that is missing', async () => {
    await write('a', { 'package.json': { name: 'mine', dependencies: { left: '1' } }, 'plugin.json': MANIFEST });
    await expect(stage(await found('./a'))).rejects.toMatchObject({ code: 'PLUGIN_DEPENDENCY_MISSING' });
    const own = await write('a/node_modules/left', { 'package.json': { name: 'left' } });
    const folder = await stage(await found('./a'));
    expect(await readlink(path.join(folder, 'node_modules/left'))).toBe(own);
  });
});

describe('entryFile', () => {
  it('follows the conditions of exports', async () => {
    const folder = await write('a', { 'dist/index.js': '', 'main.js': '' });
    const at = (exports: unknown, main?: string) =>
      path.relative(folder, entryFile(folder, { name: 'mine', exports, ...(main ? { main } : {}) }));
    expect(at('./dist/index.js')).toBe('dist/index.js');
    expect(at({ '.': { types: './x.d.ts', default: './dist/index.js' } })).toBe('dist/index.js');
    expect(at({ '.': { node: { import: './dist/index.js' }, default: './main.js' } })).toBe('dist/index.js');
    expect(at(undefined, 'main.js')).toBe('main.js');
  });

  it('says that a plugin is not built, or that nothing says what to load', async () => {
    const folder = await write('a', {});
    expect(() => entryFile(folder, { name: 'mine', exports: './dist/index.js' })).toThrow(/does not exist: build the plugin first/);
    expect(() => entryFile(folder, { name: 'mine' })).toThrow(/has no `exports/);
  });
});
