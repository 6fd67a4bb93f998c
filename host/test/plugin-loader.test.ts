import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type ConfigPlace, definePlugin, option, PLUGIN_BRAND, z } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type LoadedConfig, loadConfig, withLines } from '../src/config-file.js';
import { loadPlugins } from '../src/plugin-loader.js';
import { currentPluginScope } from '../src/plugin-scope.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'bellows-loader-test-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A plugin's folder; its code comes from the test's own `importModule`. */
async function write(folder: string, manifest: { id: string; sdk?: string; needs?: string[] }): Promise<void> {
  await mkdir(path.join(root, folder), { recursive: true });
  const files = {
    'package.json': JSON.stringify({ name: folder, exports: './index.js' }),
    'plugin.json': JSON.stringify({ version: '1.0.0', sdk: '^0.1.0', ...manifest }),
    'index.js': `// ${manifest.id}`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(root, folder, name), text);
}

async function load(plugins: Record<string, object>, importModule: (url: string) => Promise<unknown>, clock = new FakeClock()) {
  await writeFile(path.join(root, 'bellows.yaml'), JSON.stringify({ plugins }));
  const { loaded, problems } = await loadConfig({ env: {}, cwd: root });
  expect(problems).toEqual([]);
  if (!loaded) throw new Error('the configuration of the test is wrong');
  return loadPlugins(loaded, { stagingDir: path.join(root, 'staging'), importModule, clock });
}

const plugin = (id: string) => definePlugin({ id, config: z.strictObject({ size: z.number().default(1) }), activate() {} });
const good = async (url: string) => ({ default: plugin(/staging\/([^/]+)/.exec(url)?.[1] ?? '') });

