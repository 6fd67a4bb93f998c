import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import {
  ConfigError,
  definePlugin,
  type IOperations,
  NotReadyError,
  type OperationCall,
  type OperationDefinition,
  type PluginContext,
  type PluginStatus,
  seededRandom,
  silentLogger,
  z,
} from '@bellows/sdk';
import { FakeClock, MemoryStore, RecordingBus } from '@bellows/sdk/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceContainer } from '../src/container.js';
import type { LoadedPlugin } from '../src/plugin-loader.js';
import { PluginRunner, type RunnerServices } from '../src/plugin-runner.js';
import { currentPluginScope } from '../src/plugin-scope.js';
import { PluginSet } from '../src/plugin-set.js';

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(`${os.tmpdir()}/bellows-plugin-set-`);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

type Activate = (ctx: PluginContext) => void | Promise<void>;

function loaded(id: string, activate: Activate, over: { needs?: string[]; required?: boolean } = {}): LoadedPlugin {
  const config = z.strictObject({});
  return {
    id,
    needs: over.needs ?? [],
    config: {},
    folder: '/',
    configFolder: '/',
    plugin: definePlugin({ id, config, activate }),
    entry: { from: './x', required: over.required ?? true, activateTimeoutMs: 1_000, stopTimeoutMs: 1_000, onUncaughtError: 'degrade' },
    source: {
      key: id,
      from: './x',
      folder: '/',
      manifest: { id, version: '1.2.3', sdk: '^0.1.0', needs: [], stability: 'stable' },
      packageJson: { name: id },
    },
  };
}

function host(...waves: LoadedPlugin[][]) {
  const clock = new FakeClock();
  const bus = new RecordingBus({ clock });
  const log: string[] = [];
  const provided: OperationDefinition[] = [];
  const noOperations: IOperations = {
    provide: (definition) => {
      provided.push(definition as unknown as OperationDefinition);
      return { [Symbol.dispose]() {} };
    },
    call: () => Promise.reject(new Error('none')),
    list: () => [],
    rulesOf: () => undefined,
  };
  const services: RunnerServices = {
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    container: new ServiceContainer(),
    store: new MemoryStore(),
    dataDir,
    bus,
    operations: {
      forPlugin: () => noOperations,
      drain: async (id) => void log.push(`drain ${id}`),
      withdrawAll: (id) => void log.push(`withdraw ${id}`),
      expect: () => {},
      expectNoMore: () => {},
    },
    registerSubsystem: () => ({ [Symbol.dispose]() {} }),
    onStatus: (status: PluginStatus) => void log.push(`${status.id} ${status.state}`),
    hide: (text) => text,
  };
  const plugins = new PluginSet(
    waves.map((wave) => wave.map((plugin) => new PluginRunner(plugin, services, 1))),
    clock,
  );
  return { clock, plugins, log, provided, states: () => Object.fromEntries(plugins.statuses().map(({ id, state }) => [id, state])) };
}

