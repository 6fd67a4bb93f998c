import { afterEach, describe, expect, it } from '@jest/globals';
import { filesAreRead } from './files-are-read.js';
import { type ScriptedConfig, type ScriptedHost, startScriptedHost } from './scripted-host.js';

const started: ScriptedHost[] = [];
afterEach(async () => {
  for (const host of started.splice(0)) await host.stop();
});

async function start(config: ScriptedConfig): Promise<ScriptedHost> {
  const host = await startScriptedHost(config);
  started.push(host);
  return host;
}

const reload = (host: ScriptedHost) => host.drive(host.wired.reloader.reload('request'));
const states = ({ wired: { plugins } }: ScriptedHost) => Object.fromEntries(plugins.statuses().map(({ id, state }) => [id, state]));
const outcomes = (report: Awaited<ReturnType<typeof reload>>) =>
  Object.fromEntries(report.plugins.map(({ plugin, action, outcome }) => [plugin, `${action} ${outcome}`]));

describe('a reload that is taken', () => {
  it('changes live what it can, starts again what it must, and leaves the others alone', async () => {
    const host = await start({ warm: {}, cold: {}, leaf: { needs: ['cold'] }, still: {}, gone: {} });
    const untouched = host.alive('still');
    const warm = host.alive('warm');
    host.write({ warm: { options: { warm: 1 } }, cold: { options: { cold: 1 } }, leaf: { needs: ['cold'] }, still: {}, fresh: {} });
    const report = await reload(host);
    expect(outcomes(report)).toEqual({
      gone: 'remove applied',
      warm: 'live applied',
      cold: 'restart applied',
      leaf: 'restart applied',
      still: 'keep unchanged',
      fresh: 'add applied',
    });
    expect(report).toMatchObject({ outcome: 'applied', revision: 2, trigger: 'request', needsHostRestart: [] });
    expect([host.alive('still'), host.alive('warm')]).toEqual([untouched, warm]);
    expect(host.wired.view.status()).toMatchObject({ configRevision: 2, lastReload: { outcome: 'applied' } });
    expect(host.wired.view.status().lastReload).not.toHaveProperty('changes');
    expect(host.wired.plugins.statuses().map(({ configRevision }) => configRevision)).toEqual([2, 2, 2, 2, 2]);
    await host.bus.idle();
    expect(host.bus.of('reload').map(({ payload }) => payload)).toMatchObject([{ outcome: 'applied', revision: 2 }]);
    expect(host.bus.of('reload')[0]?.payload).not.toHaveProperty('changes');
  });

  it('finds nothing to do in the same configuration, and keeps the revision', async () => {
    const host = await start({ a: {} });
    expect(await reload(host)).toMatchObject({ outcome: 'unchanged', revision: 1, plugins: [{ plugin: 'a', outcome: 'unchanged' }] });
    expect(host.alive()).toHaveLength(1);
  });

  it('starts a plugin again for a live change that it does not take', async () => {
    const host = await start({ a: { options: { takesChanges: false } } });
    host.write({ a: { options: { takesChanges: false, warm: 3 } } });
    expect(outcomes(await reload(host))).toEqual({ a: 'restart applied' });
  });

  it('upgrades a plugin and starts again what needs it, in the order of needs', async () => {
    const host = await start({ base: {}, top: { needs: ['base'] } });
    host.write({ base: { version: 2 }, top: { needs: ['base'] } });
    const before = host.bus.events.length;
    expect(outcomes(await reload(host))).toEqual({ base: 'upgrade applied', top: 'restart applied' });
    const steps = host.bus.events.slice(before).flatMap(({ topic, payload }) => {
      const { plugin, state } = payload as { readonly plugin: string; readonly state: string };
      return topic === 'status' && ['stopped', 'active'].includes(state) ? [`${plugin} ${state}`] : [];
    });
    expect([...new Set(steps)]).toEqual(['top stopped', 'base stopped', 'base active', 'top active']);
    expect(host.alive('base')[0]?.version).toMatch(/^2/);
  });

  it('warns of a policy for a subsystem that is not there', async () => {
    const host = await start({ a: {} });
    host.write({ a: {} }, { governor: { subsystems: { 'a.pool': { weight: 2 } } } });
    expect((await reload(host)).warnings).toEqual(['governor.subsystems.a.pool is for a subsystem that is not there']);
    host.write({ a: {} });
    expect((await reload(host)).warnings).toEqual([]);
  });

  it('says how the host is found when its data folder is to be another one', async () => {
    const host = await start({ a: {} });
    const { dataDir } = host.wired.running.config.host;
    host.write({ a: {} }, { host: { dataDir: `${dataDir}-other` } });
    expect((await reload(host)).message).toBe(
      `nothing to change; revision 1 stays in force; host.dataDir waits for a restart of the host; until then this host is found with --data ${dataDir}`,
    );
  });

  it('takes over what of the host is live, and says what waits for a restart of it each time', async () => {
    const host = await start({ a: {} });
    host.write({ a: {} }, { host: { port: 7171 }, tenants: { acme: { limits: { maxConcurrentOperations: 1 } } } });
    const first = await reload(host);
    expect(first).toMatchObject({ outcome: 'applied', revision: 2, needsHostRestart: ['host.port'] });
    expect(first.message).toContain('host.port waits for a restart of the host');
    expect(host.wired.running.config.tenants).toHaveProperty('acme');
    expect(host.wired.running.config.host.port).toBe(0);
    expect(await reload(host)).toMatchObject({ outcome: 'unchanged', revision: 2, needsHostRestart: ['host.port'] });
    host.write({ a: {} }, { tenants: { acme: { limits: { maxConcurrentOperations: 1 } } } });
    expect(await reload(host)).toMatchObject({ outcome: 'unchanged', needsHostRestart: [] });
  });

  it.each([
    ['failed', 'throw'],
    ['waiting', 'notReady'],
  ] as const)('mends a plugin that is %s, and what it blocked', async (state, activation) => {
    const host = await start({ base: { options: { activation } }, top: { needs: ['base'] } });
    expect(states(host)).toEqual({ base: state, top: 'blocked' });
    host.write({ base: {}, top: { needs: ['base'] } });
    expect((await reload(host)).outcome).toBe('applied');
    expect(states(host)).toEqual({ base: 'active', top: 'active' });
  });

  it('tries those again that are down, also when nothing of them differs', async () => {
    const host = await start({ later: { options: { activation: 'notReady' } } });
    expect(states(host)).toEqual({ later: 'waiting' });
    const tries = () => host.bus.of('status').filter(({ payload }) => payload.state === 'activating').length;
    const before = tries();
    // less than its own pause before the next try
    const report = await reload(host);
    expect(report).toMatchObject({ outcome: 'unchanged', message: expect.stringContaining('not up: later (waiting, SCRIPT_LATER)') });
    expect([states(host), tries()]).toEqual([{ later: 'waiting' }, before + 1]);
  });

  it('lets a new plugin wait, or fail where it is not required, without holding up the others', async () => {
    const host = await start({ a: {} });
    host.write({
      a: { options: { cold: 1 } },
      later: { options: { activation: 'notReady' }, required: true },
      poor: { options: { activation: 'throw' } },
    });
    expect((await reload(host)).outcome).toBe('applied');
    expect(states(host)).toEqual({ a: 'active', later: 'waiting', poor: 'failed' });
    expect(host.wired.view.ready().ready).toBe(false);
    host.write({ a: {} });
    await reload(host);
    expect(host.wired.view.ready().ready).toBe(true);
    await host.clock.advance(60_000);
    expect(states(host)).toEqual({ a: 'active' });
  });
});

