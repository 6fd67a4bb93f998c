import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { silentLogger, systemClock } from '@bellows/sdk';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigSource } from '../../src/reload/config-source.js';

let root: string;
let staging: string;
let source: ConfigSource;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'bellows-source-test-')));
  staging = path.join(root, 'staging');
  await writeFile(path.join(root, 'bellows.yaml'), 'plugins: { odd: { from: ./odd } }');
  const file = path.join(root, 'bellows.yaml');
  source = new ConfigSource({ options: { env: {}, cwd: root }, file, stagingDir: staging, clock: systemClock, logger: silentLogger });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function writeOdd(top: string): Promise<void> {
  const folder = path.join(root, 'odd');
  await mkdir(folder, { recursive: true });
  const files = {
    'package.json': JSON.stringify({ name: 'odd', type: 'module', exports: './index.js' }),
    'plugin.json': JSON.stringify({ id: 'odd', version: '1.0.0', sdk: '^0.1.0' }),
    'index.js': `import { definePlugin, z } from '@bellows/sdk';\n${top}\nexport default definePlugin({ id: 'odd', config: z.strictObject({}), activate() {} });`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}

const copies = () => readdir(path.join(staging, 'odd')).catch(() => []);

describe('ConfigSource', () => {
  it('loads code again that did not load when something outside of it was missing', async () => {
    const needed = path.join(root, 'needed.txt');
    await writeOdd(`import { readFileSync } from 'node:fs';\nreadFileSync(${JSON.stringify(needed)});`);
    expect((await source.read()).problems).toMatchObject([{ message: expect.stringContaining('needed.txt') }]);
    await writeFile(needed, 'here');
    const mended = await source.read();
    expect(mended.problems).toEqual([]);
    const [plugin] = mended.waves.flat();
    // what is loaded now stays what is loaded
    expect((await source.read()).waves.flat()[0]?.plugin).toBe(plugin?.plugin);
    await source.settle(mended.waves.flat());
    expect(await copies()).toEqual([path.basename(plugin?.folder as string)]);
    await source.settle([]);
    expect(await readdir(staging)).toEqual([]);
  });

  it('does not take away what is being read while copies of before are removed', async () => {
    const before = ['a', 'b', 'c', 'odd'].map((group) => path.join(staging, group, 'copy'));
    for (const folder of before) {
      await mkdir(folder, { recursive: true });
      await Promise.all(Array.from({ length: 300 }, (_, at) => writeFile(path.join(folder, `file${at}`), 'x')));
    }
    await writeOdd('');
    const settled = source.settle([]);
    const { waves, problems } = await source.read();
    await settled;
    expect(problems).toEqual([]);
    expect(await copies()).toEqual(waves.flat().map(({ folder }) => path.basename(folder)));
    expect((await readdir(staging)).sort()).toEqual(['_links', 'odd']);
  });
});
