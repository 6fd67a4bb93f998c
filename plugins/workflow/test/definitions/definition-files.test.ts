import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkDefinitionFiles } from '../../src/definitions/check-definition-files.js';
import { loadDefinitionFiles } from '../../src/definitions/definition-files.js';
import { DefinitionRegistry } from '../../src/definitions/definition-registry.js';
import { MemoryDisk, MemoryFlowStore } from '../memory-flow-store.js';

const PROGRAM = fileURLToPath(new URL('./programs/load-files.mjs', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bellows-flows-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
}

function load(...patterns: string[]) {
  return loadDefinitionFiles({ folder, patterns, maxDepth: 50, maxStages: 1_000 });
}

async function faultsOf(...patterns: string[]): Promise<unknown> {
  try {
    await load(...patterns);
  } catch (error) {
    return error;
  }
  throw new Error('it should have been rejected');
}

interface Loaded {
  readonly code?: string;
  readonly details?: { readonly path: string; readonly message: string }[];
  readonly pipelines: { readonly name: string; readonly file: string; readonly json: string | null; readonly outputs: unknown[] }[];
  readonly functions: string[];
  readonly afterwards: string;
}

/** In a process of its own with the built plugin: Jest has another loader than Node.js. */
async function loadBuilt(patterns: readonly string[], timeoutMs = 20_000, env: Readonly<Record<string, string>> = {}): Promise<Loaded> {
  await write({ 'after.mjs': "import '@bellows/sdk/workflow';" });
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [PROGRAM, String(timeoutMs), folder, ...patterns], {
    env: { ...process.env, ...env },
  });
  return { ...JSON.parse(stdout), afterwards: stderr.trim().split('\n').at(-1) };
}

const flowOf = (output: string) =>
  `import { defineWorkflow } from '@bellows/sdk/workflow';
  export const flow = defineWorkflow({ name: 'flow' }, (flow) => void flow.run('a', { run: () => '${output}' }));`;

describe('a check beside a plugin that runs', () => {
  it('tells of definitions that changed under their version, and keeps nothing', async () => {
    const registry = new DefinitionRegistry({
      store: new MemoryFlowStore(new MemoryDisk()),
      clock: { now: () => 1 },
      maxDepth: 50,
      maxStages: 1_000,
      maxCacheEntries: 10,
    });
    const check = () => checkDefinitionFiles({ folder, patterns: ['*.yaml'], maxDepth: 50, maxStages: 1_000 }, registry);
    await write({ 'one.yaml': ONE });
    await registry.addFiles(await load('*.yaml'));
    expect(await check()).toEqual([]);
    await write({ 'one.yaml': `${ONE}  - name: b\n    timer: 1\n`, 'two.yaml': ONE.replace('one', 'two') });
    expect(await check()).toEqual([
      { path: expect.stringMatching(/one\.yaml$/), message: expect.stringMatching(/differs from the version 1 .*write version: 2$/) },
    ]);
    expect(registry.list().map(({ name }) => name)).toEqual(['one']);
    await write({ 'one.yaml': 'name: [' });
    expect(await check()).toEqual([{ path: expect.stringContaining('one.yaml:1'), message: expect.any(String) }]);
  });
});

const ONE = 'name: one\nstages:\n  - name: a\n    operation: a.b\n';

