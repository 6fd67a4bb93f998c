import { definePlugin, type LogFields, type PluginContext, silentLogger, z } from '@bellows/sdk';
import { afterEach, describe, expect, it } from '@jest/globals';
import { launchTestHost } from '../src/testing/launch-test-host.js';

let stopLast: () => Promise<unknown> = async () => {};
afterEach(() => stopLast());

/** A host with one plugin that does as it is told, and what is told of it. */
async function start(activate: (ctx: PluginContext) => void | Promise<void> = () => {}) {
  const contexts: PluginContext[] = [];
  const lines: string[] = [];
  const note = (message: string, fields?: LogFields) => void lines.push(`${String(fields?.plugin ?? '')}${message}`);
  const logger = { ...silentLogger, warn: note, child: () => logger };
  const plugin = definePlugin({
    id: 'frail',
    config: z.strictObject({}),
    activate: (ctx) => {
      contexts.push(ctx);
      return activate(ctx);
    },
  });
  const { wired, bus, clock, stop } = await launchTestHost({ plugins: [plugin], logger });
  stopLast = stop;
  const runner = wired.plugins.runner('frail');
  const status = () => {
    const { state, reason, message } = runner?.status ?? {};
    return `${state} ${reason} ${message}`;
  };
  const told = () => bus.events.filter(({ topic }) => topic === 'status').map(({ payload }) => (payload as { reason: string }).reason);
  const ctx = () => contexts.at(-1) as PluginContext;
  return { wired, clock, stop, runner, status, told, ctx, contexts, lines };
}

describe('a plugin that says how it is', () => {
  it('is degraded until it says that it has recovered, in status, readiness, events and log, and stays in use', async () => {
    const { wired, ctx, status, told, runner, lines, clock } = await start();
    await clock.advance(10);
    ctx().degrade('STORE_UNREACHABLE', 'the store does not answer: start it');
    expect(status()).toBe('degraded STORE_UNREACHABLE the store does not answer: start it');
    expect(runner?.status).toMatchObject({ since: clock.now() });
    expect(runner?.status).not.toHaveProperty('lastAttempt');
    expect(wired.view.ready()).toMatchObject({ ready: true, plugins: [{ id: 'frail', state: 'degraded', reason: 'STORE_UNREACHABLE' }] });
    ctx().recover('STORE_UNREACHABLE');
    ctx().recover('STORE_UNREACHABLE');
    expect(status()).toBe('active ACTIVE running');
    expect(told().slice(-2)).toEqual(['STORE_UNREACHABLE', 'ACTIVE']);
    expect(lines).toEqual(['is degraded (STORE_UNREACHABLE): the store does not answer: start it', 'has recovered (STORE_UNREACHABLE)']);
  });

  it('shows the first of several reasons that still stands, and a new message of it, but the same words only once', async () => {
    const { ctx, status, told } = await start();
    ctx().degrade('FIRST', 'one');
    ctx().degrade('SECOND', 'two');
    expect(status()).toBe('degraded FIRST one');
    ctx().degrade('FIRST', 'another one');
    ctx().degrade('FIRST', 'another one');
    expect(status()).toBe('degraded FIRST another one');
    ctx().recover('NEVER_SAID');
    ctx().recover('FIRST');
    expect(status()).toBe('degraded SECOND two');
    ctx().recover('SECOND');
    expect(status()).toBe('active ACTIVE running');
    expect(told().slice(-4)).toEqual(['FIRST', 'FIRST', 'SECOND', 'ACTIVE']);
  });

  it('may say so while it is being activated: it shows as soon as it is active', async () => {
    const { status } = await start((ctx) => ctx.degrade('CACHE_COLD', 'it is slow until it has read everything'));
    expect(status()).toBe('degraded CACHE_COLD it is slow until it has read everything');
  });

  it('cannot take back an error that nobody caught; that is shown before what it says, the latest of them', async () => {
    const { ctx, status, runner } = await start();
    ctx().degrade('SLOW', 'slow');
    runner?.degrade('UNCAUGHT_ERROR', 'loose');
    expect(status()).toBe('degraded UNCAUGHT_ERROR loose');
    expect(runner?.status).toMatchObject({ lastAttempt: { code: 'UNCAUGHT_ERROR', message: 'loose' } });
    ctx().recover('UNCAUGHT_ERROR');
    ctx().recover('SLOW');
    expect(status()).toBe('degraded UNCAUGHT_ERROR loose');
    runner?.degrade('UNCAUGHT_ERROR', 'loose again');
    expect(status()).toBe('degraded UNCAUGHT_ERROR loose again');
  });

  it('begins anew when it is started again; its earlier life has no say any more', async () => {
    const { wired, ctx, contexts, status, stop, clock, runner } = await start();
    ctx().degrade('SLOW', 'slow');
    await wired.reloader.restart('frail');
    expect(status()).toBe('active ACTIVE running');
    contexts[0]?.degrade('SLOW', 'from beyond');
    expect(status()).toBe('active ACTIVE running');
    ctx().degrade('SLOW', 'slow');
    contexts[0]?.recover('SLOW');
    expect(runner?.status.state).toBe('degraded');
    await stop();
    ctx().degrade('SLOW', 'too late');
    ctx().recover('SLOW');
    expect(runner?.status.state).toBe('stopped');
    expect(clock.pending).toBe(0);
  });

  it('leaves few lines in the log, however often it falls and recovers', async () => {
    const { ctx, lines, stop } = await start();
    for (let round = 0; round < 1_000; round += 1) {
      ctx().degrade('FLAPPING', `round ${round}`);
      ctx().recover('FLAPPING');
    }
    await stop();
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain('round 999 (999 more');
  });

  it.each([
    ['a reason that is no code', 'not reachable', 'words'],
    ['a reason without an end', 'A'.repeat(65), 'words'],
    ['an error in place of the reason', new Error('x'), 'words'],
    ['an empty message', 'SLOW', ' '],
    ['no message', 'SLOW', undefined],
  ])('is told what is wrong with %s, and nothing changes', async (_what, reason, message) => {
    const { ctx, status } = await start();
    expect(() => ctx().degrade(reason as string, message as string)).toThrow(
      expect.objectContaining({ code: 'DEGRADATION_INVALID', plugin: 'frail', message: expect.stringContaining('STORE_UNREACHABLE') }),
    );
    expect(status()).toBe('active ACTIVE running');
  });
});
