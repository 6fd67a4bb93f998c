import { definePlugin, NotFoundError, z } from '@bellows/sdk';
import { afterEach, describe, expect, it } from '@jest/globals';
import { checkPlugin } from '../../src/testing/index.js';
import { BROKEN, ERROR_CODES, goodPlugin } from './broken-plugins.js';

let clean: (() => void) | undefined;
afterEach(() => {
  clean?.();
  clean = undefined;
});

describe('checkPlugin', () => {
  it('accepts a plugin that keeps its promises, given as it is and as the module of its entry', async () => {
    await checkPlugin(goodPlugin);
    await checkPlugin({ default: goodPlugin, ERROR_CODES } as { readonly default: typeof goodPlugin });
  });

  it('accepts one that does nothing', async () => {
    await checkPlugin(definePlugin({ id: 'idle', config: z.strictObject({}), activate() {} }));
  });

  it('accepts one that stays clean a hundred times', async () => {
    await checkPlugin(goodPlugin, { rounds: 100 });
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

  it.each(Object.entries(BROKEN))('finds a plugin that %s', async (_name, broken) => {
    clean = broken.clean;
    const checking = checkPlugin(broken.plugin, { rounds: 2, ...broken.options });
    await expect(checking).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      kind: 'plugin',
      message: expect.stringContaining(`breaks its promise "${broken.promise}`),
    });
  });

  it('has a broken plugin for each of its promises', async () => {
    const checked: string[] = [];
    for (const { promise } of Object.values(BROKEN)) checked.push(promise);
    const source = await import('node:fs').then(({ readFileSync }) =>
      readFileSync(new URL('../../src/testing/check-plugin.ts', import.meta.url), 'utf8'),
    );
    const promises = [...source.matchAll(/^ {4}'([^']+)':/gm)].map(([, promise = '']) => promise);
    expect(promises.length).toBeGreaterThan(10);
    expect(promises.filter((promise) => !checked.some((start) => promise.startsWith(start)))).toEqual([]);
  });
});
