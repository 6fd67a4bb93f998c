import { CancelledError, ConfigError, RefusedError } from '@bellows/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningHost } from '../../src/host.js';
import { type LoopbackHost, startLoopbackHost, until } from '../http/loopback-host.js';
import { bellows } from './terminal.js';

let host: LoopbackHost;
beforeAll(async () => {
  host = await startLoopbackHost();
});
afterAll(() => host.close());

/** A host that is up until it is told to stop; `hangs`: whose stop never ends. */
function startable({ clean = true, hangs = false } = {}) {
  const seen = { options: undefined as unknown, stops: [] as string[], reloads: [] as string[], fail: () => {} };
  let end: (result: { clean: boolean }) => void = () => {};
  const stopped = new Promise<{ clean: boolean }>((resolve) => {
    end = resolve;
  });
  seen.fail = () => end({ clean: false });
  const started: RunningHost = {
    url: host.server.url,
    pageUrl: `${host.server.url}/?token=t`,
    view: host.view,
    stopped,
    reload: async (trigger) => void seen.reloads.push(trigger),
    stop: (reason) => {
      seen.stops.push(reason);
      if (!hangs) end({ clean });
      return stopped;
    },
  };
  const startHost = async (options: unknown) => {
    seen.options = options;
    return started;
  };
  return { seen, deps: { startHost } };
}

describe('bellows start', () => {
  it('has the host reload whenever a signal says so, also when that came before it was up', async () => {
    const { seen, deps } = startable();
    const signal = new AbortController();
    let ask = () => {};
    const ran = bellows(['start'], {
      deps: {
        startHost: async (options) => {
          ask();
          return deps.startHost(options);
        },
      },
      signal: signal.signal,
      onReload: (listener) => {
        ask = listener;
      },
    });
    await until(() => seen.reloads.length === 1);
    ask();
    await until(() => seen.reloads.length === 2);
    signal.abort();
    expect(await ran).toMatchObject({ code: 0 });
    expect(seen.reloads).toEqual(['signal', 'signal']);
  });

  it('prints the page and the state of each plugin, stops on the first signal and exits 0', async () => {
    const { seen, deps } = startable();
    const signal = new AbortController();
    const argv = ['start', '--config', 'c.yaml', '--port', '0', '--data', 'd', '--address', '::1', '--log-level', 'debug'];
    const ran = await bellows(argv, { deps, signal: signal.signal, cwd: '/x', onOutput: (text) => text.includes('odd') && signal.abort() });
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toBe(
      `Bellows 0.1.0 is ready: ${host.server.url}/?token=t\n  demo 1.0.0 active\n  odd 1.0.0 failed (PLUGIN_THREW: <script>alert(1)</script>)\n`,
    );
    expect(seen.options).toEqual({ configFile: 'c.yaml', dataDir: 'd', port: 0, address: '::1', logLevel: 'debug', env: {}, cwd: '/x' });
    expect(seen.stops).toHaveLength(1);
  });

  it('prints one line of JSON when it is up, for programs', async () => {
    const signal = new AbortController();
    const { stdout } = await bellows(['start', '--json'], {
      deps: startable().deps,
      signal: signal.signal,
      onOutput: () => signal.abort(),
    });
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ ready: true, url: host.server.url, plugins: [{ id: 'demo' }, { id: 'odd' }] });
  });

  it('stops in order when standard input ends, if that was asked for, and not otherwise', async () => {
    const { seen, deps } = startable();
    const { code } = await bellows(['start', '--until-stdin-ends'], { deps, stdin: 'what is written there means nothing' });
    expect([code, seen.stops]).toEqual([0, ['whoever started the host has ended']]);
    expect(seen.options).not.toHaveProperty('untilStdinEnds');
    const broken: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('EIO')) }),
    };
    expect((await bellows(['start', '--until-stdin-ends'], { deps: startable().deps, stdin: broken })).code).toBe(0);
    const signal = new AbortController();
    const other = startable();
    await bellows(['start'], { deps: other.deps, stdin: '', signal: signal.signal, onOutput: () => setImmediate(() => signal.abort()) });
    expect(other.seen.stops).toEqual(['a signal told the host to stop']);
  });

  it('ends at once with 130 on the second signal, also while it is still starting', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const hanging = startable({ hangs: true });
    const running = bellows(['start'], {
      deps: hanging.deps,
      signal: first.signal,
      forceSignal: second.signal,
      onOutput: (text) => {
        if (!text.includes('odd')) return;
        first.abort();
        setImmediate(() => second.abort());
      },
    });
    expect((await running).code).toBe(130);
    expect(hanging.seen.stops).toHaveLength(1);
    const starting = await bellows(['start'], { deps: { startHost: () => new Promise(() => {}) }, forceSignal: AbortSignal.abort() });
    expect(starting.code).toBe(130);
  });

  it('exits 0 when the first signal came while it was starting and it stopped in order', async () => {
    const interrupted = () => Promise.reject(new CancelledError('START_INTERRUPTED', 'the start was interrupted'));
    expect(await bellows(['start'], { deps: { startHost: interrupted }, signal: AbortSignal.abort() })).toMatchObject({
      code: 0,
      stdout: '',
    });
  });

  it('says so with 1 when the stop was not clean, or the host stopped by itself', async () => {
    expect(await bellows(['start'], { deps: startable({ clean: false }).deps, signal: AbortSignal.abort() })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not everything ended'),
    });
    const failing = startable();
    expect((await bellows(['start'], { deps: failing.deps, onOutput: () => failing.seen.fail() })).code).toBe(1);
  });

  it('prints every problem of the configuration and exits 2, and 4 when another host has the data', async () => {
    const details = [
      { path: 'host.prot', message: 'unknown key "prot"', suggestion: 'port' },
      { path: 'plugins.x', message: 'needs y' },
    ];
    const failing = (error: Error) => ({ deps: { startHost: () => Promise.reject(error) } });
    const ran = await bellows(['start'], failing(new ConfigError('CONFIG_INVALID', 'the configuration has 2 problems', { details })));
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toBe(
      'error: the configuration has 2 problems (CONFIG_INVALID)\n  host.prot: unknown key "prot"; did you mean port?\n  plugins.x: needs y\n',
    );
    expect(await bellows(['start'], failing(new RefusedError('DATA_IN_USE', 'in use')))).toMatchObject({ code: 4 });
    expect(await bellows(['start'], failing(new TypeError('odd')))).toMatchObject({ code: 1, stderr: expect.stringContaining('(BUG)') });
  });
});
