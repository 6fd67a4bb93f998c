import { option, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Origin } from '../../src/config-file.js';
import { hostConfigSchema } from '../../src/config-schema.js';
import { HIDDEN_VALUE } from '../../src/hidden-values.js';
import { type ComparedConfig, configChanges } from '../../src/reload/config-changes.js';

const schema = z.strictObject({
  workers: option(z.int().default(2), { what: 'How many.', change: 'live' }),
  folder: option(z.string().default('here'), { what: 'Where.' }),
  retry: z
    .strictObject({ max: z.int().default(1), key: option(z.string().default(''), { what: 'A secret.' }) })
    .prefault({})
    .meta({ change: 'live' }),
  files: option(z.array(z.strictObject({ name: z.string() })).default([]), { what: 'Some.', change: 'live' }),
  source: z
    .union([
      z.strictObject({ url: option(z.string(), { what: 'A.', change: 'live' }), same: option(z.int(), { what: 'S.', change: 'live' }) }),
      z.strictObject({ path: option(z.string(), { what: 'B.' }), same: option(z.int(), { what: 'S.' }) }),
    ])
    .optional(),
});

interface Given {
  readonly host?: unknown;
  /** Paths that somebody wrote into the file. */
  readonly written?: readonly string[];
  readonly plugins?: Readonly<Record<string, unknown>>;
  readonly secrets?: readonly string[];
}

function compared({ host = {}, plugins = {}, secrets = [], written = [] }: Given): ComparedConfig {
  const entries = Object.fromEntries(Object.keys(plugins).map((id) => [id, { from: `./${id}` }]));
  return {
    config: hostConfigSchema.parse({ ...(host as object), plugins: entries }),
    origins: new Map<string, Origin>([
      ...written.map((path) => [path, 'file'] as const),
      ...secrets.map((path) => [path, 'secret'] as const),
    ]),
    secrets: [SECRET],
    plugins: new Map(Object.entries(plugins).map(([id, config]) => [id, { config: schema.parse(config), schema }])),
  };
}

const SECRET = 'hunter2-and-more';

const changesOf = (from: Given, to: Given) => configChanges(compared(from), compared(to));

