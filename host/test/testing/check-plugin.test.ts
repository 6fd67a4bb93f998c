import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { definePlugin, messageOf, NotFoundError, z } from '@bellows/sdk';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkPlugin } from '../../src/testing/index.js';
import { type BrokenPlugin, ERROR_CODES, goodPlugin, sample, BROKEN as UNFIT } from './broken-plugins.js';
import { CARELESS } from './careless-plugins.js';
import { CHANGING, changingOptions, goodDrum, patientDrum } from './changing-plugins.js';

const BROKEN = { ...UNFIT, ...CARELESS, ...CHANGING };

let clean: (() => void) | undefined;
const folders: string[] = [];
afterEach(async () => {
  clean?.();
  clean = undefined;
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** A folder with the package.json and plugin.json of the sample. */
async function packageFolder(manifest: object): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-sample-'));
  folders.push(folder);
  const file = (name: string, content: object) => writeFile(path.join(folder, name), JSON.stringify(content));
  await file('package.json', { name: 'sample', version: '0.1.0', exports: './missing.js' });
  await file('plugin.json', { id: 'sample', version: '0.1.0', sdk: '^0.1.0', needs: [], stability: 'stable', ...manifest });
  return folder;
}

describe('checkPlugin', () => {
  it('accepts a plugin that keeps its promises, given as it is and as the module of its entry', async () => {
    await checkPlugin(goodPlugin);
    await checkPlugin({ default: goodPlugin, ERROR_CODES } as { readonly default: typeof goodPlugin });
  });

  it('refuses options it does not have', async () => {
    await expect(checkPlugin(goodPlugin, { round: 2 } as never)).rejects.toMatchObject({
      code: 'TEST_OPTIONS_INVALID',
      message: expect.stringContaining('options.round is unknown: did you mean rounds?'),
    });
  });

  it('accepts one that does nothing', async () => {
    await checkPlugin(definePlugin({ id: 'idle', config: z.strictObject({}), activate() {} }));
  });

  it('accepts one that takes changes over while it runs, at once or after a while', async () => {
    await checkPlugin(goodDrum, changingOptions);
    await checkPlugin(patientDrum, changingOptions);
  });

  it('calls with good input only what changes nothing', async () => {
    const called: string[] = [];
    const input = z.strictObject({ copies: z.int().min(1).max(9) });
    const operation = (name: string, more: object) => ({
      name: `press.${name}`,
      summary: 'Counts.',
      input,
      output: z.strictObject({}),
      handler: async () => {
        called.push(name);
        return {};
      },
      ...more,
    });
    const press = definePlugin({
      id: 'press',
      config: z.strictObject({}),
      activate(ctx) {
        ctx.operations.provide(operation('print', {}));
        ctx.operations.provide(operation('look', { role: 'reader' }));
        ctx.operations.provide(operation('run', { role: 'reader', runsCommands: true }));
      },
    });
    await checkPlugin(press, { rounds: 2 });
    expect([...new Set(called)]).toEqual(['look']);
  });

  it('starts what the plugin needs before it, and blames it for none of that', async () => {
    const needing = definePlugin({
      id: 'needing',
      config: z.strictObject({}),
      async activate(ctx) {
        await ctx.operations.call('sample.greet', { name: 'Ada' });
        ctx.operations.provide({
          name: 'needing.none',
          summary: 'Finds nothing.',
          input: z.strictObject({ name: z.string() }),
          output: z.strictObject({}),
          handler: async () => Promise.reject(new NotFoundError('OPERATION_UNKNOWN', 'not there')),
        });
      },
    });
    await expect(checkPlugin(needing)).rejects.toMatchObject({ message: expect.stringContaining('it is active') });
    await checkPlugin(needing, { alongside: [goodPlugin] });
  });

  it('accepts one that says that it works only in part, as long as what it talks to is not there', async () => {
    await checkPlugin(
      sample((ctx) => ctx.degrade('OTHER_SIDE_AWAY', 'the other side does not answer')),
      { rounds: 2 },
    );
  });

  it.each(Object.entries(BROKEN))('finds a plugin that %s', async (_name, broken) => {
    clean = broken.clean;
    // who leaves something is found after that time; who does not must have all the time that closing takes
    const settle = broken.promise.startsWith('a stop leaves nothing') ? { settleMs: 200 } : {};
    const fault: unknown = await checkPlugin(broken.plugin, { rounds: 2, ...settle, ...broken.options }).catch((error) => error);
    expect(fault).toMatchObject({ code: 'CHECK_FAILED', kind: 'plugin' });
    // what is left stands beside what else is just being closed
    const [promise, left = ''] = broken.promise.split('": there is still ');
    for (const part of [`breaks its promise "${promise}`, left]) expect(messageOf(fault)).toContain(part);
  });

  it('says what the log of the host would, which nobody reads in a test', async () => {
    const faultOf = (name: string) => checkPlugin((BROKEN[name] as BrokenPlugin).plugin).then(() => 'none', messageOf);
    expect(await faultOf('throws when it stops')).toContain('cannot stop');
    expect(await faultOf('reads a text as JSON')).toContain('is not valid JSON');
    expect(await faultOf('answers what it did not say')).toContain('greeting: expected a string');
    expect(await faultOf('fails when it is activated')).toContain('no luck');
    expect((await faultOf('repeats what it was given')).length).toBeLessThan(2_000);
  });

  it('reads what stands beside the code', async () => {
    await checkPlugin(goodPlugin, { folder: await packageFolder({}) });
  });

  it.each([
    ['another id', { id: 'other' }, 'calls itself sample and its plugin.json other'],
    ['another version than its package', { version: '0.2.0' }, 'its package.json says version 0.1.0 and its plugin.json 0.2.0'],
    ['an open range of SDKs', { sdk: '>=0.1.0' }, 'no upper bound'],
    ['an SDK that is not there', { sdk: '^7.0.0' }, 'works with SDK ^7.0.0'],
    ['a key it does not know', { need: [] }, 'is no key of plugin.json'],
  ])('finds a plugin whose manifest has %s', async (_what, manifest, fault) => {
    const checking = checkPlugin(goodPlugin, { folder: await packageFolder(manifest) });
    await expect(checking).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining(fault) });
  });

  it('says what a plugin needs that it was not given', async () => {
    const checking = checkPlugin(goodPlugin, { folder: await packageFolder({ needs: ['other'] }) });
    await expect(checking).rejects.toMatchObject({
      message: expect.stringMatching(/breaks its promise "it is active when.*plugins\.sample: .*other/),
    });
  });

  it('takes a module for what its default export is, whatever else it exports', async () => {
    await checkPlugin({ default: goodPlugin, plugin: goodPlugin, from: 'elsewhere' } as { readonly default: typeof goodPlugin });
  });

  it.each([null, undefined, 'sample', 42])('says that %s is no plugin', async (subject) => {
    await expect(checkPlugin(subject as never)).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringContaining('its default export is no plugin'),
    });
  });

  it('says what is missing of one that is to be loaded from a folder', async () => {
    const checking = checkPlugin({ from: await packageFolder({}) });
    await expect(checking).rejects.toMatchObject({ code: 'CHECK_FAILED', message: expect.stringContaining('build the plugin first') });
    await expect(checkPlugin({ from: './no/such/folder' })).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringContaining('does not exist'),
    });
  });

  it('has a broken plugin for each of its promises', () => {
    const checked = Object.values(BROKEN).map(({ promise }) => promise);
    const source = readFileSync(new URL('../../src/testing/check-plugin.ts', import.meta.url), 'utf8');
    const promises = [...source.matchAll(/^ {4}'([^']+)':/gm)].map(([, promise = '']) => promise);
    expect(promises.length).toBeGreaterThan(10);
    expect(promises.filter((promise) => !checked.some((start) => promise.startsWith(start)))).toEqual([]);
  });
});
