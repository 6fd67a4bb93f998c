import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { definePlugin, isPlugin } from '../src/plugin.js';

const good = { id: 'shelf', config: z.strictObject({}), activate() {} };

describe('definePlugin', () => {
  it('gives a plugin, also of one with another activation', () => {
    const plugin = definePlugin(good);
    expect(isPlugin(plugin)).toBe(true);
    expect(isPlugin(definePlugin({ ...plugin, activate: async () => {} }))).toBe(true);
  });

  it.each([
    [{ ...good, config: undefined }, 'plugin.config must be a schema made with z of @bellows/sdk'],
    [{ ...good, config: { type: 'object' } }, 'plugin.config must be a schema'],
    [{ ...good, activate: undefined }, 'plugin.activate must be a function, activate(ctx) { … }, and is undefined'],
    [{ ...good, check: true }, 'plugin.check must be a function where there is one, and is a boolean'],
    [{ ...good, deactivate() {} }, 'plugin.deactivate is unknown: did you mean activate?'],
    [{ ...good, id: 5 }, 'plugin.id must be the id of its plugin.json, and is a number'],
    [undefined, 'plugin.id must be'],
  ])('refuses what cannot be one: %#', (plugin, text) => {
    expect(() => definePlugin(plugin as never)).toThrow(
      expect.objectContaining({ kind: 'plugin', code: 'PLUGIN_INVALID', message: expect.stringContaining(text) }),
    );
  });

  it('tells all faults at once, and whose they are', () => {
    expect(() => definePlugin({ id: 'shelf' } as never)).toThrow(
      expect.objectContaining({
        plugin: 'shelf',
        details: [expect.objectContaining({ path: 'plugin.config' }), expect.objectContaining({ path: 'plugin.activate' })],
      }),
    );
  });
});