describe('what a plugin leaves behind that breaks after its stop', () => {
  it('is not charged to the version that takes its place, nor to the plugin that was started again', async () => {
    const host = await start({ a: { options: { stop: 'crash' } } });
    host.write({ a: { version: 2, options: { stop: 'crash' } } });
    expect(await reload(host)).toMatchObject({ outcome: 'applied' });
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
    expect(states(host)).toEqual({ a: 'active' });
    await host.drive(host.wired.reloader.restart('a'));
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
    expect([states(host), host.wired.plugins.runner('a')?.faults]).toEqual([{ a: 'active' }, 0]);
  });
});

describe('a reload that is not taken', () => {
  it('touches nothing when the configuration has faults, and tells them all', async () => {
    const host = await start({ a: {} });
    const alive = host.alive();
    host.write({ a: { options: { warm: 'x' as never, cold: 'y' as never } }, b: { needs: ['nobody'] } }, { governor: { periodMs: 1 } });
    const report = await reload(host);
    expect(report).toMatchObject({ outcome: 'invalid', code: 'CONFIG_INVALID', revision: 1, plugins: [], changes: [] });
    expect(report.problems.map(({ path }) => path).sort()).toEqual([
      'governor.periodMs',
      'plugins.a.config.cold',
      'plugins.a.config.warm',
      'plugins.b',
    ]);
    expect(host.alive()).toEqual(alive);
    expect(host.wired.view.status()).toMatchObject({ configRevision: 1, lastReload: { outcome: 'invalid' } });
  });

  it.each([
    ['refuse', 'SCRIPT_REFUSES', 'live refused'],
    ['throw', 'PLUGIN_THREW', 'live failed'],
    ['hang', 'PLUGIN_TIMEOUT', 'live failed'],
    ['crash', 'UNCAUGHT_ERROR', 'live failed'],
    ['wreck', 'PLUGIN_THREW', 'live failed'],
  ] as const)('goes back when a plugin answers a live change with %s, also for those that took theirs', async (takeover, code, outcome) => {
    const host = await start({ first: {}, second: {} });
    const [first] = host.alive('first');
    host.write({ first: { options: { warm: 1 } }, second: { options: { warm: 1, takeover } }, third: {} });
    const report = await reload(host);
    expect(report).toMatchObject({ outcome: 'refused', code, revision: 1 });
    expect(outcomes(report)).toEqual({ first: 'live rolled-back', second: outcome, third: 'add rolled-back' });
    expect(host.alive('first')).toEqual([first]);
    expect(first?.second.warm).toBe(0);
    expect(host.alive('second').map(({ second }) => second.warm)).toEqual([0]);
    expect(states(host)).toMatchObject({ first: 'active' });
    expect(host.wired.plugins.runner('second')?.status.lastAttempt).toMatchObject({ code });
  });

  it('tells a change that failed no more once a reload was taken, and does while the plugin is in trouble', async () => {
    const host = await start({ mended: {}, broken: {} });
    const failed = (id: string) => host.wired.plugins.runner(id)?.status.lastAttempt?.code;
    host.write({ mended: { options: { warm: 1, takeover: 'refuse' } }, broken: {} });
    await reload(host);
    host.wired.plugins.runner('broken')?.degrade('UNCAUGHT_ERROR', 'it broke');
    expect([failed('mended'), failed('broken')]).toEqual(['SCRIPT_REFUSES', 'UNCAUGHT_ERROR']);
    host.write({ mended: { options: { warm: 1 } }, broken: {} });
    expect(await reload(host)).toMatchObject({ outcome: 'applied' });
    expect([failed('mended'), failed('broken')]).toEqual([undefined, 'UNCAUGHT_ERROR']);
  });

  it('names the error that nobody caught, also of a plugin that is degraded for another reason', async () => {
    const host = await start({ a: {} });
    host.wired.plugins.runner('a')?.degrade('UNCAUGHT_ERROR', 'something earlier');
    host.alive('a')[0]?.ctx.degrade('SLOW', 'something else');
    host.write({ a: { options: { takeover: 'crash' } } });
    const report = await reload(host);
    expect(report).toMatchObject({ outcome: 'refused', message: expect.stringContaining('a did not take it: a broke') });
    expect(host.wired.plugins.runner('a')?.status).toMatchObject({ state: 'degraded', reason: 'UNCAUGHT_ERROR', message: 'a broke' });
  });

  it('does not end what a plugin says of itself by a live change, but by a restart', async () => {
    const host = await start({ a: {} });
    host.alive('a')[0]?.ctx.degrade('SLOW', 'the other side is slow');
    host.write({ a: { options: { warm: 1 } } });
    await reload(host);
    expect(host.wired.plugins.runner('a')?.status).toMatchObject({ state: 'degraded', reason: 'SLOW', configRevision: 2 });
    host.write({ a: { options: { cold: 1 } } });
    await reload(host);
    expect(host.wired.plugins.runner('a')?.status).toMatchObject({ state: 'active', reason: 'ACTIVE', configRevision: 3 });
  });

  it.each(['throw', 'hang', 'notReady', 'crash'] as const)(
    'puts old configuration and old code back when a new one does %s',
    async (activation) => {
      const host = await start({ base: {}, top: { needs: ['base'] }, gone: {} });
      host.write({ base: { version: 2, options: { activation } }, top: { needs: ['base'], options: { cold: 1 } }, extra: {} });
      const report = await reload(host);
      expect(report).toMatchObject({ outcome: 'refused', revision: 1 });
      expect(outcomes(report)).toMatchObject({ base: 'upgrade failed', gone: 'remove rolled-back' });
      expect(states(host)).toEqual({ base: 'active', top: 'active', gone: 'active' });
      expect(
        host
          .alive()
          .map(({ id, version }) => `${id} ${version}`)
          .sort(),
      ).toEqual(['base 1 needs ', 'gone 1 needs ', 'top 1 needs base']);
    },
  );

  it('says so when a plugin does not come back with what it had, and mends it with the next good configuration', async () => {
    const host = await start({ a: { options: { activation: 'once' } }, b: {} });
    host.write({ a: { options: { activation: 'throw' } }, b: {} });
    const report = await reload(host);
    expect(report).toMatchObject({ outcome: 'failed', code: 'PLUGIN_THREW', revision: 1 });
    expect(report.message).toContain('not everything came back');
    expect(states(host)).toEqual({ a: 'failed', b: 'active' });
    host.write({ a: {}, b: {} });
    expect((await reload(host)).outcome).toBe('applied');
    expect(states(host)).toEqual({ a: 'active', b: 'active' });
  });
});

