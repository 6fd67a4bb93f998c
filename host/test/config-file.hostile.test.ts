import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadConfig, withLines } from '../src/config-file.js';

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-hostile-config-'));
  file = path.join(folder, 'bellows.yaml');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function problemsOf(text: string | Uint8Array): Promise<readonly ErrorDetail[]> {
  await writeFile(file, text);
  const { loaded, problems } = await loadConfig({ configFile: file, cwd: folder, env: {} });
  return loaded === undefined ? problems : withLines(problems, loaded);
}

const lines = (problems: readonly ErrorDetail[]) => problems.map(({ path: at, message }) => `${at.replace(file, 'FILE')}: ${message}`);

describe('a configuration that means no good', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['thousands of lists inside of each other', `a: ${'['.repeat(100_000)}`, /^FILE:1:104: is nested more than 100 levels deep$/],
    ['thousands of mappings inside of each other', '{a: '.repeat(50_000), /^FILE:1:401: is nested more than 100 levels deep$/],
    ['a line of thousands of dashes', `a:\n${'- '.repeat(50_000)}x`, /^FILE:2:201: is nested more than 100 levels deep$/],
    ['more than a person writes', `# ${'x'.repeat(1_048_576)}`, /^FILE: is larger than 1024 KiB: name a smaller file$/],
    ['a text of Windows in Latin 1', Buffer.from('host: {} # caf\xe9', 'latin1'), /^FILE: holds bytes that are no text in UTF-8: /],
    ['zeros', Buffer.alloc(16), /^FILE: holds bytes that are no text in UTF-8: /],
    ['a tab for indentation', 'host:\n\tport: 1', /^FILE:2:1: is no valid YAML: Tabs are not allowed/],
    ['a key twice', 'host: {}\nplugins: {}\nhost: {}', /^FILE:3:1: the key "host" stands here a second time: keep one$/],
    ['a key twice, once as a number', 'tenants: { 1: {}, "1": {} }', /^FILE:1:19: the key "1" stands here a second time/],
    ['a list for a key', 'host: {}\n? [a, b]\n: 1', /^FILE:2:3: a key is a single word or text/],
    ['the key of prototypes', 'host: {}\n__proto__: { host: 1 }', /^FILE:2:1: the key "__proto__" can name nothing: choose another$/],
    ['the same for a tenant', 'tenants: { __proto__: { limits: 7 } }', /^FILE:1:12: the key "__proto__" can name nothing/],
    ['the same for a plugin', 'plugins: { "__proto__": { from: ./a } }', /^FILE:1:12: the key "__proto__" can name nothing/],
    ['no key', 'host: {}\n: 1', /^FILE:2:\d: a key is a single word or text/],
    ['an alias without an anchor', 'host: {}\nplugins: *none', /^FILE:2:10: no anchor &none stands before \*none$/],
    ['an alias before its anchor', 'host: *a\nplugins: &a {}', /^FILE:1:7: no anchor &a stands before \*a$/],
    ['an alias inside of its anchor', 'host: {}\nplugins: &p { a: *p }', /^FILE:2:18: an alias .* stands inside of its own anchor/],
    ['too many aliases', `a: &a x\nb: [${'*a,'.repeat(50_000)}]`, /^FILE:2:5: anchors are used more than 100 times/],
    ['bytes', 'host: !!binary aGk=', /^FILE:1:\d+: the tag tag:yaml.org,2002:binary means nothing here/],
    ['code of another language', 'host: !!python/object:os.system x', /^FILE:1:\d+: the tag \S+ means nothing here/],
    ['a second document', 'host: {}\n---\nhost: {}', /^FILE:2:1: is no valid YAML: a second document begins here/],
    ['no number', 'governor:\n  overcommit: .nan', /^governor\.overcommit: expected a number, got NaN \(line 2\)$/],
    ['a reference without an end', 'host:\n  dataDir: "${env:HOME"', /^host\.dataDir: \$\{env:HOME is no reference: .* \(line 2\)$/],
    ['thousands of references without an end', `host: { dataDir: "${'${env:'.repeat(100_000)}" }`, /^host\.dataDir: .{80,200} \(line 1\)$/],
    [
      'what every object has, for a variable',
      'host: { dataDir: "${env:constructor}" }',
      /^host\.dataDir: the environment variable "constructor" is not set/,
    ],
  ])('is told what is wrong and where: %s', async (_what, text, told) => {
    const found = lines(await problemsOf(text));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(told);
  });

  it('names the nearest key of each of eighty thousand that are unknown, up to fifty', async () => {
    const problems = await problemsOf(Array.from({ length: 80_000 }, (_, index) => `hos${index}: 1`).join('\n'));
    expect(problems).toHaveLength(51);
    expect(problems[0]).toMatchObject({ path: 'hos0', suggestion: 'host' });
    expect(problems.at(-1)?.message).toBe('and 79950 more problems');
  });

  it('takes no longer for a name of half a million letters into which something is put', async () => {
    await writeFile(file, `plugins: { a: { from: ./a, config: { ${'x'.repeat(500_000)}.y: "\${env:SOME}" } } }`);
    const { loaded } = await loadConfig({ configFile: file, cwd: folder, env: { SOME: 'value' } });
    expect(Object.values(loaded?.pluginConfigs.get('a')?.value as object)).toEqual(['value']);
  });

  it.each([
    ['a byte order mark', '\uFEFFhost: { port: 7171 }\n'],
    ['line breaks of Windows', 'host:\r\n  port: 7171\r\n'],
    ['an anchor that is used', 'tenants: { a: &a { users: {} }, b: *a }'],
  ])('is taken where it only looks odd: %s', async (_what, text) => {
    expect(await problemsOf(text)).toEqual([]);
  });

  it('never breaks, hangs or reaches a prototype, whatever is cut, doubled or put in', async () => {
    const good =
      'host: { port: 7070 }\ngovernor:\n  subsystems: { a.b: &p { weight: 1 } }\nplugins:\n  a: { from: ./a, config: { k: "${env:K}" } }\n';
    const pieces = ['__proto__: ', 'constructor: ', '*p', '&p ', '<<: ', '${', '}', '[', '{', '\t', '\r\n', '- ', '? ', ': ', '|', '>', '"', "'", '!!set ', '%', '\u0000', '---\n', '\uFEFF', '🙂', '9'.repeat(400)]; // biome-ignore format: one thought
    const change = fc.tuple(fc.nat(good.length), fc.nat(12), fc.constantFrom(...pieces));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const text = changes.reduce((left, [at, cut, put]) => left.slice(0, at) + put + left.slice(at + cut), good);
        for (const { path: at, message } of await problemsOf(text)) {
          expect(message.trim()).not.toBe('');
          // syntax has a place of its own, all else a line or the path of what is missing
          if (at.startsWith(file) && !/UTF-8|must hold keys/.test(message)) expect(at).toMatch(/:\d+:\d+$/);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a file that is put in', () => {
  const secret = async (name: string) => problemsOf(`plugins:\n  a:\n    from: ./a\n    config: { key: "\${file:${name}}" }\n`);

  it.each<[string, (at: string) => Promise<unknown>, RegExp]>([
    ['is missing', async () => {}, /does not exist \(ENOENT\)/],
    ['is a folder', (at) => mkdir(at), /is a folder: name a file in it/],
    ['is huge', (at) => writeFile(at, 'x'.repeat(65_537)), /is larger than 64 KiB/],
    ['is binary', (at) => writeFile(at, Buffer.from([0xff, 0xfe, 0x00])), /holds bytes that are no text in UTF-8/],
  ])('is a fault with its line when it %s', async (what, make, told) => {
    const name = what.replaceAll(' ', '-');
    await make(path.join(folder, name));
    const found = lines(await secret(name));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(told);
    expect(found[0]).toMatch(/^plugins\.a\.config\.key: the file "\S+" .*\(line 4\)$/);
  });

  it('may not be a device, which would never end', async () => {
    expect(lines(await secret('/dev/zero'))).toEqual([expect.stringMatching(/is a device or a socket: name a file/)]);
    await writeFile(file, '');
    const { problems } = await loadConfig({ configFile: '/dev/zero', cwd: folder, env: {} });
    expect(problems).toEqual([{ path: '/dev/zero', message: 'is a device or a socket: name a file' }]);
  });

  it('loses one line break at its end, and a reference in it stays as it is', async () => {
    await writeFile(path.join(folder, 'literal'), '${env:HOME}\n\r\n');
    await writeFile(file, 'plugins: { a: { from: ./a, config: { key: "${file:literal}" } } }');
    const { loaded, problems } = await loadConfig({ configFile: file, cwd: folder, env: {} });
    expect([problems, loaded?.pluginConfigs.get('a')?.value]).toEqual([[], { key: '${env:HOME}\n' }]);
    expect([loaded?.secrets, loaded?.secretFiles]).toEqual([['${env:HOME}\n'], [path.join(folder, 'literal')]]);
  });

  it('is read once however often it is put in, and more than a host can hold is refused', async () => {
    await writeFile(path.join(folder, 'short'), 'k');
    await writeFile(path.join(folder, 'long'), 'x'.repeat(65_536));
    const puttingIn = (name: string) =>
      problemsOf(`plugins: { a: { from: ./a, config: { keys: [${`"\${file:${name}}",`.repeat(20_000)}] } } }`);
    expect(await puttingIn('short')).toEqual([]);
    const told = expect.stringMatching(/^plugins\.a\.config\.keys\[64\]: with this more than 4 MiB are put in: .* \(line 1\)$/);
    expect(lines(await puttingIn('long'))).toEqual([told]);
    const all = await problemsOf(`host: { dataDir: "${'${file:long}'.repeat(50_000)}" }`);
    expect(lines(all)).toEqual([expect.stringMatching(/^host\.dataDir: with this more than 4 MiB are put in/)]);
  });

  it('is named with the line of the configFile that a plugin has', async () => {
    await writeFile(path.join(folder, 'own.yaml'), 'depth: 1\nkey: ${file:nowhere}\n');
    const found = await problemsOf('plugins: { a: { from: ./a, configFile: ./own.yaml } }');
    expect(found).toEqual([
      { path: `${path.join(folder, 'own.yaml')}.key`, message: 'the file "nowhere" does not exist (ENOENT) (line 2)' },
    ]);
  });

  it('never shows in what is wrong with it', async () => {
    await writeFile(file, 'host: { address: "${env:KEY}", port: "${env:KEY}", tokensFile: "${env:KEY}" }');
    const { problems } = await loadConfig({ configFile: file, cwd: folder, env: { KEY: 'hunter2-and-more' } });
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});
