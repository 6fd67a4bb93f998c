import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { seededRandom, silentLogger, systemClock, z } from '@bellows/sdk';
import { expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config-file.js';
import { OperationRegistry } from '../../src/operations/operation-registry.js';

const UNCONVERTIBLE = { length: { toString: 0 } };

it('blames the input for a length that cannot be compared, in the schema and within a handler', async () => {
  const registry = new OperationRegistry({ clock: systemClock, logger: silentLogger, random: seededRandom(1) });
  const operations = registry.forPlugin('demo', new AbortController().signal);
  const inner = z.strictObject({ name: z.string().min(1) });
  operations.provide({ name: 'demo.own', summary: 'checks', input: inner, output: z.unknown(), handler: async () => 1 });
  operations.provide({
    name: 'demo.later',
    summary: 'checks',
    input: z.unknown(),
    output: z.unknown(),
    handler: async (input) => inner.parse(input),
  });
  for (const name of ['demo.own', 'demo.later']) {
    await expect(registry.call(name, { name: UNCONVERTIBLE })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      kind: 'input',
      details: [{ path: 'name.length', message: 'must be a number, not an object' }],
    });
  }
});

it('reports it in a configuration', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-bad-input-'));
  try {
    await writeFile(path.join(folder, 'bellows.yaml'), `host: { address: ${JSON.stringify(UNCONVERTIBLE)} }`);
    const { problems } = await loadConfig({ cwd: folder, env: {} });
    expect(problems).toEqual([
      { path: path.join(folder, 'bellows.yaml'), message: 'host.address.length must be a number, not keys and values' },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
