import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BEHAVIOURS, type ScriptedHost, type ScriptedPlugin, scriptedHost } from './scripted-host.js';

const IDS = ['a', 'b', 'c', 'd'] as const;

/** A plugin may need those before it, whether or not they are configured. */
const plugin = (index: number, behaviours: readonly (typeof BEHAVIOURS)[number][]): fc.Arbitrary<ScriptedPlugin> =>
  fc.record({
    id: fc.constant(IDS[index] as string),
    version: fc.integer({ min: 1, max: 2 }),
    needs: fc.subarray(IDS.slice(0, index)),
    required: fc.boolean(),
    live: fc.integer({ min: 0, max: 3 }),
    hard: fc.integer({ min: 0, max: 1 }),
    takesLive: fc.boolean(),
    onActivate: fc.constantFrom(...behaviours),
    onReconfigure: fc.constantFrom(...behaviours),
  });

const script = (behaviours: readonly (typeof BEHAVIOURS)[number][]) =>
  fc.tuple(...IDS.map((_id, index) => fc.option(plugin(index, behaviours), { nil: undefined }))).map((all) => {
    const there = all.filter((one) => one !== undefined);
    const ids = new Set(there.map(({ id }) => id));
    return there.map((one) => ({ ...one, needs: one.needs.filter((need) => ids.has(need)) }));
  });

const good = script(['accept']);
const wild = script([...BEHAVIOURS, 'accept', 'accept', 'accept', 'accept', 'accept']);

describe('a reload', () => {
  it('takes a configuration over whole or not at all, whatever the plugins do, and the next good one after it', async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(good, fc.array(wild, { minLength: 1, maxLength: 3 }), good, async (first, nexts, last) => {
        const host = await scriptedHost(first);
        try {
          for (const next of nexts) kinds.add(await reload(host, next));
          host.write(last);
          const report = await host.settled(host.wired.reloader.reload('request'));
          expect(['applied', 'unchanged']).toContain(report.outcome);
          expect(upOf(host)).toEqual(new Set(last.map(({ id }) => id)));
          await expectWhole(host);
        } finally {
          await host.stop();
        }
        expect([host.witness.open, host.clock.pending, host.bus.subscriptions]).toEqual([0, 0, []]);
      }),
      { numRuns: 150, seed: 20261128 },
    );
    // what was tried is not all of one kind
    expect([...kinds].sort()).toEqual(['applied', 'failed', 'refused']);
  });

  it('changes nothing for a configuration with faults, and names them', async () => {
    const host = await scriptedHost([{ ...PLAIN, id: 'a' }]);
    try {
      host.write([{ ...PLAIN, id: 'a', live: 3 }], [{ path: 'host.port', message: 'must be a number' }]);
      const report = await host.settled(host.wired.reloader.reload('request'));
      expect(report).toMatchObject({ outcome: 'invalid', code: 'CONFIG_INVALID', revision: 1, problems: [{ path: 'host.port' }] });
      expect(host.wired.view.status()).toMatchObject({ configRevision: 1, lastReload: { outcome: 'invalid' } });
      await expectWhole(host);
    } finally {
      await host.stop();
    }
  });
});

const PLAIN = {
  version: 1,
  needs: [],
  required: true,
  live: 1,
  hard: 1,
  takesLive: true,
  onActivate: 'accept',
  onReconfigure: 'accept',
} as const;

async function reload(host: ScriptedHost, next: readonly ScriptedPlugin[]): Promise<string> {
  const { reloader, running, view } = host.wired;
  const before = { up: upOf(host), config: JSON.stringify(running.config.plugins), revision: running.revision, plugins: configsOf(host) };
  host.write(next);
  const report = await host.settled(reloader.reload('request'));
  expect(report.message).not.toBe('');
  expect(view.status()).toMatchObject({ configRevision: running.revision, lastReload: report });
  if (report.outcome === 'applied') {
    expect(running.revision).toBe(before.revision + 1);
    const wanted = new Set(next.map(({ id }) => id));
    expect(new Set(running.plugins.map(({ id }) => id))).toEqual(wanted);
    for (const id of before.up) if (wanted.has(id)) expect([id, upOf(host).has(id)]).toEqual([id, true]);
  } else {
    expect(running.revision).toBe(before.revision);
    expect(configsOf(host)).toEqual(before.plugins);
  }
  if (report.outcome === 'refused' || report.outcome === 'failed') {
    expect(JSON.stringify(running.config.plugins)).toBe(before.config);
    expect(report.code).toMatch(/^[A-Z_]+$/);
    expect(report.plugins.some(({ outcome, message = '' }) => ['refused', 'failed'].includes(outcome) && message !== '')).toBe(true);
  }
  if (report.outcome === 'refused') for (const id of before.up) expect([id, upOf(host).has(id)]).toEqual([id, true]);
  await expectWhole(host);
  return report.outcome;
}

/** Each running plugin works with exactly one configuration, which is the one that the host says it has. */
async function expectWhole({ wired, witness, settled }: ScriptedHost): Promise<void> {
  for (const runner of wired.plugins.runners) {
    const config = runner.loaded.config as { readonly live: number; readonly hard: number };
    expect(runner.loaded).toBe(wired.running.plugins.find(({ id }) => id === runner.id));
    if (!runner.isUp) {
      expect(['waiting', 'blocked', 'failed']).toContain(runner.status.state);
      expect(runner.status.message).not.toBe('');
      continue;
    }
    expect([runner.id, witness.inForce.get(runner.id)]).toEqual([runner.id, { ...config, twin: config.live }]);
    expect(await settled(wired.operations.call(`${runner.id}.ask`, {}))).toBe(config.live);
  }
  const up = wired.plugins.runners.filter(({ isUp }) => isUp).map(({ id }) => id);
  expect([...witness.inForce.keys()].sort()).toEqual(up.sort());
  expect(witness.open).toBe(up.length);
  expect(wired.operations.list().map(({ plugin }) => plugin)).toEqual(up);
}

function upOf({ wired }: ScriptedHost): ReadonlySet<string> {
  return new Set(wired.plugins.runners.filter(({ isUp }) => isUp).map(({ id }) => id));
}

function configsOf({ wired }: ScriptedHost): readonly unknown[] {
  return wired.running.plugins.map(({ id, config, source }) => [id, config, source.manifest.version]);
}
