import { existsSync } from 'node:fs';
import { type ConfigError, definePlugin, isKind, NotReadyError, option, PluginError, systemClock, z } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { startTestHost } from '../../src/testing/index.js';

const adder = definePlugin({
  id: 'adder',
  config: z.strictObject({ start: option(z.int().default(0), { what: 'What is added to.' }) }),
  activate(ctx) {
    ctx.operations.provide({
      name: 'adder.add',
      summary: 'Adds a number.',
      input: z.strictObject({ number: z.int() }),
      output: z.strictObject({ sum: z.int(), folder: z.string() }),
      async handler({ number }) {
        const sum = ctx.config.start + number;
        ctx.bus.publish({ topic: 'adder.added', payload: { sum } });
        return { sum, folder: ctx.dataDir };
      },
    });
  },
});

/** A plugin whose activation does only this. */
const acting = (id: string, activate: Parameters<typeof definePlugin>[0]['activate']) =>
  definePlugin({ id, config: z.strictObject({}), activate });

describe('startTestHost', () => {
  it('runs plugins given as objects, modules and with options, and calls their operations', async () => {
    await using host = await startTestHost({ plugins: [{ plugin: { default: adder }, config: { start: 40 } }, acting('other', () => {})] });
    await expect(host.call('adder.add', { number: 2 })).resolves.toMatchObject({ sum: 42 });
    expect(host.bus.of('adder.added')).toMatchObject([{ source: 'adder', payload: { sum: 42 } }]);
    expect([host.plugin('adder')?.state, host.plugin('other')?.state, host.plugin('none')]).toEqual(['active', 'active', undefined]);
    expect(host.status()).toMatchObject({ ready: true, subsystems: [] });
    expect(host.decisions()).toEqual([]);
  });

  it('opens no port, unless it is told to listen', async () => {
    const servers = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
    const before = servers();
    await using host = await startTestHost({ plugins: [adder] });
    expect([host.http, servers()]).toEqual([undefined, before]);
    await using listening = await startTestHost({ plugins: [adder], listen: true });
    expect([typeof listening.http?.url, servers()]).toEqual(['string', before + 1]);
    await using other = await startTestHost({ plugins: [adder], listen: true });
    expect(other.http?.token).not.toBe(listening.http?.token);
  });

  it('refuses malformed input as the real host does', async () => {
    await using host = await startTestHost({ plugins: [adder] });
    const error = await host.call('adder.add', { nunber: 2 }).catch((reason: unknown) => reason);
    expect(isKind(error, 'input')).toBe(true);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: expect.arrayContaining([expect.objectContaining({ path: 'nunber' })]) });
  });

  it('tells all problems of a configuration at once and starts nothing', async () => {
    let activated = 0;
    const counting = acting('counting', () => void (activated += 1));
    const starting = startTestHost({
      plugins: [counting, { plugin: adder, config: { strat: 1 } }, { from: '/no/such/folder' }],
      config: { governor: { periodMs: 'soon' } },
    });
    const error = (await starting.catch((reason: unknown) => reason)) as ConfigError;
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.details?.map(({ path }) => path)).toEqual(['governor.periodMs', 'plugins.folder.from', 'plugins.adder.config.strat']);
    for (const { path, message } of error.details ?? []) expect(error.message).toContain(`${path}: ${message}`);
    expect(activated).toBe(0);
  });

  it('refuses what is no plugin, and two of one name', async () => {
    await expect(startTestHost({ plugins: [{ default: 42 } as never] })).rejects.toMatchObject({
      details: [expect.objectContaining({ message: expect.stringContaining('definePlugin') })],
    });
    await expect(startTestHost({ plugins: [adder, adder] })).rejects.toMatchObject({
      details: [expect.objectContaining({ path: 'plugins.adder', message: expect.stringContaining('two plugins') })],
    });
  });

  it('refuses plugins where it would not look for them', async () => {
    await expect(startTestHost({ plugins: [], config: { plugins: { adder: { from: './adder' } } } })).rejects.toMatchObject({
      details: [expect.objectContaining({ path: 'config.plugins' })],
    });
  });

  it('refuses options that no file could say, and says whose', async () => {
    const starting = startTestHost({ plugins: [{ plugin: adder, config: { start: () => 1 } }] });
    await expect(starting).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: [{ path: 'plugins.adder', message: expect.stringContaining('no file could say') }],
    });
  });

  it.each([
    [undefined, 'options must be an object'],
    [{}, 'give the plugins it runs: { plugins: [mine] }'],
    [{ plugins: adder }, 'give the plugins it runs'],
    [{ plugins: [], confg: {} }, 'options.confg is unknown: did you mean config?'],
  ])('refuses to be called without sense: %#', async (options, text) => {
    await expect(startTestHost(options as never)).rejects.toMatchObject({
      code: 'TEST_OPTIONS_INVALID',
      message: expect.stringContaining(text),
    });
  });

  it('refuses a reload of what it does not have', async () => {
    await using host = await startTestHost({ plugins: [adder] });
    await expect(host.reload({ plugns: [] } as never)).rejects.toMatchObject({ code: 'TEST_OPTIONS_INVALID' });
  });

  it('says in the error itself what a host says in its log', async () => {
    const boom = new Error('no such shelf');
    const faulty = acting('faulty', (ctx) => {
      const operation = { summary: 'Fails.', input: z.strictObject({}), output: z.strictObject({ n: z.int() }) };
      const fail = () => Promise.reject(boom);
      ctx.operations.provide({ ...operation, name: 'faulty.throw', handler: fail });
      ctx.operations.provide({ ...operation, name: 'faulty.answer', handler: async () => ({ n: 'one' }) as never });
    });
    await using host = await startTestHost({ plugins: [faulty] });
    await expect(host.call('faulty.throw', {})).rejects.toMatchObject({
      code: 'HANDLER_THREW',
      kind: 'plugin',
      plugin: 'faulty',
      message: 'faulty.throw failed with an unexpected error: no such shelf',
      cause: boom,
    });
    await expect(host.call('faulty.answer', {})).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      message: expect.stringMatching(/^faulty\.answer answered with something its own schema refuses.*; n: .*(number|int)/),
    });
    const dead = acting('dead', () => Promise.reject(boom));
    await expect(startTestHost({ plugins: [dead] })).rejects.toMatchObject({
      code: 'PLUGIN_THREW',
      message: expect.stringMatching(/^the host cannot run without dead.*no such shelf/),
    });
  });

  it('ends a wait for an event that has not come when it stops', async () => {
    const host = await startTestHost({ plugins: [adder] });
    const waiting = host.bus.waitFor('adder.added');
    await host.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'EVENT_NOT_PUBLISHED' });
  });

  it('leaves nothing after a stop, nor after a second one', async () => {
    const host = await startTestHost({ plugins: [adder] });
    const { folder } = await host.call<{ folder: string }>('adder.add', { number: 1 });
    expect(existsSync(folder)).toBe(true);
    expect(await Promise.all([host.stop(), host.stop()])).toEqual([true, true]);
    expect([existsSync(folder), host.clock.pending, host.plugin('adder')?.state]).toEqual([false, 0, 'stopped']);
    await expect(host.call('adder.add', { number: 1 })).rejects.toMatchObject({ code: 'OPERATION_UNKNOWN' });
  });

  it('leaves nothing when a plugin fails, and rejects with its fault', async () => {
    const released: string[] = [];
    const failing = acting('failing', (ctx) => {
      ctx.own(() => void released.push(ctx.dataDir));
      throw new PluginError('BROKEN', 'it is broken');
    });
    await expect(startTestHost({ plugins: [failing] })).rejects.toMatchObject({ code: 'BROKEN', plugin: 'failing' });
    expect(released.map((folder) => existsSync(folder))).toEqual([false]);
  });

  it('runs without a plugin that may fail, and starts those that need another one after it', async () => {
    const order: string[] = [];
    const first = acting('first', () => void order.push('first'));
    const second = acting('second', () => void order.push('second'));
    const failing = acting('failing', () => {
      throw new Error('no');
    });
    await using host = await startTestHost({
      plugins: [{ plugin: second, needs: ['first'] }, first, { plugin: failing, required: false }],
    });
    expect(order).toEqual(['first', 'second']);
    expect(host.plugin('failing')).toMatchObject({ state: 'failed', reason: 'PLUGIN_THREW' });
  });

  it('moves its clock only when told', async () => {
    const times: number[] = [];
    const ticking = acting('ticking', (ctx) => void ctx.own(ctx.clock.setRepeating(1_000, () => times.push(ctx.clock.monotonicMs()))));
    await using host = await startTestHost({ plugins: [ticking] });
    expect(host.clock.monotonicMs()).toBe(0);
    await host.clock.advance(3_000);
    expect(times).toEqual([1_000, 2_000, 3_000]);
  });

  it('tries a plugin again that was not ready', async () => {
    let attempts = 0;
    const slow = acting('slow', () => {
      attempts += 1;
      if (attempts < 2) throw new NotReadyError('STORE_UNREACHABLE', 'not yet', { retryAfterMs: 500 });
    });
    await using host = await startTestHost({ plugins: [slow] });
    expect(host.plugin('slow')).toMatchObject({ state: 'waiting', reason: 'STORE_UNREACHABLE' });
    await host.clock.advance(500);
    await host.bus.waitFor('status', ({ payload }) => payload.plugin === 'slow' && payload.state === 'active');
  });

  it('gives up an activation that waits for ever, at its time-out, although nobody moves the clock', async () => {
    const hanging = acting('hanging', () => new Promise(() => {}));
    const starting = startTestHost({ plugins: [{ plugin: hanging, activateTimeoutMs: 20 }] });
    await expect(starting).rejects.toMatchObject({ code: 'PLUGIN_TIMEOUT' });
  });

  it('says when a plugin does not let go in time', async () => {
    const clinging = acting('clinging', (ctx) => void ctx.own(() => new Promise<void>(() => {})));
    const host = await startTestHost({ plugins: [{ plugin: clinging, stopTimeoutMs: 20 }] });
    expect(await host.stop()).toBe(false);
    expect(host.plugin('clinging')?.message).toContain('not everything was released');
  });

  it('ends a start that is interrupted', async () => {
    const abort = new AbortController();
    const hanging = acting('hanging', () => {
      setImmediate(() => abort.abort());
      return new Promise(() => {});
    });
    await expect(startTestHost({ plugins: [hanging], signal: abort.signal })).rejects.toMatchObject({ code: 'START_INTERRUPTED' });
  });

  it('listens when it is asked to', async () => {
    await using host = await startTestHost({ plugins: [adder], listen: true, clock: systemClock });
    const answer = await fetch(`${host.http?.url}/v1/operations/adder.add`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{"number":1}',
    });
    expect([answer.status, await answer.json()]).toEqual([200, { sum: 1, folder: expect.any(String) }]);
  });
});
