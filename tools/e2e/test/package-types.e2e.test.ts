import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runNode } from './repository-copy.js';
import { COMPUTE, HARNESS, REPOSITORY, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const PACKAGES = {
  sdk: path.join(REPOSITORY, 'sdk'),
  host: path.join(REPOSITORY, 'host'),
  'plugin-compute': COMPUTE,
  'plugin-workflow': WORKFLOW,
  'plugin-harness': HARNESS,
} as const;

/** Each entry of each package, as its user writes it; the last line holds only when types really came. */
const CONSUMER = `import { definePlugin, option, type PluginContext, z } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { defineWorkflow } from '@bellows/sdk/workflow';
import { startHost } from '@bellows/host';
import { checkPlugin, startTestHost } from '@bellows/host/testing';
import compute from '@bellows/plugin-compute';
import workflow from '@bellows/plugin-workflow';
import harness from '@bellows/plugin-harness';

export const all = [FakeClock, defineWorkflow, startHost, checkPlugin, startTestHost, compute.id, workflow.id, harness.id];
export default definePlugin({
  id: 'consumer',
  config: z.strictObject({ size: option(z.int().default(1), { what: 'A size.' }) }),
  activate: (ctx: PluginContext<{ size: number }>) => void ctx.config.size.toFixed(),
});
// @ts-expect-error an id is a text
definePlugin({ id: 42, config: z.strictObject({}), activate() {} });
`;

describe('the types of the packages', () => {
  it.each([
    ['nodenext', 'nodenext'],
    ['node20', 'node16'],
    ['preserve', 'bundler'],
  ])('are found with module %s and moduleResolution %s, from what is published', (module, moduleResolution) => {
    const folder = tempFolder('bellows-consumer');
    const modules = path.join(folder, 'node_modules');
    mkdirSync(path.join(modules, '@bellows'), { recursive: true });
    for (const [name, target] of Object.entries(PACKAGES)) symlinkSync(target, path.join(modules, '@bellows', name));
    for (const name of ['@types', 'undici-types']) symlinkSync(path.join(REPOSITORY, 'node_modules', name), path.join(modules, name));
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(path.join(folder, 'consumer.ts'), CONSUMER);
    const compilerOptions = {
      target: 'es2023',
      lib: ['es2024', 'esnext.disposable'],
      module,
      moduleResolution,
      types: ['node'],
      strict: true,
      noEmit: true,
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['consumer.ts'] }));
    const tsc = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    expect(runNode([tsc, '-p', folder], folder)).toEqual({ status: 0, output: '' });
  });
});
