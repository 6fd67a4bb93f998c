import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Step, stepsOf } from '../../documents/blocks.mjs';
import { documentText, fileBlocksOf } from './document-blocks.js';
import { installedFolder } from './followed-clone.js';
import { AS_REFERENCE, followInOrder, readerIn } from './followed-documents.js';
import { cleanEnv, HOST_MAIN, REPOSITORY } from './running-host.js';

const TSC = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');
const CONFIG = `plugins:
  compute: { from: "@bellows/plugin-compute" }
  workflow: { from: "@bellows/plugin-workflow", config: { definitions: ["flows/*.{ts,yaml}"] } }
  harness: { from: "@bellows/plugin-harness" }
`;
/** The settings that the page about workflows recommends. */
const COMPILER = fileBlocksOf(documentText('docs/reference/workflows.md')).get('tsconfig.json')!;

describe.each(AS_REFERENCE)('%s', (page) => {
  const steps = stepsOf(documentText(page));
  const files = steps.filter(({ marks }) => marks.file !== undefined);
  const commands = steps.filter(({ marks }) => marks.run);
  const folder = installedFolder();

  followInOrder([...files, typed('npx bellows start', { background: true, until: 'is ready' }), ...commands], async () => {
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(path.join(folder, 'bellows.yaml'), CONFIG);
    return readerIn(folder, HOST_MAIN);
  });

  it('has commands that are tried here', () => {
    expect(commands.length).toBeGreaterThan(0);
  });

  it('has TypeScript that the compiler accepts with the settings of the page about workflows', () => {
    if (!existsSync(path.join(folder, 'flows'))) return;
    writeFileSync(path.join(folder, 'tsconfig.json'), COMPILER);
    const { stdout, stderr } = spawnSync(process.execPath, [TSC, '-p', '.'], { cwd: folder, encoding: 'utf8', env: cleanEnv() });
    expect(stdout + stderr).toBe('');
  });
});

function typed(text: string, marks: Readonly<Record<string, string | true>>): Step {
  return {
    language: 'bash',
    text,
    marks: { run: true, ...marks },
    line: 0,
    section: 0,
    reason: undefined,
    isGenerated: false,
    shows: undefined,
  };
}
