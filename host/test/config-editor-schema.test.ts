import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { option, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { compareConfigs } from '../src/compare-configs.js';
import { configEditorSchema } from '../src/config-editor-schema.js';
import { readConfigTree } from '../src/config-file.js';

const demo = z.strictObject({
  size: option(z.number().int().min(1).default(4), {
    what: 'How many.',
    unit: 'pieces',
    raise: 'when few',
    lower: 'when many',
    change: 'live',
  }),
  mode: option(z.enum(['a', 'b']).optional(), { what: 'How.' }),
});
const schema = configEditorSchema([{ id: 'demo', config: demo }]);
const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
const at = (...keys: readonly string[]) =>
  // biome-ignore lint/suspicious/noExplicitAny: the path through a schema is what the test is about
  keys.reduce((inner: any, key) => inner.properties[key], schema);

describe('the schema of bellows.yaml for editors', () => {
  it('takes what a host takes', () => {
    for (const config of [{}, { host: { port: 0 } }, { plugins: { demo: { from: './demo', config: { size: 3, mode: 'a' } } } }])
      expect([isValid(config), isValid.errors]).toEqual([true, null]);
  });

  it('refuses options that do not exist and values that do not fit, also those of plugins', () => {
    for (const config of [
      { hots: {} },
      { host: { prot: 1 } },
      { host: { port: '7070' } },
      { host: { logLevel: 'loud' } },
      { plugins: { demo: {} } },
      { plugins: { demo: { from: './demo', config: { sice: 3 } } } },
      { plugins: { demo: { from: './demo', config: { size: 0 } } } },
      { governor: { subsystems: { 'demo.pool': { weight: 'much' } } } },
    ])
      expect([config, isValid(config)]).toEqual([config, false]);
  });

  it('takes values that are put in from the environment or a file wherever one value is wanted', () => {
    for (const text of ['${env:SIZE}', '${file:/run/secrets/size}'])
      for (const config of [
        { host: { port: text, logLevel: text } },
        { plugins: { demo: { from: './demo', required: text, config: { size: text, mode: text } } } },
      ])
        expect([config, isValid(config), isValid.errors]).toEqual([config, true, null]);
  });

  it('takes and refuses the same as a start, whatever stands where', async () => {
    const options = [
      ...['port', 'dataDir', 'logLevel', 'watchConfig', 'stopTimeoutMs', 'maxConcurrentOperations', 'idempotency'].map((key) => `host.${key}`),
      ...['sampleMs', 'overcommit', 'subsystems', 'subsystems.a/b.weight', 'subsystems.a/b.floor', 'subsystems.a/b'].map((key) => `governor.${key}`),
      ...['t', 't.limits', 't.limits.maxQueueDepth', 't.users.u'].map((key) => `tenants.${key}`),
      ...['demo', 'demo.required', 'demo.onUncaughtError', 'other.config', 'Bad'].map((key) => `plugins.${key}`),
      ...['host', 'governor', 'tenants', 'plugins', 'host.unknown'],
    ]; // biome-ignore format: one list
    const putIn = fc.constantFrom('${env:N}', '${env:B}', '${env:W}');
    const plain = fc.constantFrom(null, true, false, 0, 1, 100, 70_000, 1.5, -1, 'info', 'restart', 'x', '', '1', [], {});
    const setting = fc.tuple(fc.constantFrom(...options), fc.oneof({ weight: 3, arbitrary: plain }, putIn));
    const outcomes = { taken: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(setting, { minLength: 1, maxLength: 2 }), async (settings) => {
        const tree = { plugins: { demo: { from: './demo' }, other: { from: './other' } } };
        for (const [option, value] of settings) set(tree, option, value);
        const place = { file: '/x/bellows.yaml', folder: '/x', options: { cwd: '/x', env: { N: '100', B: 'true', W: 'info' } } };
        const { problems } = await readConfigTree({ tree, lineOf: () => undefined }, { ...place, problems: [] });
        const isTaken = problems.length === 0;
        outcomes[isTaken ? 'taken' : 'refused'] += 1;
        const isPutIn = settings.some(([, value]) => typeof value === 'string' && value.startsWith('${'));
        if (isTaken || !isPutIn) expect([tree, problems, isValid(tree)]).toEqual([tree, problems, isTaken]);
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(30);
  });

  it('stays whole with options that hold themselves or have names, in forms, and with secrets that must be long', () => {
    const tree = z.strictObject({
      name: z.string(),
      get children() {
        return z.array(tree).default([]);
      },
    });
    const odd = z.strictObject({
      root: tree.optional(),
      named: z.int().meta({ id: 'Named' }).optional(),
      form: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('a') }), z.strictObject({ kind: z.literal('b') })]).optional(),
      key: z.string().min(32).optional(),
      url: z.url().max(10).optional(),
    });
    const check = new Ajv2020({ strict: false, validateFormats: false }).compile(configEditorSchema([{ id: 'odd', config: odd }]));
    const isTaken = (config: object) => check({ plugins: { odd: { from: './odd', config } } });
    const text = '${env:LONG_NAME}';
    const good = [
      { root: { name: 'a', children: [{ name: 'b' }] } },
      { named: 3 },
      { named: text },
      { form: { kind: text } },
      { key: text },
      { url: text },
    ];
    for (const config of good) expect([config, isTaken(config), check.errors]).toEqual([config, true, null]);
    for (const config of [{ root: { name: 'a', children: [{ nam: 'b' }] } }, { named: 'x' }, { form: { kind: 'c' } }, { key: 'short' }])
      expect([config, isTaken(config)]).toEqual([config, false]);
  });

  it('says in the words of each option its unit, when to change it and whether that needs a restart', () => {
    expect(at('plugins', 'demo', 'config', 'size')).toMatchObject({
      description: 'How many. Unit: pieces. Raise it when few. Lower it when many. A reload changes it live.',
      default: 4,
    });
    expect(at('plugins', 'demo', 'config', 'mode').description).toBe('How.');
  });
});

function set(tree: object, option: string, value: unknown): void {
  const keys = option.split('.').map((key) => key.replace('/', '.'));
  const last = keys.pop() as string;
  const parent = keys.reduce<Record<string, unknown>>(
    (around, key) => {
      const inner = around[key];
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) around[key] = {};
      return around[key] as Record<string, unknown>;
    },
    tree as Record<string, unknown>,
  );
  parent[last] = value;
}

describe('two configurations compared', () => {
  it('tell each option that differs and how it takes effect, and no secret', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-compare-'));
    try {
      const write = (name: string, text: string) => writeFile(path.join(folder, name), text);
      await write('a.yaml', 'host: { port: 1, logLevel: info, tokensFile: null }\n');
      await write('b.yaml', 'host:\n  port: 2\n  logLevel: ${env:LEVEL}\n');
      await write('c.yaml', 'host: { prot: 2 }\n');
      const options = (configFile: string) => ({ configFile, cwd: folder, env: { LEVEL: 'debug' } });
      expect(await compareConfigs(options('a.yaml'), options('b.yaml'))).toEqual({
        problems: [],
        changes: [
          { path: 'host.port', from: 1, to: 2, effect: 'host-restart' },
          { path: 'host.logLevel', from: 'info', to: '(hidden)', effect: 'live' },
        ],
      });
      expect(await compareConfigs(options('a.yaml'), options('a.yaml'))).toEqual({ problems: [], changes: [] });
      const { problems, changes } = await compareConfigs(options('a.yaml'), options('c.yaml'));
      expect([changes, problems]).toEqual([
        [],
        [expect.objectContaining({ path: expect.stringMatching(/c\.yaml: .*prot/), suggestion: 'port' })],
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
