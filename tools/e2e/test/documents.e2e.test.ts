import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  COMPUTE,
  cleanEnv,
  type Exit,
  follow,
  HARNESS,
  HOST_MAIN,
  REPOSITORY,
  type RunningHost,
  startHost,
  WORKFLOW,
} from './running-host.js';

/** `npx bellows` without npm, which would look for a package: the same file that it would start. */
const SHELL = `set -e
npx() { shift; "${process.execPath}" "${HOST_MAIN}" "$@"; }
`;

interface Block {
  readonly commands: string;
  /** The lines of the \`text\` block that follows, without those that only stand for more. */
  readonly shows: readonly string[];
}

let host: RunningHost;

beforeAll(async () => {
  const definitions = [path.join(REPOSITORY, 'docs/examples/three-jobs/flows/*.ts')];
  host = await startHost({
    config: {
      plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW, config: { definitions } }, harness: { from: HARNESS } },
    },
  });
});

// Every block marked `bash run`, in the order of the document: later ones stand on earlier ones.
describe.each(['README.md', 'docs/examples/wasi-wordcount/README.md', 'docs/examples/three-jobs/README.md'])('%s', (file) => {
  const blocks = blocksOf(readFileSync(path.join(REPOSITORY, file), 'utf8'));

  it('has commands that are run here', () => {
    expect(blocks.length).toBeGreaterThan(0);
  });

  it.each(blocks)('works as written: $commands', async ({ commands, shows }) => {
    const { code, stdout, stderr } = await runInShell(commands);
    // A load test says beforehand what it will do.
    expect([code, stderr.replace(/^Load test .* interrupting ends it\.\n/, '')]).toEqual([0, '']);
    const lines = stdout.split('\n').map((line) => line.trimEnd());
    for (const line of shows) expect(lines).toContain(line);
  });
});

function blocksOf(markdown: string): Block[] {
  const found = markdown.matchAll(/^```bash run\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm);
  return [...found].map(([, commands = '', shown = '']) => ({
    commands,
    shows: shown.split('\n').filter((line) => line !== '' && !line.includes('…')),
  }));
}

function runInShell(commands: string): Promise<Exit> {
  const env = cleanEnv({ BELLOWS_URL: host.url, BELLOWS_TOKEN: host.token });
  return follow(spawn('sh', ['-c', SHELL + commands], { cwd: REPOSITORY, env, stdio: ['ignore', 'pipe', 'pipe'] })).exit;
}