describe('changes one at a time', () => {
  it('lets a newer request take the place of one that waits', async () => {
    const host = await start({ a: {} });
    const { reloader } = host.wired;
    host.write({ a: { options: { warm: 1 } } });
    const first = reloader.reload('request');
    // it has begun, and has read what was there
    await host.clock.advance(0);
    const second = reloader.reload('signal');
    expect(reloader.reload('file')).toBe(second);
    host.write({ a: { options: { warm: 2 } } });
    await host.drive(first);
    expect((await host.drive(second)).trigger).toBe('signal');
    expect(host.alive('a')[0]?.second.warm).toBe(2);
    expect(host.wired.running.revision).toBe(3);
  });

  it('previews without touching anything, also what is wrong', async () => {
    const host = await start({ a: {}, b: { needs: ['a'] } });
    const alive = host.alive();
    host.write({ a: { options: { cold: 1 } }, b: { needs: ['a'] } }, { host: { port: 1 } });
    const preview = await host.drive(host.wired.reloader.preview());
    expect(preview.steps.map(({ id, action }) => `${id} ${action}`)).toEqual(['a restart', 'b restart']);
    expect(preview.needsHostRestart).toEqual(['host.port']);
    host.write({ a: { options: { cold: 'x' as never } } });
    expect((await host.drive(host.wired.reloader.preview())).problems).toHaveLength(1);
    expect(host.alive()).toEqual(alive);
    expect(host.wired.view.status()).not.toHaveProperty('lastReload');
  });

  it('starts a plugin again that broke, and what needs it; twice at once is once', async () => {
    const host = await start({ base: {}, top: { needs: ['base'] }, still: {} });
    host.wired.plugins.runner('base')?.degrade('UNCAUGHT_ERROR', 'it broke');
    expect(states(host)).toMatchObject({ base: 'degraded' });
    const still = host.alive('still');
    const { reloader } = host.wired;
    const restart = reloader.restart('base');
    expect(reloader.restart('base')).toBe(restart);
    const restarted = await host.drive(restart);
    expect(restarted).toMatchObject({ state: 'active', configRevision: 1 });
    expect(restarted).not.toHaveProperty('lastAttempt');
    expect(states(host)).toEqual({ base: 'active', top: 'active', still: 'active' });
    expect(host.alive('still')).toEqual(still);
    await expect(host.drive(reloader.restart('bsae'))).rejects.toMatchObject({
      code: 'PLUGIN_UNKNOWN',
      message: expect.stringContaining('base'),
    });
  });

  it('stops in order when the host stops in the middle, and begins nothing that waits', async () => {
    const host = await startScriptedHost({ a: {}, b: { needs: ['a'] } });
    host.write({ a: { options: { activation: 'hang' } }, b: { needs: ['a'] } });
    const running = host.wired.reloader.reload('request');
    const ended = expect(running).rejects.toMatchObject({ code: 'HOST_STOPPING' });
    for (let turn = 0; host.wired.plugins.runner('a')?.status.state !== 'activating' && turn < 200; turn += 1) await host.clock.advance(1);
    const waiting = expect(host.wired.reloader.reload('request')).rejects.toMatchObject({ code: 'HOST_STOPPING' });
    expect(await host.stop()).toBe(true);
    await Promise.all([ended, waiting]);
    expect(states(host)).toEqual({ a: 'stopped', b: 'stopped' });
    expect([host.alive(), host.clock.pending, host.bus.subscriptions]).toEqual([[], 0, []]);
  });
});

