import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runBellows, startHost, startProcess, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

describe('a plugin that misbehaves after it is active', () => {
  it('keeps its host when it ends the process, throws or rejects from a timer, a handler or a subscription, and is degraded', async () => {
    const folder = tempFolder();
    const activate = `setTimeout(() => process.exit(3), 1);
    setTimeout(() => { throw new Error('from a timer'); }, 1);
    ctx.bus.subscribe('status', {}, async () => { setTimeout(() => process.exit(4), 1); });
    ctx.operations.provide({ name: 'wild.quit', summary: 'x', input: sdk.z.strictObject({}), output: sdk.z.any(),
      handler: async () => { Promise.reject(new Error('from a handler')); process.exit(5); } });
    ctx.own(() => process.exit(6));`;
    const host = await startHost({ folder, config: { plugins: { wild: { from: writePlugin(folder, { id: 'wild', activate }) } } } });
    const answer = await host.call('wild.quit');
    expect(answer).toMatchObject({ status: 500, json: { error: { code: 'PLUGIN_EXIT', plugin: 'wild' } } });
    await until('all faults', () => {
      const { stderr } = host.process.output();
      return ['exit(3)', 'from a timer', 'exit(4)', 'from a handler'].every((text) => stderr.includes(text));
    });
    expect((await host.request('/ready')).json.plugins).toMatchObject([{ id: 'wild', state: 'degraded', reason: 'UNCAUGHT_ERROR' }]);
    const exit = await host.stop();
    expect(exit).toMatchObject({ code: 1, signal: null });
    expect(exit.stderr).toContain('exit(6)');
  });

  it('keeps its host when its loose promise rejects while it is being activated', async () => {
    const folder = tempFolder();
    const activate = `Promise.reject(new Error('loose')); await new Promise((resolve) => setTimeout(resolve, 20));`;
    const host = await startHost({ folder, config: { plugins: { loose: { from: writePlugin(folder, { id: 'loose', activate }) } } } });
    expect((await host.request('/ready')).json.plugins).toMatchObject([{ id: 'loose', state: 'degraded' }]);
    expect((await host.stop()).code).toBe(0);
  });
});

describe('a plugin whose code does not end loading', () => {
  it.each([
    ['waits for ever', 'await new Promise(() => {});', { activateTimeoutMs: 300 }, /300 ms/],
    ['ends the process', 'process.exit(0);', {}, /process\.exit\(0\)/],
  ])('is a problem of the configuration when it %s, for start and check alike', async (_what, code, limits, says) => {
    const folder = tempFolder();
    const from = writePlugin(folder, { id: 'top' });
    writeFileSync(path.join(from, 'index.mjs'), `${code}\n${readFileSync(path.join(from, 'index.mjs'), 'utf8')}`);
    const file = writeConfig(folder, { plugins: { top: { from, ...limits } } });
    for (const command of ['start', 'check']) {
      const exit = await runBellows([command, '--config', file], { cwd: folder });
      expect(exit.code).toBe(2);
      expect(exit.stdout + exit.stderr).toMatch(says);
    }
  });
});

describe('a signal while the host is starting', () => {
  it('ends the start at once and in order, with 0', async () => {
    const folder = tempFolder();
    const activate = `ctx.own(() => console.error('given back')); console.error('activating'); await new Promise(() => {});`;
    const from = writePlugin(folder, { id: 'slow', activate });
    const file = writeConfig(folder, { plugins: { slow: { from, activateTimeoutMs: 600_000 } } });
    const running = startProcess(['start', '--config', file], { cwd: folder });
    await until('the activation', () => running.output().stderr.includes('activating'));
    running.child.kill('SIGINT');
    const exit = await running.exit;
    expect(exit).toMatchObject({ code: 0, signal: null });
    expect(exit.stderr).toContain('given back');
  });
});

describe('output that nobody reads any more', () => {
  it('is no fault of the host: it goes on, and its log does not fill with it', async () => {
    const folder = tempFolder();
    const activate = `setInterval(() => ctx.logger.info('still here'), 5);`;
    const host = await startHost({ folder, config: { plugins: { chatty: { from: writePlugin(folder, { id: 'chatty', activate }) } } } });
    host.process.child.stdout?.destroy();
    host.process.child.stderr?.destroy();
    const log = path.join(host.dataDir, 'logs', 'host.log');
    const said = () => readFileSync(log, 'utf8').split('still here').length;
    const before = said();
    await until('more lines', () => said() > before + 20);
    expect(readFileSync(log, 'utf8')).not.toContain('EPIPE');
    expect((await host.request('/ready')).status).toBe(200);
    host.process.child.kill('SIGTERM');
    expect((await host.process.exit).code).toBe(0);
  });
});

describe('a plugin that breaks, with onUncaughtError: restart', () => {
  it('is started again, and calls that come meanwhile hear to come back', async () => {
    const folder = tempFolder();
    const from = writePlugin(folder, {
      id: 'brittle',
      activate: `
        let calls = 0;
        ctx.operations.provide({
          name: 'brittle.call', summary: 'Breaks at the second call.', input: sdk.z.strictObject({}), output: sdk.z.number(),
          async handler() {
            calls += 1;
            if (calls === 2) setTimeout(() => { throw new Error('brittle as ever'); });
            return calls;
          },
        });`,
    });
    const host = await startHost({ folder, config: { plugins: { brittle: { from, onUncaughtError: 'restart' } } } });
    const call = async () => (await host.call('brittle.call')).json;
    expect([await call(), await call()]).toEqual([1, 2]);
    // the first call of the next life
    await until('the plugin to be back', async () => {
      const answer = await call();
      if (answer.error !== undefined) expect(answer.error.code).toBe('OPERATION_STOPPING');
      return answer === 1;
    });
    const [plugin] = (await host.request('/v1/plugins')).json.plugins;
    expect(plugin).toMatchObject({
      state: 'active',
      lastAttempt: { code: 'UNCAUGHT_ERROR', message: expect.stringContaining('brittle as ever') },
    });
    expect((await host.stop()).code).toBe(0);
  });
});
