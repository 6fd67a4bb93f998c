import { definePlugin, option, RefusedError, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { startTestHost } from '../../src/testing/index.js';

/** Takes a pace over while it runs, but none above 9; what changes its seats starts it again. */
function runner() {
  const seen: string[] = [];
  const plugin = definePlugin({
    id: 'runner',
    config: z.strictObject({
      pace: option(z.int().min(1).default(1), { what: 'How fast it runs.', change: 'live' }),
      seats: option(z.int().min(1).default(1), { what: 'How many sit.' }),
    }),
    activate(ctx) {
      seen.push(`activate ${ctx.config.pace}/${ctx.config.seats}`);
      ctx.onReconfigure(({ config, changed }) => {
        if (config.pace > 9) throw new RefusedError('RECONFIGURE_REFUSED', 'nobody runs so fast');
        seen.push(`take ${changed.join()} ${config.pace}`);
      });
      ctx.own(() => void seen.push('stop'));
    },
  });
  return { plugin, seen };
}

const idle = definePlugin({ id: 'idle', config: z.strictObject({}), activate() {} });

describe('reload of a test host', () => {
  it('gives a live option to the running plugin, and starts it again for any other', async () => {
    const { plugin, seen } = runner();
    await using host = await startTestHost({ plugins: [plugin] });
    expect(await host.reload({ plugins: [{ plugin, config: { pace: 3 } }] })).toMatchObject({
      outcome: 'applied',
      revision: 2,
      plugins: [{ plugin: 'runner', action: 'live', outcome: 'applied' }],
      changes: [{ path: 'plugins.runner.config.pace', from: 1, to: 3, effect: 'live' }],
    });
    expect(host.plugin('runner')).toMatchObject({ state: 'active', configRevision: 2 });
    await host.reload({ plugins: [{ plugin, config: { pace: 3, seats: 2 } }] });
    expect(seen).toEqual(['activate 1/1', 'take pace 3', 'stop', 'activate 3/2']);
    expect(host.bus.of('reload').map(({ payload }) => payload.outcome)).toEqual(['applied', 'applied']);
  });

  it('keeps what it had when the plugin refuses, and says why', async () => {
    const { plugin, seen } = runner();
    await using host = await startTestHost({ plugins: [plugin] });
    const report = await host.reload({ plugins: [{ plugin, config: { pace: 10 } }] });
    expect(report).toMatchObject({ outcome: 'refused', code: 'RECONFIGURE_REFUSED', revision: 1 });
    expect(report.message).toContain('nobody runs so fast');
    expect(host.plugin('runner')).toMatchObject({ state: 'active', configRevision: 1, lastAttempt: { code: 'RECONFIGURE_REFUSED' } });
    expect(seen).toEqual(['activate 1/1']);
  });

  it('tells every fault of a configuration and changes nothing', async () => {
    const { plugin, seen } = runner();
    await using host = await startTestHost({ plugins: [plugin] });
    const report = await host.reload({ plugins: [{ plugin, config: { pase: 2, seats: 0 } }], config: { governor: { periodMs: 'soon' } } });
    expect(report).toMatchObject({ outcome: 'invalid', code: 'CONFIG_INVALID' });
    expect(report.problems.map(({ path }) => path).sort()).toEqual([
      'governor.periodMs',
      'plugins.runner.config.pase',
      'plugins.runner.config.seats',
    ]);
    expect(seen).toEqual(['activate 1/1']);
  });

  it('adds and removes plugins, and leaves what is not given as it was', async () => {
    const { plugin, seen } = runner();
    await using host = await startTestHost({ plugins: [plugin], config: { host: { logLevel: 'warn' } } });
    await host.reload({ plugins: [plugin, idle] });
    expect([host.plugin('idle')?.state, host.plugin('runner')?.state, seen]).toEqual(['active', 'active', ['activate 1/1']]);
    expect(await host.reload({})).toMatchObject({ outcome: 'unchanged' });
    expect(await host.reload({ plugins: [{ plugin: idle, config: { at: () => {} } }] })).toMatchObject({ outcome: 'invalid' });
    expect(await host.reload({ plugins: [idle] })).toMatchObject({ outcome: 'applied' });
    expect([host.plugin('runner'), seen.at(-1)]).toEqual([undefined, 'stop']);
    expect(host.status().plugins.map(({ id }) => id)).toEqual(['idle']);
  });

  it('makes one of those that are asked for at once, with the newest', async () => {
    const { plugin, seen } = runner();
    await using host = await startTestHost({ plugins: [plugin] });
    const paces = [2, 3, 4].map((pace) => host.reload({ plugins: [{ plugin, config: { pace } }] }));
    expect(new Set((await Promise.all(paces)).map(({ revision }) => revision))).toEqual(new Set([2]));
    expect(seen).toEqual(['activate 1/1', 'take pace 4']);
  });

  it('gives up a plugin that never takes it over, although nobody moves the clock', async () => {
    const stubborn = definePlugin({
      id: 'stubborn',
      config: z.strictObject({ pace: option(z.int().default(1), { what: 'How fast.', change: 'live' }) }),
      activate: (ctx) => ctx.onReconfigure(() => new Promise(() => {})),
    });
    const limits = { activateTimeoutMs: 20, stopTimeoutMs: 20 };
    await using host = await startTestHost({ plugins: [{ plugin: stubborn, ...limits }] });
    const report = await host.reload({ plugins: [{ plugin: stubborn, config: { pace: 2 }, ...limits }] });
    expect(report.plugins).toMatchObject([{ plugin: 'stubborn', outcome: 'failed', code: 'PLUGIN_TIMEOUT' }]);
    expect(host.plugin('stubborn')?.state).toBe('active');
  });

  it('changes nothing after a stop', async () => {
    const host = await startTestHost({ plugins: [idle] });
    await host.stop();
    await expect(host.reload({})).rejects.toMatchObject({ code: 'HOST_STOPPING' });
  });
});
