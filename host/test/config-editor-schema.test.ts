import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { option, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { compareConfigs } from '../src/compare-configs.js';
import { configEditorSchema } from '../src/config-editor-schema.js';

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

  it('says in the words of each option its unit, when to change it and whether that needs a restart', () => {
    expect(at('plugins', 'demo', 'config', 'size')).toMatchObject({
      description: 'How many. Unit: pieces. Raise it when few. Lower it when many. A reload changes it live.',
      default: 4,
    });
    expect(at('plugins', 'demo', 'config', 'mode').description).toBe('How.');
  });
});

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