describe('loadPlugins', () => {
  it('orders what is good, with defaults filled in and frozen', async () => {
    await write('a', { id: 'a', needs: ['b'] });
    await write('b', { id: 'b' });
    const { waves, problems } = await load({ a: { from: './a' }, b: { from: './b' } }, good);
    expect(problems).toEqual([]);
    expect(waves.map((wave) => wave.map(({ id }) => id))).toEqual([['b'], ['a']]);
    expect(waves[0]?.[0]?.config).toEqual({ size: 1 });
    expect(Object.isFrozen(waves[0]?.[0]?.config)).toBe(true);
  });

  it('names file and line of code that cannot be loaded, as the operator knows them, and says that the other line is of the configuration', async () => {
    await write('torn', { id: 'torn' });
    await write('dull', { id: 'dull' });
    const torn = async (url: string) => {
      const error = new SyntaxError("Unexpected identifier 'error'");
      error.stack = `${url.replace('index.js', 'part%20two.js')}:7\nlet an error\n    ^^\n\nSyntaxError: …\n    at compileSourceTextModule (node:internal/modules/esm/utils:346:16)`;
      throw error;
    };
    const { problems } = await load({ torn: { from: './torn' } }, torn);
    expect(problems).toEqual([
      {
        path: 'plugins.torn.from',
        message: `its code cannot be loaded: Unexpected identifier 'error' (${path.join(await realpath(root), 'torn', 'part two.js')}:7)`,
      },
    ]);
    const { loaded } = await loadConfig({ env: {}, cwd: root });
    expect(withLines(problems, loaded as LoadedConfig)[0]?.message).toMatch(/part two\.js:7\) \(bellows\.yaml line 1\)$/);
    await rm(path.join(root, 'dull', 'index.js'));
    const missing = await load({ dull: { from: './dull' } }, good);
    expect(missing.problems[0]?.message).toBe(
      `its code cannot be loaded: ${path.join(await realpath(root), 'dull', 'index.js')} does not exist: build the plugin first`,
    );
  });

  it('finds the line itself where the entry cannot be parsed, which Node does not tell, and names none when it can be', async () => {
    await write('torn', { id: 'torn' });
    await write('whole', { id: 'whole' });
    await writeFile(path.join(root, 'torn', 'index.js'), 'export const a = 1;\n\nexport const f = () => {\n  const package = 3;\n};\n');
    const unparsed = async () => {
      const error = new SyntaxError('Unexpected strict mode reserved word');
      error.stack = `${error}\n    at compileSourceTextModule (node:internal/modules/esm/utils:355:16)`;
      throw error;
    };
    const { problems } = await load({ torn: { from: './torn' }, whole: { from: './whole' } }, unparsed);
    expect(problems.map(({ message }) => message)).toEqual([
      `its code cannot be loaded: Unexpected strict mode reserved word (${path.join(await realpath(root), 'torn', 'index.js')}:4)`,
      'its code cannot be loaded: Unexpected strict mode reserved word',
    ]);
  });

  it('does not quote an option that is marked as secret, whoever words what is wrong with it', async () => {
    await write('shy', { id: 'shy' });
    const key = option(
      z.string().refine((text) => text.startsWith('sk-'), { error: (issue) => `the key ${issue.input} must start with sk-` }),
      { what: 'A key.', secret: true },
    );
    const shy = definePlugin({
      id: 'shy',
      config: z.strictObject({ keys: z.array(key) }),
      check: async ({ keys }) => [{ path: 'keys', message: `nobody knows ${keys[0]}` }],
      activate() {},
    });
    const found = async (text: string) =>
      (await load({ shy: { from: './shy', config: { keys: [text] } } }, async () => ({ default: shy }))).problems;
    expect(await found('hunter22-in-the-file')).toEqual([
      { path: 'plugins.shy.config.keys[0]', message: 'the key (hidden) must start with sk-' },
    ]);
    expect(await found('sk-hunter22')).toEqual([{ path: 'keys', message: 'nobody knows (hidden)' }]);
  });

  it('asks a plugin what is wrong with the files its configuration names, and survives one that throws or never answers', async () => {
    for (const id of ['faulty', 'throws', 'hangs', 'nothing', 'words', 'fine']) await write(id, { id });
    const checks = {
      faulty: async (_config: unknown, { configFolder }: ConfigPlace) => [
        { path: `${path.relative(root, configFolder)}a.yaml:3`, message: 'bad' },
      ],
      throws: async () => {
        throw new Error('broken check');
      },
      hangs: () => new Promise<never>(() => {}),
      nothing: (async () => undefined) as never,
      words: (async () => ['bad']) as never,
      fine: async () => [],
    };
    const clock = new FakeClock();
    const entry = (id: string) => [id, { from: `./${id}`, activateTimeoutMs: 1_000 }] as const;
    const importModule = async (url: string) => {
      const id = (/staging\/([^/]+)/.exec(url)?.[1] ?? '') as keyof typeof checks;
      return { default: definePlugin({ id, config: z.strictObject({}), check: checks[id], activate() {} }) };
    };
    const loading = load(Object.fromEntries(Object.keys(checks).map(entry)), importModule, clock);
    const done = loading.then(() => true);
    while (!(await Promise.race([done, clock.advance(1_000).then(() => false)])));
    const { problems, waves } = await loading;
    expect(waves).toEqual([]);
    expect(problems).toEqual([
      { path: 'a.yaml:3', message: 'bad' },
      { path: 'plugins.throws.config', message: 'its check failed: broken check' },
      { path: 'plugins.hangs.config', message: 'its check did not end within 1000 ms (PLUGIN_TIMEOUT)' },
      { path: 'plugins.nothing.config', message: 'its check answered no list of problems: mend the plugin' },
      { path: 'plugins.words.config', message: 'its check answered no list of problems: mend the plugin' },
    ]);
  });

  it.each([
    [
      'throws',
      z
        .string()
        .default('x')
        .transform(() => {
          throw new Error('no such unit');
        }),
    ],
    [
      'must be waited for',
      z
        .string()
        .default('x')
        .refine(async () => true),
    ],
    [
      'ends the process',
      z
        .string()
        .default('x')
        .transform(() => {
          expect(currentPluginScope()).toMatchObject({ pluginId: 'odd' });
          throw new Error('exit');
        }),
    ],
  ])('tells of a schema that %s, as of any other fault', async (_name, size) => {
    await write('odd', { id: 'odd' });
    const odd = definePlugin({ id: 'odd', config: z.strictObject({ size }), activate() {} });
    const { problems } = await load({ odd: { from: './odd' } }, async () => ({ default: odd }));
    expect(problems).toMatchObject([{ path: 'plugins.odd.config', message: expect.stringContaining('the schema failed: ') }]);
  });

  it('says what one that was marked by hand lacks, and how to write it', async () => {
    await write('bare', { id: 'bare' });
    const bare = { [PLUGIN_BRAND]: 1, id: 'bare' };
    const { problems } = await load({ bare: { from: './bare' } }, async () => ({ default: bare }));
    expect(problems).toMatchObject([
      {
        path: 'plugins.bare.from',
        message: expect.stringMatching(
          /cannot be a plugin: plugin\.config must be a schema made with z.*; plugin\.activate must be a function/,
        ),
      },
    ]);
  });

  it('reports all problems of all plugins at once, and none that only follows from another', async () => {
    await write('wide', { id: 'wide', sdk: '>=0.1.0' });
    await write('late', { id: 'late', sdk: '^9.0.0' });
    await write('wrong', { id: 'wrong', needs: ['absent', 'nobody'] });
    await write('x', { id: 'x', needs: ['y'] });
    await write('y', { id: 'y', needs: ['x'] });
    await write('twin', { id: 'x' });
    await write('logs', { id: 'logs' });
    await write('version', { id: 'version' });
    const entry = (id: string, config = {}) => [id, { from: `./${id}`, config }] as const;
    const { waves, problems } = await load(
      Object.fromEntries([
        entry('wide'),
        entry('late'),
        entry('wrong', { sizes: 2 }),
        entry('x'),
        entry('y'),
        entry('twin'),
        entry('absent'),
        entry('logs'),
        entry('version'),
      ]),
      good,
    );
    expect(waves).toEqual([]);
    const lines = problems.map(({ path: at, message }) => `${at}: ${message}`).join('\n');
    for (const expected of [
      /plugins\.wide: .*no upper bound.*PLUGIN_SDK_RANGE_OPEN/,
      /plugins\.late: .*PLUGIN_SDK_RANGE/,
      /plugins\.wrong\.config\.sizes: /,
      /plugins\.wrong: needs the plugin "nobody", which is not configured/,
      /plugins\.x: needs itself through x → y → x/,
      /plugins\.twin: two plugins have the id "x"/,
      /plugins\.absent\.from: the folder .* does not exist/,
      /plugins\.logs: no plugin can be called "logs"/,
      /plugins\.version: no plugin can be called "version"/,
    ]) {
      expect(lines).toMatch(expected);
    }
    expect(lines).not.toMatch(/needs the plugin "absent"/);
  });

  it('gives up on code that does not end loading, and runs it in the scope of its plugin', async () => {
    await write('a', { id: 'a' });
    const clock = new FakeClock();
    const { promise: importing, resolve } = Promise.withResolvers<void>();
    let scope: unknown;
    const loading = load(
      { a: { from: './a', activateTimeoutMs: 500 } },
      () => {
        scope = currentPluginScope();
        resolve();
        return new Promise(() => {});
      },
      clock,
    );
    await importing;
    await clock.advance(500);
    const { problems } = await loading;
    expect(scope).toEqual({ pluginId: 'a', phase: 'load' });
    expect(problems).toEqual([{ path: 'plugins.a.from', message: expect.stringMatching(/did not end within 500 ms.*PLUGIN_TIMEOUT/) }]);
  });
});
