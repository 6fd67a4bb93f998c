import { seededRandom, silentLogger } from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import type { PluginSet } from '../src/plugin-set.js';
import { PluginSupervision } from '../src/plugin-supervision.js';

/** One plugin; `comesUp` says whether its next starts go well. */
function supervised({ mode = 'restart' }: { mode?: 'restart' | 'degrade' } = {}) {
  const clock = new FakeClock();
  const plugin = { isUp: true, comesUp: true, restartsAtMs: [] as number[] };
  const set = { isStopping: false };
  const plugins = {
    get isStopping() {
      return set.isStopping;
    },
    runner: (id: string) =>
      id === 'one'
        ? { isUp: plugin.isUp, status: { state: plugin.isUp ? 'active' : 'failed' }, loaded: { entry: { onUncaughtError: mode } } }
        : undefined,
  } as unknown as PluginSet;
  const supervision = new PluginSupervision({
    plugins,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    async restart() {
      plugin.restartsAtMs.push(clock.monotonicMs());
      await clock.sleep(5);
      plugin.isUp = plugin.comesUp;
    },
  });
  return { clock, plugin, set, supervision };
}

describe('a plugin that breaks while it runs', () => {
  it('is started again at once, one restart for all that breaks on the way', async () => {
    const { clock, plugin, supervision } = supervised();
    for (let count = 0; count < 10; count += 1) supervision.broke('one');
    await clock.advance(1);
    supervision.broke('one');
    await clock.advance(0);
    expect(plugin.restartsAtMs).toEqual([0]);
    await clock.advance(10);
    supervision.broke('one');
    await clock.advance(10);
    expect(plugin.restartsAtMs).toHaveLength(2);
  });

  it('is left as it is where the configuration does not say otherwise, and so is one that is not there', async () => {
    const { clock, plugin, supervision } = supervised({ mode: 'degrade' });
    supervision.broke('one');
    supervision.broke('other');
    await clock.advance(60_000);
    expect(plugin.restartsAtMs).toEqual([]);
  });

  it('is tried again with growing pauses when it does not come up, and never given up', async () => {
    const { clock, plugin, supervision } = supervised();
    plugin.comesUp = false;
    supervision.broke('one');
    await clock.advance(3_600_000);
    const count = plugin.restartsAtMs.length;
    // at once six times, then half of 30 s on average
    expect(count).toBeGreaterThan(3_600_000 / 30_000);
    expect(count).toBeLessThan(1_000);
    plugin.comesUp = true;
    await clock.advance(60_000);
    expect(plugin.isUp).toBe(true);
    const after = plugin.restartsAtMs.length;
    await clock.advance(3_600_000);
    expect(plugin.restartsAtMs).toHaveLength(after);
  });

  it('is restarted at once each time when it breaks once an hour for a month', async () => {
    const { clock, plugin, supervision } = supervised();
    const brokeAtMs: number[] = [];
    for (let hour = 0; hour < 24 * 30; hour += 1) {
      brokeAtMs.push(clock.monotonicMs());
      supervision.broke('one');
      await clock.advance(3_600_000);
    }
    expect(plugin.restartsAtMs).toEqual(brokeAtMs);
  });

  it('is not started again while the host stops', async () => {
    const { clock, plugin, set, supervision } = supervised();
    supervision.broke('one');
    supervision[Symbol.dispose]();
    await clock.advance(60_000);
    set.isStopping = true;
    supervision.broke('one');
    await clock.advance(60_000);
    expect([plugin.restartsAtMs, clock.pending]).toEqual([[], 0]);
  });
});
