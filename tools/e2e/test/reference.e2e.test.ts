import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { documentText, fileBlocksOf, runInShell, shellBlocksOf } from './document-blocks.js';
import { COMPUTE, cleanEnv, HARNESS, REPOSITORY, type RunningHost, startHost, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';

const WORKFLOWS = 'docs/reference/workflows.md';
const AGENTS = 'docs/reference/agents.md';
const TSC = path.join(REPOSITORY, 'node_modules/typescript/bin/tsc');

// Each page in a folder of its own, which holds the files that the page says to write.
describe.each([WORKFLOWS, AGENTS])('%s', (page) => {
  const text = documentText(page);
  const files = fileBlocksOf(text);
  const blocks = shellBlocksOf(text);
  let host: RunningHost;

  beforeAll(async () => {
    const folder = tempFolder('bellows-reference');
    for (const [name, content] of files) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), content);
    }
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    host = await startHost({
      folder,
      config: {
        plugins: {
          compute: { from: COMPUTE },
          workflow: { from: WORKFLOW, config: { definitions: ['flows/*.{ts,yaml}'] } },
          harness: { from: HARNESS },
        },
      },
    });
  });

  it('has files and commands that are tried here', () => {
    expect([files.size, blocks.length]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(Math.min(files.size, blocks.length)).toBeGreaterThan(1);
  });

  it.each(blocks)('works as written: $commands', async ({ commands, shows }) => {
    const { code, stdout, stderr } = await runInShell(commands, { host, cwd: host.folder });
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n').map((line) => line.trimEnd());
    expect(lines.filter((line) => shows.includes(line))).toEqual(shows);
  });

  it('has TypeScript that the compiler accepts with the settings of the page about workflows', () => {
    const settings = fileBlocksOf(documentText(WORKFLOWS)).get('tsconfig.json');
    writeFileSync(path.join(host.folder, 'tsconfig.json'), settings!);
    symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(host.folder, 'node_modules'));
    const { stdout, stderr } = spawnSync(process.execPath, [TSC, '-p', '.'], { cwd: host.folder, encoding: 'utf8', env: cleanEnv() });
    expect(stdout + stderr).toBe('');
  });
});
