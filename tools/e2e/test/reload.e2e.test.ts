import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withBuiltClone } from './built-clone.js';
import type { Answer } from './http-client.js';
import { descendants, isRunning } from './processes.js';
import { COMPUTE, cleanEnv, follow, HOST_MAIN, REPOSITORY, type RunningHost, startHost, WORKFLOW, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';
import { ADD, base64 } from './wasm-samples.js';

/** Its operation takes a moment and says which version has answered. */
function writeVersion(folder: string, version: string, { id = 'work', more = '' } = {}): string {
  return writePlugin(folder, {
    id,
    activate: `${more}
    ctx.operations.provide({
      name: '${id}.do', summary: 'Works.', input: sdk.z.unknown(), output: sdk.z.string(),
      handler: async (input) => { await new Promise((resolve) => setTimeout(resolve, 150)); return '${version}'; },
    });`,
  });
}

const tokenOf = (host: RunningHost) => ({ authorization: `Bearer ${host.token}` });
const post = (host: RunningHost, target: string, body: unknown = {}) =>
  host.request(target, { method: 'POST', headers: { ...tokenOf(host), 'content-type': 'application/json' }, body: JSON.stringify(body) });
const pluginOf = async (host: RunningHost, id: string) =>
  (await host.request('/v1/plugins')).json.plugins.find((plugin: { id: string }) => plugin.id === id);

describe('a host that runs', () => {
  it('gets another version of a plugin under load: no call is lost, and none answers anything but one of the versions', async () => {
    const folder = tempFolder();
    const plugins = { work: { from: writeVersion(folder, 'v1') } };
    const host = await startHost({ folder, config: { plugins } });
    const answers: Answer[] = [];
    let isOver = false;
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) answers.push(await host.call('work.do'));
    });
    const count = (answer: string) => answers.filter(({ json }) => json === answer).length;
    for (const [before, next] of [
      ['v1', 'v2'],
      ['v2', 'v3'],
    ] as const) {
      await until(`answers of ${before}`, () => count(before) > 20);
      writeVersion(folder, next);
      const running = host.call('work.do');
      expect(await host.bellows(['reload'])).toMatchObject({ code: 0, stdout: expect.stringContaining('work upgraded') });
      expect([before, next]).toContain((await running).json);
      await until(`answers of ${next}`, () => count(next) > 20);
    }
    isOver = true;
    await Promise.all(callers);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.map(({ status, json }) => `${status} ${json.error.code}`).filter((text) => text !== '503 OPERATION_STOPPING')).toEqual(
      [],
    );
    expect(count('v1') + count('v2') + count('v3') + refused.length).toBe(answers.length);
    // in the order in which they were in force
    const served = answers.map(({ json }) => json).filter((json) => typeof json === 'string');
    expect(served.lastIndexOf('v1')).toBeLessThan(served.indexOf('v3'));
    await until('the copies of earlier versions to go', () => readdirSync(path.join(host.dataDir, 'staging', 'work')).length === 1);
    expect((await host.stop()).code).toBe(0);
  });

  it('adds and removes plugins, and says beforehand what it would do', async () => {
    const folder = tempFolder();
    const first = { from: writeVersion(folder, 'v1') };
    const host = await startHost({ folder, config: { plugins: { work: first } } });
    writeConfig(folder, { plugins: { other: { from: writeVersion(folder, 'o1', { id: 'other' }) } } });
    const preview = await host.bellows(['reload', '--dry-run']);
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.stdout).toMatch(/plugins\.work .*the plugin is removed/);
    expect((await host.call('work.do')).json).toBe('v1');
    const report = JSON.parse((await host.bellows(['reload', '--json'])).stdout);
    expect(report).toMatchObject({ outcome: 'applied', revision: 2 });
    expect(await host.call('other.do')).toMatchObject({ status: 200, json: 'o1' });
    expect(await host.call('work.do')).toMatchObject({ status: 404, json: { error: { code: 'OPERATION_UNKNOWN' } } });
    expect((await host.bellows(['status'])).stdout).toMatch(/revision 2[\s\S]*last reload at .* applied: /);
  });

  it('goes on with what it had when a version does not start, has a mistake in it, or the file has; and says why', async () => {
    const folder = tempFolder();
    const config = { plugins: { work: { from: writeVersion(folder, 'v1') } } };
    const host = await startHost({ folder, config });
    const wasSuccessful = async () => (await host.request('/metrics')).text.match(/^bellows_config_last_reload_successful (.*)$/m)?.[1];
    expect(await wasSuccessful()).toBe('1');
    writeVersion(folder, 'v2', { more: `throw new Error('no such table');` });
    const broken = await host.bellows(['reload']);
    expect([broken.code, broken.stderr]).toEqual([4, expect.stringContaining('no such table')]);
    expect(await wasSuccessful()).toBe('0');
    expect(await host.call('work.do')).toMatchObject({ status: 200, json: 'v1' });
    expect((await host.bellows(['plugins'])).stdout.replace(/\s+/g, ' ')).toContain('no such table');
    expect(await pluginOf(host, 'work')).toMatchObject({ state: 'active', configRevision: 1, lastAttempt: { code: 'PLUGIN_THREW' } });
    expect((await host.request('/ready')).json.plugins[0]).toMatchObject({ lastAttempt: { code: 'PLUGIN_THREW' } });

    writeVersion(folder, 'v2', { more: 'this is no JavaScript' });
    const mistaken = await host.bellows(['reload']);
    expect([mistaken.code, mistaken.stderr]).toEqual([2, expect.stringContaining('plugins.work.from')]);

    writeVersion(folder, 'v2');
    writeFileSync(path.join(folder, 'bellows.yaml'), 'plugins: { work: { from: ');
    expect((await host.bellows(['reload', '--data', host.dataDir])).code).toBe(2);
    expect(await host.call('work.do')).toMatchObject({ status: 200, json: 'v1' });

    writeConfig(folder, config);
    expect((await host.bellows(['reload'])).code).toBe(0);
    expect(await host.call('work.do')).toMatchObject({ status: 200, json: 'v2' });
    expect(await wasSuccessful()).toBe('1');
  });

  it('loads a plugin anew that was imported from its own folder', async () => {
    const folder = tempFolder();
    const from = writeVersion(folder, 'v1');
    mkdirSync(path.join(from, 'node_modules', '@bellows'), { recursive: true });
    symlinkSync(path.join(REPOSITORY, 'sdk'), path.join(from, 'node_modules', '@bellows', 'sdk'));
    const host = await startHost({ folder, config: { plugins: { work: { from } } } });
    expect(existsSync(path.join(host.dataDir, 'staging', 'work'))).toBe(false);
    writeVersion(folder, 'v2');
    expect((await host.bellows(['reload'])).stdout).toContain('work upgraded');
    expect((await host.call('work.do')).json).toBe('v2');
    expect((await host.bellows(['reload'])).stdout).toContain('nothing to change');
    // what was imported is neither the first nor the second mistake
    for (const more of ['this is no JavaScript', 'nor is this;']) {
      writeVersion(folder, 'v3', { more });
      expect((await host.bellows(['reload'])).code).toBe(2);
    }
    writeVersion(folder, 'v1');
    expect((await host.bellows(['reload'])).stdout).toContain('work upgraded');
    expect((await host.call('work.do')).json).toBe('v1');
  });

  it('starts a plugin again that broke', async () => {
    const folder = tempFolder();
    const more = `ctx.operations.provide({ name: 'work.break', summary: 'Breaks.', input: sdk.z.unknown(), output: sdk.z.unknown(),
      handler: async () => { setTimeout(() => { throw new Error('loose'); }, 0); return null; } });`;
    const host = await startHost({ folder, config: { plugins: { work: { from: writeVersion(folder, 'v1', { more }) } } } });
    await host.call('work.break');
    await until('the fault to show', async () => (await pluginOf(host, 'work')).state === 'degraded');
    expect((await host.bellows(['plugins', 'restart', 'work'])).stdout).toMatch(/work .*active/);
    expect(await pluginOf(host, 'work')).toMatchObject({ state: 'active' });
    expect(await pluginOf(host, 'work')).not.toHaveProperty('lastAttempt');
    expect(await host.bellows(['plugins', 'restart', 'wrok'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('did you mean work?'),
    });
  });

  it('lets nobody change it without its token, nor with a body it does not know', async () => {
    const host = await startHost({});
    for (const target of ['/v1/reload', '/v1/plugins/x/restart']) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      expect(await host.request(target, init)).toMatchObject({ status: 401, json: { error: { code: 'TOKEN_NEEDED' } } });
      expect(await post(host, target, { force: true })).toMatchObject({ status: 400, json: { error: { code: 'INPUT_INVALID' } } });
      const form = { method: 'POST', headers: tokenOf(host), body: 'dryRun=true' };
      expect((await host.request(target, form)).status).toBe(415);
    }
    const { token } = host;
    const bare = (headers = {}) =>
      host.request('/v1/reload', { method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers } });
    for (const headers of [{}, { 'content-length': '0' }, { 'content-type': 'application/json' }])
      expect(await bare(headers)).toMatchObject({ status: 200, json: { outcome: 'unchanged' } });
    expect((await bare({ 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    const many = await Promise.all(Array.from({ length: 50 }, () => post(host, '/v1/reload')));
    expect(new Set(many.map(({ status, json }) => `${status} ${json.outcome}`))).toEqual(new Set(['200 unchanged']));
  });
});

describe('what starts a reload', () => {
  const clone = withBuiltClone();

  it.each(['SIGUSR2', 'SIGHUP'] as const)('is %s, where no terminal can have closed', async (signal) => {
    const folder = tempFolder();
    const file = writeConfig(folder, { plugins: { work: { from: writeVersion(folder, 'v1') } } });
    // a session of its own has no terminal
    const running = follow(
      spawn(process.execPath, [HOST_MAIN, 'start', '--config', file], {
        cwd: folder,
        env: cleanEnv(),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    await until('the host', () => running.output().stdout.includes('is ready'));
    writeVersion(folder, 'v2');
    process.kill(running.pid, signal);
    await until('the reload', () => running.output().stderr.includes('reload (by a signal): revision 2 is in force: work upgraded'));
    running.child.kill('SIGTERM');
    expect((await running.exit).code).toBe(0);
  });

  it('is a signal to npm start, too, which goes on and still ends its host when it is left alone', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, { plugins: { work: { from: writeVersion(folder, 'v1') } } });
    const line = `"${clone().node}" "${path.join(clone().folder, 'tools/run.mjs')}" start --config "${file}"; true`;
    const shell = follow(spawn('sh', ['-c', line], { cwd: folder, env: cleanEnv(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
    await until('the host', () => shell.output().stdout.includes('is ready'));
    const below = descendants(shell.pid);
    const [runner] = below;
    const { pid } = JSON.parse(readFileSync(path.join(folder, '.bellows', 'host.json'), 'utf8'));
    for (const [signal, version] of [
      ['SIGUSR2', 2],
      ['SIGHUP', 3],
    ] as const) {
      writeVersion(folder, `v${version}`);
      process.kill(runner as number, signal);
      await until(`revision ${version}`, () => shell.output().stderr.includes(`revision ${version} is in force`));
    }
    shell.child.kill('SIGKILL');
    await until('the host to stop', () => !isRunning(pid));
    expect(readFileSync(path.join(folder, '.bellows', 'logs', 'host.log'), 'utf8')).toContain('"msg":"stopped"');
  });

  it('is a change of the file where the host watches it, and never one that has mistakes', async () => {
    const folder = tempFolder();
    const plugins = { work: { from: writeVersion(folder, 'v1') } };
    const host = await startHost({ folder, config: { host: { watchConfig: true }, plugins } });
    const file = path.join(folder, 'bellows.yaml');
    const good = readFileSync(file, 'utf8');
    writeFileSync(file, good.slice(0, good.length / 2));
    await until('the refusal', () => host.process.output().stderr.includes(`reload (a file changed: ${file}): `));
    writeConfig(folder, {
      host: { watchConfig: true },
      plugins: { ...plugins, other: { from: writeVersion(folder, 'o1', { id: 'other' }) } },
    });
    // a reload goes through the plugins one after the other: each is waited for
    await until('the new plugin', async () => (await host.call('other.do')).status === 200);
    await until('the one before', async () => (await host.call('work.do')).status === 200);
    // what it names is looked at too, also when it was not taken
    const own = path.join(folder, 'own.yaml');
    writeFileSync(own, 'mistake: 1');
    writeConfig(folder, { host: { watchConfig: true }, plugins: { work: { ...plugins.work, configFile: 'own.yaml' } } });
    await until('the second refusal', () => host.process.output().stderr.includes('own.yaml.mistake'));
    writeFileSync(own, '{}');
    await until('the mended one', async () => (await host.call('other.do')).status === 404);
    await until('the one that stays', async () => (await host.call('work.do')).status === 200);
  });
});

describe('what plugins keep', () => {
  it('survives that they are started again: runs of workflows and wasm modules', async () => {
    const host = await startHost({ config: { plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW } } } });
    await host.call('compute.put', { name: 'add', wasm: base64(ADD) });
    const stages = [
      { name: 'before', operation: 'compute.invoke', input: { module: 'add', export: 'add', args: [1, 2] } },
      { name: 'pause', timer: 1_500, dependsOn: ['before'] },
      { name: 'after', operation: 'compute.invoke', input: { module: 'add', export: 'add', args: [3, 4] }, dependsOn: ['pause'] },
    ];
    const defined = await host.call('workflow.define', { json: { name: 'long', version: 1, stages } });
    expect(defined).toMatchObject({ status: 200, json: { name: 'long' } });
    const { id } = (await host.call('workflow.start', { name: 'long', input: {} })).json;
    await until('the first stage', async () => (await host.call('workflow.get', { id })).json.stages[0].status === 'completed');
    expect((await host.bellows(['reload'])).stdout).toContain('nothing to change');
    for (const plugin of ['workflow', 'compute']) expect((await host.bellows(['plugins', 'restart', plugin])).code).toBe(0);
    const ended = (await host.call('workflow.wait', { id, timeoutMs: 20_000 })).json;
    expect(ended).toMatchObject({ status: 'completed' });
    expect((await host.call('compute.invoke', { module: 'add', export: 'add', args: [5, 6] })).json).toMatchObject({ results: [11] });
  });
});