describe('files of definitions in YAML and JSON', () => {
  it('are found by patterns, each once, in the order of their paths', async () => {
    await write({
      'flows/b.yaml': ONE,
      'flows/a.json': JSON.stringify({ name: 'two', stages: [{ name: 'a', timer: 1 }] }),
      'flows/c.txt': 'x',
    });
    await symlink(path.join(folder, 'flows/b.yaml'), path.join(folder, 'flows/d.yml'));
    using loaded = await load('flows/*.{json,yaml,yml}', './flows/b.yaml', path.join(folder, 'flows', '*.json'));
    expect(loaded.pipelines.map(({ name, file }) => [name, path.basename(file!)])).toEqual([
      ['two', 'a.json'],
      ['one', 'b.yaml'],
    ]);
    expect(JSON.parse(loaded.pipelines[1]!.json!)).toMatchObject({ name: 'one' });
  });

  it('are refused with every fault of every file, each with its line and column', async () => {
    await write({
      'a.yaml': 'name: one\nstages:\n  - name: a\n    run: nobody\n    input: ${stages.b.output}\n',
      'b.yaml': 'name: [one\n',
      'c.json': '{ "name": "three",\n "stages": [{ "name": "a", "timer": "x" }] }',
      'd.yaml': ONE,
      'e.yaml': ONE,
      'f.txt': '',
    });
    expect(await faultsOf('*', 'none/*.yaml', 'gone.yaml')).toMatchObject({
      code: 'DEFINITION_FILE_INVALID',
      kind: 'config',
      details: expect.arrayContaining([
        { path: 'none/*.yaml', message: expect.stringContaining('matches no file') },
        { path: 'gone.yaml', message: expect.stringContaining('matches no file') },
        { path: 'a.yaml:4:10 stages[0] (a).run', message: expect.stringContaining('nobody') },
        { path: 'a.yaml:5:12 stages[0] (a).input', message: expect.stringContaining('not there') },
        { path: expect.stringMatching(/^b\.yaml:\d+:\d+$/), message: expect.any(String) },
        { path: 'c.json:2:37 stages[0] (a).timer', message: expect.stringContaining('a timer is') },
        { path: 'e.yaml', message: 'the workflow one version 1 is in d.yaml too' },
        { path: 'f.txt', message: expect.stringContaining('.yaml') },
      ]),
    });
  });

  it('do not include what is installed below the folder', async () => {
    await write({
      'flows/a.yaml': ONE,
      'node_modules/x/b.yaml': 'faulty: [',
      'flows/node_modules/c.yaml': 'faulty: [',
      'flows/types.d.ts': '',
    });
    using loaded = await load('**/*.yaml', 'flows/*');
    expect(loaded.pipelines).toMatchObject([{ name: 'one' }]);
  });

  it('may be none at all', async () => {
    using loaded = await load();
    expect(loaded).toMatchObject({ pipelines: [], functions: new Map() });
  });

  it('that are folders, too many or cannot be read are refused', async () => {
    await write({ 'x.yaml/inside.txt': '' });
    expect(await faultsOf('*.yaml')).toMatchObject({ details: [{ path: '*.yaml' }] });
    await symlink(path.join(folder, 'nowhere'), path.join(folder, 'broken.yaml'));
    expect(await faultsOf('broken.yaml')).toMatchObject({ details: [{ path: 'broken.yaml' }] });
    await write({ 'a.yaml': 'a: [', 'z.yaml': 'a: [' });
    const { details } = (await faultsOf('*.yaml')) as Loaded;
    expect(details?.map((fault) => fault.path.split(':')[0])).toEqual(expect.arrayContaining(['a.yaml', 'broken.yaml', 'z.yaml']));
  });
});

