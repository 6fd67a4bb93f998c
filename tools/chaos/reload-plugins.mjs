import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What code of the plugin that changes can do, and how a reload that meets it must end. */
export const CODE = Object.freeze({
  good: { expected: 'taken' },
  stopBreaks: { expected: 'taken', body: `ctx.own(() => { Promise.reject(new Error('after the stop')); });` },
  stopThrows: { expected: 'taken', body: `ctx.own(() => { throw new Error('in the stop'); });` },
  stopHangs: { expected: 'taken', body: 'ctx.own(() => new Promise(() => {}));' },
  throws: { expected: 'refused', body: `ctx.own(() => {}); throw new Error('half started');` },
  hangs: { expected: 'refused', body: 'await new Promise(() => {});' },
  breaks: { expected: 'refused', body: `setImmediate(() => { throw new Error('loose'); });` },
  exits: { expected: 'refused', body: 'process.exit(3);' },
  waits: { expected: 'refused', body: `throw new sdk.NotReadyError('LATER', 'not now');` },
  badSyntax: { expected: 'invalid', top: 'this is no JavaScript' },
  topThrows: { expected: 'invalid', top: `throw new Error('at the top');` },
  topHangs: { expected: 'invalid', top: 'await new Promise(() => {});' },
  badSchema: { expected: 'invalid', schema: `sdk.z.strictObject({}).transform(() => { throw new Error('no schema'); })` },
});

/** What bellows.yaml can be. */
export const FILES = Object.freeze({
  whole: { expected: 'taken' },
  half: { expected: 'invalid', spoil: (text) => text.slice(0, text.length / 2) },
  unknownKey: { expected: 'invalid', spoil: (text) => text.replace('"plugins"', '"pluggins":{},"plugins"') },
  noFolder: { expected: 'invalid', spoil: (text) => text.replace('./shaky', './nowhere') },
  noNeed: { expected: 'invalid', spoil: (text) => text.replace('"shaky"', '"shakier"') },
});

/** Keeps what it is given, and takes a word over while it runs; one word it refuses, at another it breaks in the middle. */
const KEEPER = `
    let { word } = ctx.config;
    ctx.onReconfigure(({ config }) => {
      if (config.word === 'refuse') throw new sdk.RefusedError('NO_WORD', 'not this one');
      word = config.word;
      if (word === 'break') throw new Error('in the middle');
    });
    const provide = (name, handler) => ctx.operations.provide({ name, summary: name, input: sdk.z.any(), output: sdk.z.any(), handler });
    provide('keeper.put', async ({ key }) => { await ctx.store.write('dw://internal/kept/' + key, new TextEncoder().encode(key)); return key; });
    provide('keeper.keys', async () => (await ctx.store.list('dw://internal/kept/')).map((name) => name.split('/').at(-1)));
    provide('keeper.read', async () => ({ word, cold: ctx.config.cold }));`;

const KEEPER_SCHEMA = `sdk.z.strictObject({
    word: sdk.option(sdk.z.string().default('w0'), { what: 'A word.', change: 'live' }),
    cold: sdk.option(sdk.z.number().default(0), { what: 'A number.' }),
  })`;

export async function writeFixedPlugins(folder) {
  await writePlugin(folder, { id: 'keeper', body: KEEPER, schema: KEEPER_SCHEMA });
  await writePlugin(folder, { id: 'leaf', needs: ['shaky'] });
}

/** Another version of the plugin that changes; its operation answers `version`, by another schema each time. */
export function writeShaky(folder, { code, version }) {
  const { top = '', body = '', schema } = CODE[code];
  const operation = `ctx.operations.provide({ name: 'shaky.version', summary: 'Its version.', input: sdk.z.strictObject({ v${version}: sdk.z.boolean().optional() }),
      output: sdk.z.literal(${version}), handler: async () => ${version} });`;
  return writePlugin(folder, { id: 'shaky', version: `1.0.${version}`, top, schema, body: `${operation}\n    ${body}` });
}

/** In one step, as whoever replaces a file under a host should. */
export async function writeConfig(folder, { word, cold, file }) {
  const quick = { activateTimeoutMs: 400, stopTimeoutMs: 400 };
  const plugins = {
    keeper: { from: './keeper', config: { word, cold }, stopTimeoutMs: 2_000 },
    shaky: { from: './shaky', ...quick },
    leaf: { from: './leaf', ...quick },
  };
  const text = JSON.stringify({ host: { port: 0, dataDir: path.join(folder, '.bellows') }, plugins });
  const { spoil = (whole) => whole } = FILES[file];
  await writeFile(path.join(folder, 'next.yaml'), spoil(text));
  await rename(path.join(folder, 'next.yaml'), path.join(folder, 'bellows.yaml'));
}

async function writePlugin(parent, { id, version = '1.0.0', needs = [], top = '', body = '', schema = 'sdk.z.strictObject({})' }) {
  const folder = path.join(parent, id);
  await mkdir(folder, { recursive: true });
  const files = {
    'plugin.json': JSON.stringify({ id, version, sdk: '^0.1.0', needs, stability: 'stable' }),
    'package.json': JSON.stringify({ name: `chaos-${id}`, version, type: 'module', exports: './index.mjs' }),
    'index.mjs': `import * as sdk from '@bellows/sdk';
${top}
export default sdk.definePlugin({
  id: '${id}',
  config: ${schema},
  async activate(ctx) {
    ${body}
  },
});
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
}
