import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type LoadedConfig, loadConfig, withLines } from '../src/config-file.js';
import { fileState } from '../src/file-state.js';
import type { HostOptions } from '../src/host-options.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-config-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(yaml: string, over: Partial<HostOptions> = {}) {
  await writeFile(path.join(folder, 'bellows.yaml'), yaml);
  return loadConfig({ cwd: folder, env: {}, ...over });
}

describe('loadConfig', () => {
  it('fills in defaults and makes paths absolute, from the folder of the file', async () => {
    const { loaded, problems } = await load('plugins: { a: { from: ./a } }');
    expect(problems).toEqual([]);
    expect(loaded?.config.host).toMatchObject({
      address: '127.0.0.1',
      port: 7070,
      dataDir: path.join(folder, '.bellows'),
      tokensFile: null,
    });
    expect(loaded?.config.plugins.a).toMatchObject({ from: './a', required: true });
  });

  it('refuses a file without content, as a full disk leaves it, and takes one that says so', async () => {
    for (const text of ['', '\n', '# plugins: {}\n', '---\n', 'null', '\ufeff']) {
      const { loaded, problems } = await load(text);
      expect(loaded).toBeUndefined();
      expect(problems).toEqual([
        {
          path: path.join(folder, 'bellows.yaml'),
          message: 'is empty, or holds comments only: write `plugins: {}` for a host without plugins',
        },
      ]);
    }
    expect((await load('plugins: {}')).problems).toEqual([]);
    await writeFile(path.join(folder, 'a.yaml'), '# key: 1\n');
    const own = await load('plugins: { a: { from: ./a, configFile: a.yaml } }');
    expect(own.problems).toEqual([
      { path: path.join(folder, 'a.yaml'), message: expect.stringMatching(/^is empty, .*`\{\}` for a plugin/) },
    ]);
  });

  it('refuses an alias inside of its own anchor, which would be endless, and takes one that is not', async () => {
    const { loaded, problems } = await load('plugins: &p { a: *p }');
    expect(loaded).toBeUndefined();
    expect(problems).toEqual([
      { path: `${path.join(folder, 'bellows.yaml')}:1:18`, message: expect.stringMatching(/inside of its own anchor/) },
    ]);
    const twice = await load('plugins: { a: { from: ./a, config: &c { x: 1 } }, b: { from: ./b, config: *c } }');
    expect(twice.problems).toEqual([]);
    expect(twice.loaded?.pluginConfigs.get('b')?.value).toEqual({ x: 1 });
  });

  it('says how the place of a plugin is written where its entry is nothing else', async () => {
    const { problems } = await load('plugins: { pong: ./pong, other: 1 }');
    expect(problems).toEqual([
      { path: 'plugins.pong', message: 'expected an object, got a string: write { from: ./pong }' },
      { path: 'plugins.other', message: 'expected an object, got a number' },
    ]);
    // what was put in stays hidden
    const putIn = await load('plugins: { pong: "${env:PLACE}" }', { env: { PLACE: 'hunter2-secret' } });
    expect(JSON.stringify(putIn.problems)).not.toContain('hunter2');
  });

  it('takes an empty variable of the environment for none', async () => {
    expect((await load('host: { port: 1000 }', { env: { BELLOWS_CONFIG: '', BELLOWS_DATA: '', BELLOWS_PORT: '' } })).problems).toEqual([]);
  });

  it('takes a flag before the environment, that before the file, and the file before the default', async () => {
    const port = async (over: Partial<HostOptions>) => (await load('host: { port: 1000 }', over)).loaded?.config.host.port;
    expect(await port({})).toBe(1000);
    expect(await port({ env: { BELLOWS_PORT: '2000' } })).toBe(2000);
    expect(await port({ env: { BELLOWS_PORT: '2000' }, port: 3000 })).toBe(3000);
    const { loaded } = await load('host: { port: 1000 }', { env: { BELLOWS_DATA: './other' }, port: 3000 });
    expect(loaded?.origins.get('host.port')).toBe('flag');
    expect(loaded?.origins.get('host.dataDir')).toBe('env');
    expect(loaded?.config.host.dataDir).toBe(path.join(folder, 'other'));
  });

  it('puts in environment and files, turns texts into what the schema wants, and remembers which values came from outside', async () => {
    await writeFile(path.join(folder, 'secret'), 's3cret\n');
    const yaml = [
      'host: { port: "${env:PORT}" }',
      'plugins:',
      '  a: { from: "./${env:NAME}", config: { key: "${file:secret}", literal: "$${env:X}" } }',
    ].join('\n');
    const { loaded, problems } = await load(yaml, { env: { PORT: '0', NAME: 'a' } });
    expect(problems).toEqual([]);
    expect(loaded?.config.host.port).toBe(0);
    expect(loaded?.pluginConfigs.get('a')?.value).toEqual({ key: 's3cret', literal: '${env:X}' });
    expect(loaded?.origins.get('plugins.a.config.key')).toBe('secret');
    expect(loaded?.origins.get('plugins.a.config.literal')).toBe('file');
  });

  it('names all files it came from, with those that values were put in from and those that are missing', async () => {
    await writeFile(path.join(folder, 'secret'), 'abc');
    await writeFile(path.join(folder, 'a.yaml'), 'key: "${file:own-secret}"');
    const { loaded } = await load('plugins: { a: { from: "${file:secret}", configFile: a.yaml } }');
    const names = ['bellows.yaml', 'a.yaml', 'secret', 'own-secret'];
    expect([...loaded!.files.keys()].sort()).toEqual(names.map((name) => path.join(folder, name)).sort());
    expect(loaded!.files.get(path.join(folder, 'secret'))).toBe(await fileState(path.join(folder, 'secret')));
    expect(loaded!.secretFiles).toEqual([path.join(folder, 'secret')]);
  });

  it('tells apart what is secret beyond doubt: files, what a name calls a secret, and passwords in addresses', async () => {
    await writeFile(path.join(folder, 'secret'), 'from-file');
    const values = { API_TOKEN: 'by-variable', MODE: 'production', PLAIN: 'by-option', DB: 'pg://u:in-address@h', PWD: '/srv/app' };
    const config =
      '{ a: "${env:API_TOKEN}", mode: "${env:MODE}", clientSecret: ["${env:PLAIN}"], db: "${env:DB}", f: "${file:secret}", here: "${env:PWD}/x" }';
    const { loaded } = await load(`plugins: { a: { from: ./a, config: ${config} } }`, { env: values });
    expect(new Set(loaded!.sureSecrets)).toEqual(new Set(['by-variable', 'by-option', 'in-address', 'from-file']));
    expect(loaded!.secrets).toContain('production');
  });

  it('reports what cannot be put in, instead of taking an empty text', async () => {
    const { problems } = await load('plugins: { a: { from: "${env:NOPE}", config: { key: "${file:./missing}" } } }');
    expect(problems).toEqual(
      expect.arrayContaining([
        { path: 'plugins.a.from', message: 'the environment variable "NOPE" is not set' },
        { path: 'plugins.a.config.key', message: 'the file "./missing" does not exist (ENOENT)' },
      ]),
    );
  });

  it('says line and column of broken YAML', async () => {
    const { loaded, problems } = await load('host:\n  port: [1\nplugins: {}');
    expect(loaded).toBeUndefined();
    expect(problems[0]?.path).toMatch(/bellows\.yaml:\d+:\d+$/);
    expect(problems[0]?.message).toMatch(/^is no valid YAML: /);
  });

  it('refuses a key that is there twice, and an alias bomb', async () => {
    expect((await load('host: {}\nhost: {}')).problems[0]?.message).toMatch(/^the key "host" stands here a second time/);
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`)}]`),
    ].join('\n');
    expect((await load(bomb)).problems[0]?.message).toMatch(/^anchors are used more than 100 times/);
  });

  it('says what to do about a file that is missing, a folder in its place, and a text that is no map', async () => {
    const missing = await loadConfig({ cwd: folder, env: {} });
    expect(missing.problems[0]?.message).toBe('the file does not exist: create bellows.yaml here, or name a file with --config');
    const named = await loadConfig({ cwd: folder, env: {}, configFile: 'nope.yaml' });
    expect(named.problems[0]).toEqual({ path: path.join(folder, 'nope.yaml'), message: 'the file does not exist: give an existing file' });
    expect((await loadConfig({ cwd: folder, env: {}, configFile: '.' })).problems[0]?.message).toBe('is a folder: name a file in it');
    expect((await load('- a list')).problems[0]?.message).toMatch(/must hold keys/);
  });

  it('reports all problems of all sections at once and still offers the good plugins for checking', async () => {
    const { loaded, problems } = await load('host: { prot: 1 }\nplugins: { good: { from: ./a }, bad: { form: ./b } }');
    expect(problems.map(({ path: at }) => at)).toEqual(['host.prot', 'plugins.bad.from', 'plugins.bad.form']);
    expect(Object.keys(loaded?.config.plugins ?? {})).toEqual(['good']);
  });

  it('reads the options of a plugin from a file of its own, and refuses both at once', async () => {
    await writeFile(path.join(folder, 'own.yaml'), 'depth: 3');
    const own = await load('plugins: { a: { from: ./a, configFile: ./own.yaml } }');
    expect(own.loaded?.pluginConfigs.get('a')).toMatchObject({ value: { depth: 3 }, base: path.join(folder, 'own.yaml') });
    const both = await load('plugins: { a: { from: ./a, configFile: ./own.yaml, config: {} } }');
    expect(both.problems).toEqual([{ path: 'plugins.a', message: '`config` and `configFile` exclude each other: keep one' }]);
  });

  it('finds the file in a folder above, as git does', async () => {
    await writeFile(path.join(folder, 'bellows.yaml'), 'host: { port: 1234 }');
    await mkdir(path.join(folder, 'a/b'), { recursive: true });
    const { loaded } = await loadConfig({ cwd: path.join(folder, 'a/b'), env: {} });
    expect([loaded?.config.host.port, loaded?.file]).toEqual([1234, path.join(folder, 'bellows.yaml')]);
  });

  it('refuses a reference that is none, and reports a missing variable once', async () => {
    const { problems } = await load('host:\n  dataDir: ${NOPE}\n  port: ${env:NOPE}');
    expect(problems).toEqual([
      { path: 'host.dataDir', message: '${NOPE} is no reference: write ${env:NAME} or ${file:PATH}, or $${ for a plain ${' },
      { path: 'host.port', message: 'the environment variable "NOPE" is not set' },
    ]);
  });

  it('says that a reference inside of braces needs quotes', async () => {
    const { problems } = await load('host: { port: ${env:PORT} }');
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toMatch(/must stand in quotes$/);
  });

  it('refuses a policy that cannot be kept, not one for a subsystem that is not there', async () => {
    const { problems } = await load('governor: { subsystems: { compute.wasm: { floor: 5, ceiling: 2 }, other.pool: {} } }');
    expect(problems).toEqual([{ path: 'governor.subsystems."compute.wasm".floor', message: 'the floor 5 is above the ceiling 2' }]);
  });

  it('names keys that are no plain words in quotes, with their line', async () => {
    const yaml = 'governor:\n  subsystems:\n    a.b: {}\n    c.d: { wieght: 1 }\n"": 1\n"\\u001b[31m": 1';
    const { loaded, problems } = await load(yaml);
    const told = withLines(problems, loaded as LoadedConfig).map(({ path: at, message }) => `${at}: ${message.split(';')[0]}`);
    expect(told).toEqual([
      'governor.subsystems."c.d".wieght: unknown key "wieght" (line 4)',
      expect.stringMatching(/^"": unknown key ""/),
      expect.stringMatching(/^"\\u001b\[31m": unknown key "\\u001b\[31m"/),
    ]);
    expect(['a."\\x".b', '"', 'a."'].map((at) => loaded?.lineOf(at))).toEqual([undefined, undefined, undefined]);
  });

  it('knows the line of a value, or of the nearest thing above it', async () => {
    const { loaded } = await load('host:\n  port: 1\nplugins:\n  a:\n    from: ./a\n    config:\n      list: [1,\n        2]');
    const lineOf = (at: string) => loaded?.lineOf(at);
    expect(['host.port', 'plugins.a.from', 'plugins.a.config.list[1]', 'plugins.a.missing', 'nothing', '/host/port'].map(lineOf)).toEqual([
      2,
      5,
      8,
      4,
      undefined,
      undefined,
    ]);
    const problem = { path: 'host.port', message: 'is wrong' };
    expect(withLines([problem], loaded as LoadedConfig)).toEqual([{ path: 'host.port', message: 'is wrong (line 2)' }]);
    const ofCode = { path: 'plugins.a.from', message: 'its code calls itself "b"' };
    expect(withLines([ofCode], loaded as LoadedConfig)[0]?.message).toBe('its code calls itself "b" (bellows.yaml line 5)');
  });
});