describe('files of definitions in TypeScript and JavaScript', () => {
  it('are loaded where nothing is installed, and their functions are known to YAML files', async () => {
    await write({
      'order.ts': `
        import { z } from '@bellows/sdk';
        import { defineWorkflow, type Flow } from '@bellows/sdk/workflow';
        import { double } from './functions.mts';
        export const order = defineWorkflow({ name: 'order', input: z.object({ n: z.number() }) }, (flow) => {
          flow.run('times', { run: ({ input }): number => (double.run({ n: input.n }, null as never) as number) + 1 });
        });
        export default order;
        export { double as again };
        export const other: number = 1;`,
      'functions.mts': `
        import { defineFunction } from '@bellows/sdk/workflow';
        export const double = defineFunction('double', ({ n }: { n: number }) => n * 2);`,
      'plain.js': `
        import { defineFunction } from '@bellows/sdk/workflow';
        export const late = defineFunction('late', async () => (await import('@bellows/sdk/workflow')).type !== undefined);`,
      'uses.yaml': 'name: uses\nstages:\n  - { name: a, run: late }\n',
    });
    const loaded = await loadBuilt(['*.ts', '*.mts', '*.js', '*.yaml']);
    expect(loaded).toMatchObject({ functions: ['double', 'late'], afterwards: 'ERR_MODULE_NOT_FOUND' });
    expect(loaded.pipelines).toMatchObject([
      { name: 'order', file: path.join(folder, 'order.ts'), json: null, outputs: [5] },
      { name: 'uses', file: path.join(folder, 'uses.yaml'), outputs: [true] },
    ]);
  });

  it('are refused with the file and the line, all at once', async () => {
    const imports = "import { defineFunction, defineWorkflow } from '@bellows/sdk/workflow';\n";
    await write({
      'a-enum.ts': 'export const a = 1;\n\nenum Colour { Red }\n',
      'b-syntax.ts': 'export const a: number = ;\n',
      'c-throws.ts': 'export const a = 1;\nthrow new Error("on purpose");\n',
      'd-missing.ts': "import { x } from './nowhere.js';\nexport const y = x;\n",
      'e-nothing.ts': 'export const y = 1;\n',
      'f-faulty.ts': `${imports}export const a = defineWorkflow({ name: 'bad', version: 0 }, (flow) => { flow.operation('x', { operation: 'none' }); });\n`,
      'g-foreign.ts': `${imports}let stolen: any;\nexport const a = defineWorkflow({ name: 'a' }, (flow) => { stolen = flow.timer('t', { ms: 1 }); });\nexport const b = defineWorkflow({ name: 'b' }, (flow) => { flow.timer('t', { after: { stolen }, ms: 1 }); });\n`,
      'h-twice.ts': `${imports}export const a = defineFunction('same', () => 1);\n`,
      'j-later.ts': `${imports}export const a = defineWorkflow({ name: 'w' }, async () => {});\n`,
      'i-twice.ts': `${imports}export const a = defineFunction('same', () => 2);\nexport const b = defineFunction('no name', () => 2);\n`,
    });
    const { code, details } = await loadBuilt(['*.ts']);
    expect(code).toBe('DEFINITION_FILE_INVALID');
    const found = Object.fromEntries(details!.map((detail) => [detail.path, detail.message]));
    expect(found).toEqual({
      'a-enum.ts:3:1': expect.stringContaining('enum is not supported'),
      'b-syntax.ts:1:1': expect.any(String),
      'c-throws.ts:2:7': 'on purpose',
      'd-missing.ts': expect.stringContaining('nowhere.js'),
      'e-nothing.ts': expect.stringContaining('defineWorkflow'),
      'f-faulty.ts bad version': expect.any(String),
      'f-faulty.ts bad stages[0] (x).operation': expect.any(String),
      'g-foreign.ts:4:65': expect.stringContaining('after.stolen'),
      'i-twice.ts': expect.any(String),
      'j-later.ts:2:18': expect.stringMatching(/stages are said at once, what takes time belongs into their functions$/),
    });
    expect(details!.filter((detail) => detail.path === 'i-twice.ts').map((detail) => detail.message)).toEqual([
      'the function "same" is in h-twice.ts too',
      expect.stringContaining('"no name"'),
    ]);
  });

  it('that changed are loaded anew by the same process', async () => {
    await write({ 'flow.mjs': flowOf('before'), 'next.mjs': flowOf('after, which is longer') });
    const { pipelines } = await loadBuilt(['flow.mjs'], 20_000, { CHANGE_TO: 'next.mjs' });
    expect(pipelines).toMatchObject([{ outputs: ['before'] }, { outputs: ['after, which is longer'] }]);
  });

  it('whose import never ends are given up when there is no time left', async () => {
    await write({ 'never.mjs': 'await new Promise(() => setInterval(() => {}, 1000));\n' });
    const { details } = await loadBuilt(['never.mjs'], 1);
    expect(details).toEqual([{ path: 'never.mjs', message: expect.stringContaining('did not end') }]);
  });
});
