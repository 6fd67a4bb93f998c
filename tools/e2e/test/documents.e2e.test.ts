import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { documentText, runInShell, shellBlocksOf } from './document-blocks.js';
import { COMPUTE, HARNESS, REPOSITORY, type RunningHost, startHost, WORKFLOW } from './running-host.js';

let host: RunningHost;

beforeAll(async () => {
  const definitions = [path.join(REPOSITORY, 'docs/examples/three-jobs/flows/*.ts')];
  host = await startHost({
    config: {
      plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW, config: { definitions } }, harness: { from: HARNESS } },
    },
  });
});

const DOCUMENTS = [
  'README.md',
  'docs/examples/wasi-wordcount/README.md',
  'docs/examples/three-jobs/README.md',
  'docs/how-to/find-out-why.md',
] as const;

describe.each(DOCUMENTS)('%s', (file) => {
  const blocks = shellBlocksOf(documentText(file));

  it('has commands that are run here', () => {
    expect(blocks.length).toBeGreaterThan(0);
  });

  it.each(blocks)('works as written: $commands', async ({ commands, shows }) => {
    const { code, stdout, stderr } = await runInShell(commands, { host, cwd: REPOSITORY });
    // A load test says beforehand what it will do.
    expect([code, stderr.replace(/^Load test .* interrupting ends it\.\n/, '')]).toEqual([0, '']);
    const lines = stdout.split('\n').map((line) => line.trimEnd());
    for (const line of shows) expect(lines).toContain(line);
  });
});