describe('configChanges', () => {
  it('never shows what was put in, be it the place of a plugin or what its schema put into another option', () => {
    const secrets = ['plugins.a.from', 'plugins.a.config.key'];
    expect(changesOf({}, { plugins: { a: {} }, secrets })).toEqual([{ path: 'plugins.a', from: undefined, to: '(hidden)', effect: 'add' }]);
    expect(changesOf({ plugins: { a: {} }, secrets }, {})).toEqual([
      { path: 'plugins.a', from: '(hidden)', to: undefined, effect: 'remove' },
    ]);
    const joined = z
      .strictObject({ key: z.string() })
      .transform(({ key }) => ({ key, url: `https://x:${key}@y`, size: BigInt(key.length) }));
    const given = (key: string): ComparedConfig => ({
      ...compared({ plugins: { a: {} }, secrets }),
      plugins: new Map([['a', { config: joined.parse({ key }), schema: joined }]]),
    });
    expect(configChanges(given('short'), given(SECRET)).map(({ path, from, to }) => [path, from, to])).toEqual([
      ['plugins.a.config.key', '(hidden)', '(hidden)'],
      ['plugins.a.config.url', 'https://x:short@y', '(hidden)'],
      ['plugins.a.config.size', '5', '16'],
    ]);
  });

  it('never shows an option that is marked secret, nor a list or a mapping with one in it', () => {
    const marked = z.strictObject({
      password: option(z.string().nullable().default(null), { what: 'P.', change: 'live', secret: true }),
      users: option(z.array(z.strictObject({ name: z.string(), key: option(z.string(), { what: 'K.', secret: true }) })).default([]), {
        what: 'U.',
      }),
    });
    const holding = (config: object): ComparedConfig => ({
      ...compared({ plugins: { p: {} } }),
      plugins: new Map([['p', { config: marked.parse(config), schema: marked }]]),
    });
    const changes = configChanges(holding({}), holding({ password: 'hunter2', users: [{ name: 'a', key: 'hunter3' }] }));
    expect(changes).toEqual([
      { path: 'plugins.p.config.password', from: HIDDEN_VALUE, to: HIDDEN_VALUE, effect: 'live' },
      { path: 'plugins.p.config.users', from: [], to: HIDDEN_VALUE, effect: 'plugin-restart' },
    ]);
  });

  it('finds nothing between two readings of one configuration', () => {
    const same = { host: { tenants: { acme: { limits: { maxQueueDepth: 3 } } } }, plugins: { a: { files: [{ name: 'x' }] } } };
    expect(changesOf(same, structuredClone(same))).toEqual([]);
  });

  it('tells what of the host is live and what needs the host to be started again', () => {
    const changes = changesOf(
      { host: { host: { port: 1 } } },
      {
        host: {
          host: { port: 2, logLevel: 'debug' },
          governor: { overcommit: 3, subsystems: { 'a.b': { weight: 2 } } },
          tenants: { acme: { limits: { maxQueueDepth: 4 } } },
        },
      },
    );
    expect(changes).toContainEqual({ path: 'host.port', from: 1, to: 2, effect: 'host-restart' });
    expect(changes).toContainEqual({ path: 'host.logLevel', from: 'info', to: 'debug', effect: 'live' });
    expect(changes).toContainEqual({ path: 'governor.overcommit', from: 2, to: 3, effect: 'live' });
    expect(changes).toContainEqual({ path: 'governor.subsystems."a.b".weight', from: undefined, to: 2, effect: 'live' });
    expect(changes).toContainEqual({ path: 'tenants.acme.limits.maxQueueDepth', from: undefined, to: 4, effect: 'live' });
    expect(changes.filter(({ effect }) => effect !== 'live').map(({ path }) => path)).toEqual(['host.port']);
  });

  it('tells of a policy and of a tenant that come or go what somebody wrote, and one that has only defaults all the same', () => {
    const host = {
      governor: { subsystems: { 'a.b': { weight: 2 }, 'a.c': {} } },
      tenants: { acme: { limits: { maxQueueDepth: 3 } } },
    };
    const written = ['governor.subsystems."a.b".weight', 'tenants.acme.limits.maxQueueDepth'];
    const gone = changesOf({ host, written }, {});
    const told = gone.map(({ path }) => path).filter((path) => !path.includes('a.c'));
    expect(told.sort()).toEqual(written);
    expect(gone.some(({ path }) => path.startsWith('governor.subsystems."a.c".'))).toBe(true);
    const come = changesOf({}, { host, written });
    expect(new Set(come.map(({ path }) => path))).toEqual(new Set(gone.map(({ path }) => path)));
  });

  it('goes by the innermost mark of a plugin’s schema, and by every form a value may have', () => {
    const effects = changesOf(
      { plugins: { a: { source: { url: 'x', same: 1 } } } },
      {
        plugins: { a: { workers: 3, folder: 'there', retry: { max: 2, key: 'k' }, files: [{ name: 'f' }], source: { url: 'y', same: 2 } } },
      },
    ).map(({ path, effect }) => [path.replace('plugins.a.config.', ''), effect]);
    expect(Object.fromEntries(effects)).toEqual({
      workers: 'live',
      folder: 'plugin-restart',
      'retry.max': 'live',
      'retry.key': 'plugin-restart',
      files: 'live',
      'source.url': 'live',
      'source.same': 'plugin-restart',
    });
  });

  it('tells a plugin that comes or goes once, also one that is called what every object has', () => {
    expect(changesOf({ plugins: { a: {} } }, { plugins: { constructor: {} } })).toEqual([
      { path: 'plugins.a', from: './a', to: undefined, effect: 'remove' },
      { path: 'plugins.constructor', from: undefined, to: './constructor', effect: 'add' },
    ]);
  });

  it('says that a secret differs and never what it was or is', () => {
    const path = 'plugins.a.config.retry.key';
    const changes = changesOf(
      { plugins: { a: { retry: { key: 'old-secret' } } }, secrets: [path] },
      {
        plugins: { a: { retry: { key: 'new-secret' }, files: [{ name: 'listed-secret' }] } },
        secrets: [path, 'plugins.a.config.files[0].name'],
      },
    );
    expect(changes.map(({ from, to }) => [from, to])).toEqual([
      [HIDDEN_VALUE, HIDDEN_VALUE],
      [[], HIDDEN_VALUE],
    ]);
    expect(JSON.stringify(changes)).not.toContain('secret"');
  });

  it('names exactly the places that differ, for any two configurations', () => {
    const config = fc.record(
      {
        workers: fc.integer({ min: 0, max: 3 }),
        folder: fc.constantFrom('here', 'there'),
        retry: fc.record({ max: fc.integer({ min: 0, max: 2 }) }, { requiredKeys: [] }),
        files: fc.array(fc.record({ name: fc.constantFrom('x', 'y') }), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    );
    const plugins = fc.dictionary(fc.constantFrom('a', 'b', 'c'), config, { noNullPrototype: true });
    fc.assert(
      fc.property(plugins, plugins, (from, to) => {
        const changes = changesOf({ plugins: from }, { plugins: to });
        const back = changesOf({ plugins: to }, { plugins: from });
        expect(new Set(back.map(({ path }) => path))).toEqual(new Set(changes.map(({ path }) => path)));
        expect(new Set(changes.map(({ path }) => path)).size).toBe(changes.length);
        // put in one by one, the changes make of the old configuration the new one
        const made = new Map(Object.entries(from).map(([id, given]) => [id, schema.parse(given) as Record<string, unknown>]));
        for (const { path, to: value, effect } of changes) {
          const [, id = '', , key = '', inner] = path.split('.');
          if (effect === 'remove') made.delete(id);
          else if (effect === 'add') made.set(id, schema.parse(to[id]));
          else if (inner === undefined) (made.get(id) as Record<string, unknown>)[key] = value;
          else ((made.get(id) as Record<string, unknown>)[key] as Record<string, unknown>)[inner] = value;
        }
        const wanted = new Map(Object.entries(to).map(([id, given]) => [id, schema.parse(given)]));
        expect(made).toEqual(wanted);
      }),
    );
  });
});