describe('a host that stops during a reload', () => {
  it('says so, also where a plugin was to be added', async () => {
    const host = await startScriptedHost({ b: { options: { slowCallMs: 150 } } });
    const call = host.wired.operations.call('b.read', {});
    host.write({ a: {}, b: { version: 2 } });
    const ended = expect(host.wired.reloader.reload('request')).rejects.toMatchObject({ code: 'HOST_STOPPING' });
    for (let turn = 0; states(host).b !== 'stopping' && turn < 10_000; turn += 1) await filesAreRead();
    expect(states(host).b).toBe('stopping');
    expect(await host.stop()).toBe(true);
    await Promise.all([ended, call]);
    expect(host.alive()).toEqual([]);
  });

  it('does not wait for code that does not end loading', async () => {
    const host = await startScriptedHost({ a: {} });
    host.holdReading();
    const { reloader } = host.wired;
    const all = [reloader.reload('request'), reloader.preview(), reloader.restart('a')];
    const ended = Promise.all(all.map((change) => expect(change).rejects.toMatchObject({ code: 'HOST_STOPPING' })));
    await host.clock.advance(1);
    const before = host.clock.now();
    expect(await host.stop()).toBe(true);
    await ended;
    expect(host.clock.now() - before).toBeLessThan(5_000);
  });
});

