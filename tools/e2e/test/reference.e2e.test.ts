import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blocksOf, type Step, stepsOf } from '../../documents/blocks.mjs';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { installedFolder } from './followed-clone.js';
import { AS_REFERENCE, followInOrder, readerIn } from './followed-documents.js';
import { cleanEnv, HOST_MAIN, REPOSITORY } from './running-host.js';

const TSC = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');
/** The settings that the page about workflows recommends. */
const COMPILER = fileBlocksOf(documentText('docs/reference/workflows.md')).get('tsconfig.json')!;

const START: Step = {
  ...blocksOf('```bash run background until="is ready"\nnpx --no-install bellows start\n```')[0]!,
  shows: undefined,
};

describe.each(AS_REFERENCE)('%s', (page) => {
  const steps = stepsOf(documentText(page));
  const files = steps.filter(({ marks }) => marks.file !== undefined);
  const commands = steps.filter(({ marks }) => marks.run);
  const typescript = files.filter(({ language }) => language === 'ts');
  const folder = installedFolder();

  followInOrder([...files, START, ...commands], async () => {
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(path.join(folder, 'bellows.yaml'), configFor(files));
    return readerIn(folder, HOST_MAIN);
  });

  it('has commands that are tried here', () => {
    expect(commands.length).toBeGreaterThan(0);
  });

  if (typescript.length > 0)
    it(`has ${typescript.length} TypeScript files that the compiler accepts with the settings of the page about workflows`, () => {
      writeFileSync(path.join(folder, 'tsconfig.json'), COMPILER);
      const { stdout, stderr } = spawnSync(process.execPath, [TSC, '-p', '.'], { cwd: folder, encoding: 'utf8', env: cleanEnv() });
      expect(stdout + stderr).toBe('');
    });
});

/** What a page that brings no configuration takes for granted; one of its own replaces it. */
function configFor(files: readonly Step[]): string {
  const definitions = files.some(({ marks }) => String(marks.file).startsWith('flows/')) ? ['flows/*.{ts,yaml}'] : [];
  return JSON.stringify({
    plugins: {
      compute: { from: '@bellows/plugin-compute' },
      workflow: { from: '@bellows/plugin-workflow', config: { definitions } },
      harness: { from: '@bellows/plugin-harness' },
    },
  });
}
