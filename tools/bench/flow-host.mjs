import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root, startHost } from '../with-host.mjs';

/**
 * `hold` keeps its slot until the file RELEASE is beside the definitions; whoever begins after that writes down when it began and ends
 * at once.
 */
const FUNCTIONS = `
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { defineFunction } from '@bellows/sdk/workflow';

const folder = path.dirname(import.meta.dirname);
let isFirst = true;

export const noop = defineFunction('noop', () => null);
export const hold = defineFunction('hold', async () => {
  if (!existsSync(path.join(folder, 'RELEASE'))) return new Promise((resolve) => setTimeout(resolve, 3_600_000));
  if (isFirst) writeFileSync(path.join(folder, 'FIRST'), String(Date.now()));
  isFirst = false;
  return null;
});
`;

const chain = (names, stage) =>
  names.map((name, index) => ({ name, ...stage(name), ...(index === 0 ? {} : { dependsOn: [names[index - 1]] }) }));

/** What is measured, as JSON definitions. */
const DEFINITIONS = [
  { name: 'three', version: 1, stages: chain(['a', 'b', 'c'], () => ({ run: 'noop' })) },
  { name: 'wait', version: 1, stages: chain(['go', 'after'], (name) => (name === 'go' ? { signal: 'go' } : { run: 'noop' })) },
  { name: 'held', version: 1, stages: chain(['a', 'b', 'c'], () => ({ run: 'hold' })) },
];

/** A host with the plugins workflow and bench and the definitions above. `use` may stop it and start it again in the same folder. */
export async function withFlowHost(use, config = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bellows-flow-'));
  mkdirSync(path.join(folder, 'flows'));
  writeFileSync(path.join(folder, 'flows/functions.ts'), FUNCTIONS);
  let host;
  const start = async () => {
    host = await startHost(folder, {
      plugins: {
        workflow: { from: path.join(root, 'plugins/workflow'), config: { definitions: ['flows/*.ts'], ...config } },
        bench: { from: path.join(root, 'tools/bench/plugin') },
      },
    });
    return host;
  };
  try {
    await start();
    for (const json of DEFINITIONS) await host.call('workflow.define', { json });
    return await use(host, { folder, start });
  } finally {
    await host?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