describe('PluginSet', () => {
  it('starts in waves and stops in the exact reverse, draining before releasing', async () => {
    const order: string[] = [];
    const activate =
      (id: string): Activate =>
      (ctx) => {
        order.push(`start ${id}`);
        ctx.own(() => void order.push(`stop ${id}`));
      };
    const { plugins, log } = host([loaded('a', activate('a'))], [loaded('b', activate('b'), { needs: ['a'] })]);
    await plugins.start();
    expect(plugins.ready).toBe(true);
    expect(await plugins.stop('TEST')).toBe(true);
    expect(order).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    const tail = log.slice(log.indexOf('b stopping'));
    expect(tail).toEqual(['b stopping', 'drain b', 'withdraw b', 'b stopped', 'a stopping', 'drain a', 'withdraw a', 'a stopped']);
  });

  it('rejects when a required plugin throws, and has released what the failed one took', async () => {
    let released = 0;
    const { plugins, states } = host([
      loaded('bad', (ctx) => {
        ctx.own(() => void (released += 1));
        throw new Error('kaputt');
      }),
    ]);
    await expect(plugins.start()).rejects.toMatchObject({
      code: 'PLUGIN_THREW',
      details: [{ path: 'plugins.bad', message: 'plugin bad failed in its activation: kaputt (PLUGIN_THREW)' }],
    });
    expect(released).toBe(1);
    expect(states()).toEqual({ bad: 'failed' });
    expect(plugins.ready).toBe(false);
  });

  it('rejects with every fault that the error of a required plugin names, the first one once', async () => {
    const details = ['a.yaml', 'b.yaml', 'c.yaml'].map((path) => ({ path, message: `unknown key in ${path}` }));
    const error = new ConfigError('FILES_INVALID', 'Files cannot be used: a.yaml: unknown key in a.yaml (and 2 more, see details)', {
      details,
    });
    const { plugins } = host([loaded('bad', () => Promise.reject(error))]);
    await expect(plugins.start()).rejects.toMatchObject({
      code: 'FILES_INVALID',
      details: [{ path: 'plugins.bad', message: 'Files cannot be used (FILES_INVALID)' }, ...details],
    });
  });

  it('goes on without an optional plugin, and blocks what needs it with the root cause', async () => {
    const fails: Activate = () => {
      throw new Error('kaputt');
    };
    const { plugins, states } = host(
      [loaded('bad', fails, { required: false }), loaded('good', () => {})],
      [loaded('leaf', () => {}, { needs: ['bad'], required: false })],
    );
    await plugins.start();
    expect(states()).toEqual({ bad: 'failed', good: 'active', leaf: 'blocked' });
    expect(plugins.statuses()[2]?.message).toContain('needs the plugin bad, which is failed: plugin bad failed in its activation: kaputt');
    expect(plugins.ready).toBe(true);
  });

  it('rejects when a required plugin is blocked by an optional one that failed', async () => {
    const { plugins } = host(
      [loaded('bad', () => Promise.reject(new Error('no')), { required: false })],
      [loaded('leaf', () => {}, { needs: ['bad'] })],
    );
    await expect(plugins.start()).rejects.toMatchObject({ code: 'PLUGIN_BLOCKED', plugin: 'leaf' });
  });

  it('ends an activation that hangs, naming plugin and phase', async () => {
    let signal: AbortSignal | undefined;
    const { clock, plugins } = host([
      loaded('slow', (ctx) => {
        signal = ctx.signal;
        return new Promise(() => {});
      }),
    ]);
    const start = plugins.start();
    const failed = expect(start).rejects.toMatchObject({ code: 'PLUGIN_TIMEOUT', plugin: 'slow' });
    await clock.advance(1_000);
    // making the plugin's folder takes real time, the time-out starts after it
    while (plugins.statuses()[0]?.state === 'activating') {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(100);
    }
    await failed;
    expect(signal?.aborted).toBe(true);
  });

  it('tries again what is not ready yet, and then what waited for it', async () => {
    let attempts = 0;
    const { clock, plugins, states } = host(
      [
        loaded('store', () => {
          attempts += 1;
          if (attempts < 3) throw new NotReadyError('STORE_UNREACHABLE', 'not yet', { retryAfterMs: 500 });
        }),
      ],
      [loaded('leaf', () => {}, { needs: ['store'] })],
    );
    await plugins.start();
    expect(states()).toEqual({ store: 'waiting', leaf: 'blocked' });
    expect(plugins.ready).toBe(false);
    while (!plugins.ready) {
      await clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(attempts).toBe(3);
    expect(states()).toEqual({ store: 'active', leaf: 'active' });
    expect(plugins.statuses()[0]?.lastAttempt?.code).toBe('STORE_UNREACHABLE');
  });

  it('stops safely without a start, twice, and while something waits', async () => {
    const { clock, plugins, states } = host([
      loaded('store', () => Promise.reject(new NotReadyError('X', 'later', { retryAfterMs: 500 }))),
    ]);
    await plugins.start();
    expect(await Promise.all([plugins.stop('A'), plugins.stop('B')])).toEqual([true, true]);
    await clock.advance(10_000);
    expect(states()).toEqual({ store: 'stopped' });
    const fresh = host([loaded('a', () => {})]);
    expect(await fresh.plugins.stop('TEST')).toBe(true);
    expect(fresh.states()).toEqual({ a: 'stopped' });
  });

  it('ends a start at once when it is interrupted, and stops what hangs in its activation without waiting for its time-out', async () => {
    const { promise: entered, resolve } = Promise.withResolvers<PluginContext>();
    let released = 0;
    const { plugins, states } = host(
      [
        loaded('hangs', (ctx) => {
          ctx.own(() => void (released += 1));
          resolve(ctx);
          return new Promise(() => {});
        }),
      ],
      [loaded('later', () => {}, { needs: ['hangs'] })],
    );
    const interrupt = new AbortController();
    const start = expect(plugins.start(interrupt.signal)).rejects.toBe('SIGINT');
    const ctx = await entered;
    interrupt.abort('SIGINT');
    await start;
    // the clock never moves
    expect(await plugins.stop('TEST')).toBe(true);
    expect(ctx.signal.aborted).toBe(true);
    expect(released).toBe(1);
    expect(states()).toEqual({ hangs: 'stopped', later: 'stopped' });
  });

  it('keeps the whole stop of a plugin within its time-out, draining included', async () => {
    const { clock, plugins } = host([loaded('a', (ctx) => void ctx.own(() => new Promise<void>(() => {})))]);
    await plugins.start();
    const stopped = plugins.stop('TEST');
    await clock.advance(1_000);
    expect(await stopped).toBe(false);
  });

  it('shows an error nobody caught as degraded, also one from before it was active', async () => {
    const { promise: activated, resolve } = Promise.withResolvers<void>();
    const { plugins, states } = host([loaded('early', () => activated), loaded('late', () => {})]);
    const start = plugins.start();
    while (plugins.statuses().some(({ id, state }) => (id === 'late' && state !== 'active') || state === 'validated')) {
      await new Promise((next) => setImmediate(next));
    }
    plugins.runner('early')?.degrade('UNCAUGHT_ERROR', 'loose');
    plugins.runner('late')?.degrade('UNCAUGHT_ERROR', 'loose');
    expect(states()).toEqual({ early: 'activating', late: 'degraded' });
    resolve();
    await start;
    expect(plugins.statuses()[0]).toMatchObject({ state: 'degraded', reason: 'UNCAUGHT_ERROR', lastAttempt: { code: 'UNCAUGHT_ERROR' } });
    expect(plugins.ready).toBe(true);
  });

  it('runs activation, handlers and clean-up of a plugin in its scope, whoever caused them', async () => {
    const scopes: unknown[] = [];
    const note = () => void scopes.push(currentPluginScope());
    const { plugins, provided } = host([
      loaded('a', (ctx) => {
        note();
        ctx.own(note);
        ctx.operations.provide({ name: 'a.go', summary: '', input: z.any(), output: z.any(), handler: async () => note() });
      }),
    ]);
    await plugins.start();
    await provided[0]?.handler({}, {} as OperationCall);
    await plugins.stop('TEST');
    expect(currentPluginScope()).toBeUndefined();
    expect(scopes).toMatchObject(['activate', 'call', 'stop'].map((phase) => ({ pluginId: 'a', phase })));
  });

  it('gives a plugin its own folder, a frozen context and an aborted signal at the stop', async () => {
    let ctx: PluginContext | undefined;
    const { plugins } = host([
      loaded('a', (given) => {
        ctx = given;
      }),
    ]);
    await plugins.start();
    expect(ctx?.dataDir).toBe(`${dataDir}/a`);
    expect(Object.isFrozen(ctx)).toBe(true);
    expect(ctx?.signal.aborted).toBe(false);
    await plugins.stop('TEST');
    expect(ctx?.signal.aborted).toBe(true);
    expect(ctx?.signal.reason).toMatchObject({ code: 'PLUGIN_STOPPING' });
  });
});
