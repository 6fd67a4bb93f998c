import { readFileSync } from 'node:fs';
import { z } from '@bellows/sdk';
import { WASI } from '@bjorn3/browser_wasi_shim';
import { describe, expect, it } from '@jest/globals';
import { computeConfigSchema } from '../src/config.js';
import { COMPUTE_ERRORS } from '../src/errors.js';
import plugin from '../src/index.js';
import { WASI_FUNCTIONS } from '../src/modules/wasi-functions.js';

describe('the configuration of compute', () => {
  it('is complete without anything given', () => {
    expect(computeConfigSchema.parse({})).toEqual({
      isolation: 'process',
      executors: 2,
      maxConcurrentOperations: 64,
      maxQueueDepth: 1_000,
      maxCacheEntries: 10_000,
      maxMemoryBytes: null,
      defaultMaxPages: 256,
      maxPoolSize: 10,
      maxPooledModules: 64,
      deadlineMs: 30_000,
      maxTableElements: 100_000,
      maxFunctionBytes: 524_288,
      maxModuleBytes: 64 * 2 ** 20,
      maxOutputBytes: 16 * 2 ** 20,
    });
  });

  it('says of every option what it is, and of every number when to raise and when to lower it', () => {
    const { properties } = z.toJSONSchema(computeConfigSchema, { io: 'input' }) as { properties: Record<string, Record<string, unknown>> };
    for (const [name, option] of Object.entries(properties)) {
      expect({ name, described: typeof option.description }).toEqual({ name, described: 'string' });
      if (name !== 'isolation')
        expect({ name, raise: typeof option.raise, lower: typeof option.lower }).toEqual({ name, raise: 'string', lower: 'string' });
    }
  });

  it.each([{ defaultMaxPages: 0 }, { defaultMaxPages: 65_537 }, { isolation: 'thread' }, { executors: 0 }, { unknown: 1 }])(
    'refuses %j',
    (config) => {
      expect(computeConfigSchema.safeParse(config).success).toBe(false);
    },
  );
});

describe('the plugin', () => {
  it('has the id of its manifest', () => {
    expect(plugin.id).toBe(JSON.parse(readFileSync(new URL('../plugin.json', import.meta.url), 'utf8')).id);
  });

  it('knows exactly the WASI functions that executors provide', () => {
    expect([...WASI_FUNCTIONS].toSorted()).toEqual(Object.keys(new WASI([], [], [], { debug: false }).wasiImport).toSorted());
  });

  it('uses no error code that has no text', () => {
    for (const [code, { text }] of Object.entries(COMPUTE_ERRORS)) expect({ code, long: text.length > 20 }).toEqual({ code, long: true });
  });

  it('starts executors with nothing loaded that they do not need', () => {
    const heavy = /from '(?:zod|@bellows\/sdk|rxjs)/;
    for (const name of [
      'main',
      'executor',
      'executor-thread',
      'thread',
      'instance-pool',
      'guest-wasi',
      'guest-file-system',
      'module-cache',
    ]) {
      expect(readFileSync(new URL(`../src/executor/${name}.ts`, import.meta.url), 'utf8')).not.toMatch(heavy);
    }
  });
});
