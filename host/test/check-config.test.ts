import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkConfig } from '../src/check-config.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-check-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writePlugin(id: string, versions: { readonly package?: string; readonly manifest: string }): Promise<void> {
  await mkdir(path.join(folder, id));
  const files = {
    'package.json': JSON.stringify({ name: id, type: 'module', exports: './index.js', version: versions.package }),
    'plugin.json': JSON.stringify({ id, version: versions.manifest, sdk: '^0.1.0' }),
    'index.js': `import { definePlugin, z } from '@bellows/sdk';\nexport default definePlugin({ id: '${id}', config: z.strictObject({}), activate() {} });\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, id, name), text);
}

describe('checkConfig', () => {
  it('warns of what is no fault and probably not meant', async () => {
    await writePlugin('one', { package: '1.0.1', manifest: '1.0.0' });
    await writePlugin('two', { package: '2.0.0', manifest: '2.0.0' });
    await writePlugin('three', { manifest: '3.0.0' });
    const plugins = { one: { from: './one' }, two: { from: './two' }, three: { from: './three' } };
    const governor = { subsystems: { 'two.pool': { weight: 2 }, 'tow.pool': { weight: 2 } } };
    await writeFile(path.join(folder, 'bellows.yaml'), JSON.stringify({ governor, plugins }));
    const { problems, warnings } = await checkConfig({ cwd: folder, env: {} });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      'governor.subsystems."tow.pool" is for a subsystem of a plugin that is not configured: there are one, two, three',
      'plugins.one: its package.json says version 1.0.1 and its plugin.json 1.0.0: make them the same',
    ]);
  });
});
