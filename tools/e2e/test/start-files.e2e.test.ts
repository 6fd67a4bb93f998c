import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE, HARNESS, REPOSITORY, startHost, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** Writes the address of every module that the process has loaded into the file, when it ends. */
const NOTES_MODULES = (file: string) => `
  import { writeFileSync } from 'node:fs';
  import { registerHooks } from 'node:module';
  const modules = [];
  registerHooks({ load: (url, context, next) => (modules.push(url), next(url, context)) });
  process.on('exit', () => writeFileSync(${JSON.stringify(file)}, JSON.stringify({ modules, builtIn: process.moduleLoadList })));
`;

interface Loaded {
  readonly modules: readonly string[];
  readonly builtIn: readonly string[];
}

/** What a host with all three plugins loads from start to stop, for these definitions of workflow. */
async function loadedBy(definitions: readonly string[]): Promise<Loaded> {
  const folder = tempFolder('bellows-start-files');
  const [notes, hook] = [path.join(folder, 'loaded.json'), path.join(folder, 'hook.mjs')];
  writeFileSync(hook, NOTES_MODULES(notes));
  mkdirSync(path.join(folder, 'flows'));
  writeFileSync(path.join(folder, 'flows/one.yaml'), 'name: one\nstages:\n  - name: rest\n    timer: 1\n');
  const host = await startHost({
    folder,
    config: { plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW, config: { definitions } }, harness: { from: HARNESS } } },
    env: { NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` },
  });
  const { json } = await host.request('/ready');
  expect(json.plugins.map(({ state }: { state: string }) => state)).toEqual(['active', 'active', 'active']);
  expect((await host.stop()).code).toBe(0);
  return JSON.parse(readFileSync(notes, 'utf8'));
}

describe('what a start with three plugins loads', () => {
  let plain: Loaded;
  let withYaml: Loaded;

  beforeAll(async () => {
    [plain, withYaml] = await Promise.all([loadedBy([]), loadedBy(['flows/*.yaml'])]);
  });

  it('is the bundle of each plugin, in a file or two', () => {
    const fromPlugins = plain.modules.filter((url) => url.includes('/plugins/'));
    expect(fromPlugins.filter((url) => !url.includes('/dist/bundle/'))).toEqual([]);
    expect(fromPlugins.length).toBeGreaterThanOrEqual(3);
    expect(fromPlugins.length).toBeLessThanOrEqual(6);
  });

  it('is no file of a package that was put in', () => {
    const packages = plain.modules.filter((url) => url.includes('/node_modules/'));
    // it changes what belongs to the whole process, so there must be one
    expect(packages).toEqual([pathToFileURL(path.join(REPOSITORY, 'node_modules/reflect-metadata/Reflect.js')).href]);
  });

  it('has neither HTTP/2 nor TLS, which the host does not offer', () => {
    expect(plain.builtIn.filter((name) => /^NativeModule (http2|tls|https)$/.test(name))).toEqual([]);
    expect(plain.builtIn).toContain('NativeModule http');
  });

  it('has the parser of YAML definitions only where there are some', () => {
    const parsers = ({ modules }: Loaded) => modules.filter((url) => url.endsWith('/workflow/dist/bundle/yaml.js')).length;
    expect([parsers(plain), parsers(withYaml)]).toEqual([0, 1]);
  });
});
