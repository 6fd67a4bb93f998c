import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { checkConfig, hostConfigSchema } from '@bellows/host';
import { findUnconvertible } from '@bellows/sdk';
import fc from 'fast-check';
import { hostileJson, mutated, mutatedText } from '../hostile-values.mjs';

const LIMITS = { maxCacheEntries: 10, maxMemoryBytes: 1_000, maxConcurrentOperations: 4, maxQueueDepth: 10 };
const GOOD = {
  host: { address: '127.0.0.1', port: 7070, dataDir: '.bellows', logLevel: 'info' },
  governor: {
    sampleMs: 250,
    periodMs: 1000,
    subsystems: { 'compute.wasm': { weight: 1, floor: 1, ceiling: null, criticality: 'critical' } },
  },
  tenants: { acme: { limits: LIMITS, users: { default: LIMITS } } },
  plugins: { greeter: { from: './greeter', required: false, config: { greeting: 'Hi' } } },
};
const TEXT = `host: { port: 7070, dataDir: .bellows }
governor:
  sampleMs: 250
  subsystems: { compute.wasm: { weight: 1, floor: 1 } }
tenants:
  acme: &limits { limits: { maxQueueDepth: 5 } }
  other: *limits
plugins:
  greeter: { from: ./greeter, config: { greeting: "\${env:NAME}" } }
`;

export const configObjects = {
  async open() {
    const check = async (value) => {
      // as reading the file does before
      if (findUnconvertible(value) !== undefined) return 'refused as a file';
      const result = hostConfigSchema.safeParse(value);
      if (result.success) return 'valid';
      for (const { message } of result.error.issues) if (message.trim() === '') throw new Error('a fault without a message');
      return 'refused';
    };
    return { arbitrary: fc.oneof({ weight: 4, arbitrary: mutated(fc.constant(GOOD)) }, hostileJson), check };
  },
};

/** With everything a start reads: YAML, substitution, plugins that are named. */
export const configFiles = {
  async open() {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-fuzz-'));
    const configFile = path.join(folder, 'bellows.yaml');
    const check = async (text) => {
      await writeFile(configFile, text);
      const { problems } = await checkConfig({ configFile, env: { NAME: 'x' }, cwd: folder });
      for (const { path: at, message } of problems) {
        if (typeof at !== 'string' || typeof message !== 'string' || message.trim() === '') throw new Error('a problem that says nothing');
      }
      return problems.length === 0 ? 'valid' : 'refused';
    };
    const objects = fc.oneof(mutated(fc.constant(GOOD)), hostileJson).map((value) => JSON.stringify(value));
    return {
      arbitrary: fc.oneof(mutatedText(fc.constant(TEXT)), objects),
      check,
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};
