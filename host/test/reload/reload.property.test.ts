import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ReloadReport } from '../../src/reload/reload-report.js';
import {
  ACTIVATIONS,
  type ScriptedConfig,
  type ScriptedHost,
  type ScriptedPlugin,
  STOPS,
  startScriptedHost,
  TAKEOVERS,
} from './scripted-host.js';

const IDS = ['a', 'b', 'c', 'd'] as const;

/** Mostly good ones: where everything is broken at once, nothing comes far. */
const mostly = <const T extends string>(values: readonly [T, ...T[]]) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(values[0]) }, fc.constantFrom(...values));

const options = fc.record({
  warm: fc.nat({ max: 2 }),
  cold: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 2 })),
  takeover: mostly(TAKEOVERS),
  activation: mostly(ACTIVATIONS),
  stop: mostly(STOPS),
  takesChanges: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
});
const plugin = fc.record({
  options,
  version: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.constant(2)),
  needs: fc.subarray([...IDS]),
  required: fc.boolean(),
});
const config = fc.dictionary(fc.constantFrom(...IDS), plugin, { noNullPrototype: true, maxKeys: IDS.length });

/** Needs lead to what is there and stands before in the alphabet, so that there are no cycles; code of one version has one set of needs. */
function wellFormed(given: ScriptedConfig): ScriptedConfig {
  return Object.fromEntries(
    Object.entries(given).map(([id, { needs = [], ...rest }]) => [
      id,
      { ...rest, needs: needs.filter((need) => need < id && Object.hasOwn(given, need)) },
    ]),
  );
}

/** Starts well whatever follows. */
function good(given: ScriptedConfig): ScriptedConfig {
  const tame = ({ options: given = {}, ...rest }: ScriptedPlugin) => ({
    ...rest,
    options: { ...given, activation: 'ok' as const, takeover: 'ok' as const, stop: 'ok' as const },
  });
  return Object.fromEntries(Object.entries(given).map(([id, one]) => [id, tame(one)]));
}

interface Standing {
  readonly loaded: unknown;
  readonly revision: number;
  readonly up: readonly string[];
}

function standing({ wired: { running, plugins } }: ScriptedHost): Standing {
  return { loaded: running.loaded, revision: running.revision, up: plugins.runners.filter(({ isUp }) => isUp).map(({ id }) => id) };
}

/** What must be so after any reload, whatever the plugins did. */
function expectWhole(host: ScriptedHost, before: Standing, report: ReloadReport): void {
  const { running, plugins } = host.wired;
  const isAccepted = report.outcome === 'applied' || report.outcome === 'unchanged';
  const after = standing(host);
  // the last good configuration is in force, and the host says so
  if (isAccepted) {
    expect(running.revision).toBe(before.revision + (report.outcome === 'applied' ? 1 : 0));
    // which was up is up, unless it is to be there no more
    for (const id of before.up)
      if (plugins.runner(id) !== undefined) expect({ id, up: after.up }).toMatchObject({ up: expect.arrayContaining([id]) });
  } else {
    expect(running.loaded).toBe(before.loaded);
    expect(running.revision).toBe(before.revision);
    const lost = before.up.filter((id) => !after.up.includes(id));
    expect({ outcome: report.outcome, lost }).toEqual({ outcome: lost.length === 0 ? 'refused' : 'failed', lost });
    expect(report.code).toEqual(expect.any(String));
    expect(
      report.plugins.filter(({ outcome, message }) => (outcome === 'refused' || outcome === 'failed') && message !== undefined),
    ).not.toEqual([]);
  }
  expect(report.revision).toBe(running.revision);
  expect(plugins.runners.map(({ id }) => id).sort()).toEqual(Object.keys(running.config.plugins).sort());
  for (const wanted of running.plugins) {
    const runner = plugins.runner(wanted.id);
    expect(runner?.status.configRevision).toBe(running.revision);
    const alive = host.alive(wanted.id);
    if (!runner?.isUp) {
      expect(alive).toEqual([]);
      continue;
    }
    // one life, wholly with the configuration and the code in force
    expect(alive).toHaveLength(1);
    expect(runner.loaded).toBe(wanted);
    expect({ first: alive[0]?.first, second: alive[0]?.second }).toEqual({ first: wanted.config, second: wanted.config });
  }
  const known = new Set(running.plugins.map(({ id }) => id));
  expect(host.alive().filter(({ id }) => !known.has(id))).toEqual([]);
  const operations = host.wired.operations.list().map(({ plugin }) => plugin);
  expect([...operations].sort()).toEqual([...after.up].sort());
}

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
process.on('unhandledRejection', note);
afterAll(() => void process.off('unhandledRejection', note));

describe('a reload', () => {
  it('is whole or not at all, whatever plugins do in the middle, and the next good configuration is always taken', async () => {
    await fc.assert(
      fc.asyncProperty(config, fc.array(config, { minLength: 1, maxLength: 3 }), async (first, following) => {
        const host = await startScriptedHost(good(wellFormed(first)));
        for (const next of following.map(wellFormed)) {
          const before = standing(host);
          host.write(next);
          expectWhole(host, before, await host.drive(host.wired.reloader.reload('request')));
        }
        const last = good(wellFormed(following.at(-1) ?? {}));
        host.write(last);
        const before = standing(host);
        const report = await host.drive(host.wired.reloader.reload('request'));
        expect(report.outcome).toMatch(/^(applied|unchanged)$/);
        expectWhole(host, before, report);
        expect(standing(host).up.toSorted()).toEqual(Object.keys(last).toSorted());
        expect(host.bus.of('reload').map(({ payload }) => payload.outcome)).toHaveLength(following.length + 1);
        await host.stop();
        expect([host.alive(), host.bus.subscriptions, host.clock.pending]).toEqual([[], [], 0]);
        expect(unhandled).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
