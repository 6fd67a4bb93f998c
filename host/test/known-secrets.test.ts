import { definePlugin, option, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { KnownSecrets, secretsOf } from '../src/known-secrets.js';
import type { LoadedPlugin } from '../src/plugin-loader.js';

const plugin = definePlugin({
  id: 'quoting',
  config: z.strictObject({
    keys: option(z.array(z.strictObject({ key: z.string(), id: z.number() })), { what: 'K.', secret: true }),
    url: z.string(),
  }),
  activate() {},
});

describe('what is known to be secret', () => {
  it('is what came from files, and every text of an option that is marked', () => {
    const config = {
      keys: [
        { key: 'key-one', id: 1 },
        { key: 'key-two', id: 2 },
      ],
      url: 'https://plain',
    };
    const loaded = { id: 'quoting', plugin, config } as unknown as LoadedPlugin;
    expect(secretsOf({ sureSecrets: ['from-a-file'] }, [loaded])).toEqual(['from-a-file', 'key-one', 'key-two']);
  });

  it('is taken out of lines, also where it stands inside of another one or is written as JSON', () => {
    const secrets = new KnownSecrets();
    secrets.learn(['hunter2', 'hunter2-long', 'with "quotes"\n and lines', 'short']);
    const line = JSON.stringify({ msg: 'hunter2-long and hunter2, not short', error: { message: 'with "quotes"\n and lines' } });
    expect(secrets.hide(line)).toBe('{"msg":"(hidden) and (hidden), not short","error":{"message":"(hidden)"}}');
  });

  it('stays so for code that still runs with it, and does not grow without end', () => {
    const secrets = new KnownSecrets();
    secrets.learn(['earlier-secret']);
    for (let n = 0; n < 5_000; n += 1) {
      secrets.learn([`secret-${n}`, 'earlier-secret']);
      if (n === 0) expect(secrets.hide('earlier-secret secret-0')).toBe('(hidden) (hidden)');
    }
    expect(secrets.hide('earlier-secret')).toBe('(hidden)');
    expect(secrets.hide('secret-4500|')).toBe('(hidden)|');
    expect(secrets.hide('secret-3000|')).toBe('secret-3000|');
  });
});