describe('a plugin that is started again by hand', () => {
  it('runs on when its own check, or that of one that needs it, finds faults', async () => {
    const host = await start({ a: {}, b: { needs: ['a'] }, c: {} });
    const { reloader } = host.wired;
    const before = host.alive();
    host.faults.set('a', 'no such stage').set('b', 'a typo');
    await expect(host.drive(reloader.restart('a'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('nothing was restarted'),
      details: [
        { path: 'a.yaml:3', message: 'no such stage' },
        { path: 'b.yaml:3', message: 'a typo' },
      ],
    });
    expect(host.alive()).toEqual(before);
    expect(await host.drive(host.wired.operations.call('a.read', {}))).toMatchObject({ warm: 0 });
    expect(await host.drive(reloader.restart('c'))).toMatchObject({ state: 'active' });
    host.faults.clear();
    expect(await host.drive(reloader.restart('a'))).toMatchObject({ state: 'active' });
    expect(host.alive('a')[0]).not.toBe(before[0]);
  });

  it('is started again all the same where it broke, whatever its files say', async () => {
    const host = await start({ a: {} });
    const [before] = host.alive('a');
    host.faults.set('a', 'a typo');
    await host.drive(host.wired.reloader.restartBroken('a'));
    expect(host.alive('a')).toHaveLength(1);
    expect(host.alive('a')[0]).not.toBe(before);
  });
});

describe('a plugin that is down', () => {
  it('is tried again by each reload, which says how that ended', async () => {
    const host = await start({
      a: { options: { activation: 'throw' } },
      b: { needs: ['a'] },
      c: { options: { activation: 'notReady' } },
      d: {},
    });
    const report = await reload(host);
    expect(outcomes(report)).toEqual({ a: 'keep failed', b: 'keep failed', c: 'keep unchanged', d: 'keep unchanged' });
    expect(report).toMatchObject({
      outcome: 'unchanged',
      plugins: expect.arrayContaining([expect.objectContaining({ plugin: 'a', code: 'PLUGIN_THREW' })]),
    });
    expect(host.wired.plugins.runner('a')?.status.message).toContain('a does not start');
  });

  it('is named to who calls its operations, and is no reason to think that others are not there', async () => {
    const host = await start({
      a: { options: { activation: 'throw' } },
      b: { needs: ['a'] },
      c: { options: { activation: 'notReady' } },
      d: {},
    });
    const { operations } = host.wired;
    await expect(operations.call('a.read', {})).rejects.toMatchObject({
      code: 'OPERATION_UNAVAILABLE',
      status: 503,
      plugin: 'a',
      message: expect.stringMatching(
        /^a\.read is not available: plugin a has failed \(PLUGIN_THREW\): .*a does not start\. .*bellows plugins restart a/,
      ),
    });
    await expect(operations.call('b.read', {})).rejects.toThrow(
      /plugin b is blocked \(NEED_NOT_ACTIVE\): needs the plugin a, which is failed/,
    );
    await expect(operations.call('c.read', {})).rejects.toMatchObject({ code: 'OPERATION_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    for (const name of ['d.raed', 'e.read', 'a', 'a.', 'constructor.a']) {
      await expect(operations.call(name, {})).rejects.toMatchObject({ code: 'OPERATION_UNKNOWN', status: 404 });
    }
  });
});

describe('calls during a change', () => {
  it('hear that the plugin comes back, and end well where they had begun', async () => {
    const host = await start({ a: { options: { slowCallMs: 100 } } });
    const { operations, reloader } = host.wired;
    const old = operations.call('a.read', {});
    const restart = reloader.restart('a');
    await host.clock.advance(1);
    expect(states(host)).toEqual({ a: 'stopping' });
    await expect(operations.call('a.read', {})).rejects.toMatchObject({ code: 'OPERATION_STOPPING', retryAfterMs: expect.any(Number) });
    await host.drive(restart);
    expect(await old).toMatchObject({ slowCallMs: 100 });
    expect(await host.drive(operations.call('a.read', {}))).toMatchObject({ slowCallMs: 100 });
  });

  it('are ended with a code when they take longer than half of the stop time-out', async () => {
    const host = await start({ a: { options: { slowCallMs: 100_000 } } });
    const old = expect(host.wired.operations.call('a.read', {})).rejects.toMatchObject({ code: 'OPERATION_STOPPING' });
    host.write({ a: { version: 2 } });
    expect((await reload(host)).outcome).toBe('applied');
    await old;
  });

  it('find no operation of a plugin that has been removed', async () => {
    const host = await start({ a: {}, b: {} });
    host.write({ b: {} });
    await reload(host);
    await expect(host.wired.operations.call('a.read', {})).rejects.toMatchObject({ code: 'OPERATION_UNKNOWN' });
    expect(host.wired.registry.entries()).toEqual([]);
  });
});
