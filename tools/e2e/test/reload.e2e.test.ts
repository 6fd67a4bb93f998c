import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningHost, startHost, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

const OPTIONS = `sdk.z.strictObject({
  word: sdk.option(sdk.z.string().default('old'), { what: 'The word.', change: 'live' }),
  size: sdk.option(sdk.z.number().default(1), { what: 'The size.' }),
})`;

/** Answers with its version, after the file `gate` is there where it is given one. */
function greeter(folder: string, version: string, more = ''): string {
  return writePlugin(folder, {
    id: 'greeter',
    config: OPTIONS,
    activate: `
      ${more}
      let word = ctx.config.word;
      ctx.onReconfigure(({ config }) => {
        if (config.word === 'forbidden') throw new sdk.RefusedError('RECONFIGURE_REFUSED', 'that word is forbidden here');
        word = config.word;
      });
      const { existsSync } = await import('node:fs');
      ctx.operations.provide({
        name: 'greeter.greet', summary: 'Greets.', input: sdk.z.strictObject({ gate: sdk.z.string().optional() }), output: sdk.z.string(),
        async handler({ gate }) {
          while (gate !== undefined && !existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
          return ${JSON.stringify(version)} + ' ' + word + ' ' + ctx.config.size;
        },
      });`,
  });
}

describe('a running host', () => {
  const folder = tempFolder('bellows-reload');
  let from: string;
  let host: RunningHost;
  const write = (config: object, more: object = {}, hostConfig: object = {}) =>
    writeConfig(folder, { host: { watchConfig: false, ...hostConfig }, plugins: { greeter: { from, config }, ...more } });
  const bellows = (...args: string[]) => host.bellows(args, { env: { BELLOWS_TOKEN: host.token } });
  const greet = async (input = {}) => (await host.call('greeter.greet', input)).json;
  const revision = async () => (await host.request('/v1/status')).json.configRevision;

  beforeAll(async () => {
    from = greeter(folder, 'v1');
    host = await startHost({ folder, config: { plugins: { greeter: { from } } } });
  });

  it('says what would change, changes nothing by that, and then takes a live option over', async () => {
    write({ word: 'new' });
    const dry = await bellows('reload', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('plugins.greeter.config.word')]);
    expect(await greet()).toBe('v1 old 1');
    const done = await bellows('reload');
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect([await greet(), await revision()]).toEqual(['v1 new 1', 2]);
  });

  it('keeps everything when a plugin refuses, and says why at every place', async () => {
    write({ word: 'forbidden' }, { other: { from: writePlugin(folder, { id: 'other' }) } });
    const refused = await bellows('reload');
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('that word is forbidden here')]);
    expect([await greet(), await revision()]).toEqual(['v1 new 1', 2]);
    const status = (await host.request('/v1/status')).json;
    expect(status.plugins.map(({ id }: { id: string }) => id)).toEqual(['greeter']);
    expect(status.plugins[0]).toMatchObject({ state: 'active', lastAttempt: { code: 'RECONFIGURE_REFUSED' } });
    expect(status.lastReload).toMatchObject({ outcome: 'refused', code: 'RECONFIGURE_REFUSED', revision: 2 });
  });

  it('keeps everything when the file has faults, and names each with its line', async () => {
    write({ word: 7, sise: 2 }, {}, { port: 'many' });
    const faulty = await bellows('reload');
    expect(faulty.code).toBe(2);
    for (const part of ['config.word', 'size', 'host.port']) expect(faulty.stderr).toContain(part);
    writeFileSync(path.join(folder, 'bellows.yaml'), 'plugins: [\n');
    expect((await bellows('reload')).code).toBe(2);
    expect([await greet(), await revision()]).toEqual(['v1 new 1', 2]);
  });

  it('exchanges the code of a plugin while it is called: calls that run end with the old one', async () => {
    write({ word: 'new' });
    const gate = path.join(folder, 'gate');
    const running = Array.from({ length: 20 }, () => greet({ gate }));
    await until('the calls to run', async () =>
      (await (await host.request('/metrics')).text).includes('bellows_operation_in_flight{operation="greeter.greet"} 20'),
    );
    greeter(folder, 'v2');
    const reload = bellows('reload');
    await until('the plugin to stop', async () => (await host.request('/v1/plugins')).json.plugins[0].state === 'stopping');
    expect((await host.call('greeter.greet')).json).toMatchObject({ error: { code: 'OPERATION_STOPPING' } });
    writeFileSync(gate, '');
    expect(await Promise.all(running)).toEqual(running.map(() => 'v1 new 1'));
    expect((await reload).code).toBe(0);
    expect(await greet()).toBe('v2 new 1');
  });

  it('goes on with the old code when the new one cannot start', async () => {
    greeter(folder, 'v3', `throw new Error('not finished yet');`);
    const failed = await bellows('reload');
    expect([failed.code, failed.stderr]).toEqual([4, expect.stringContaining('not finished yet')]);
    expect(await greet()).toBe('v2 new 1');
    greeter(folder, 'v4');
    expect([(await bellows('reload')).code, await greet()]).toEqual([0, 'v4 new 1']);
  });

  it('adds and removes a plugin, and starts one again that has other options', async () => {
    write({ word: 'new', size: 2 }, { other: { from: writePlugin(folder, { id: 'other' }) } });
    expect([(await bellows('reload')).code, await greet()]).toEqual([0, 'v4 new 2']);
    expect((await bellows('plugins', '--json')).stdout).toContain('"other"');
    write({ word: 'new', size: 2 });
    expect((await bellows('reload')).code).toBe(0);
    expect((await bellows('plugins', '--json')).stdout).not.toContain('"other"');
    const restarted = await bellows('plugins', 'restart', 'greeter');
    expect([restarted.code, await greet()]).toEqual([0, 'v4 new 2']);
    expect((await bellows('plugins', 'restart', 'greter')).stderr).toContain('did you mean greeter?');
  });

  it('tells what waits for a restart of the host', async () => {
    write({ word: 'new', size: 2 }, {}, { address: 'localhost' });
    expect((await bellows('reload')).stdout).toContain('host.address waits for a restart of the host');
    write({ word: 'new', size: 2 });
    expect((await bellows('reload')).code).toBe(0);
  });

  it('reloads for a signal, and by itself when it watches its file', async () => {
    write({ word: 'signal', size: 2 }, {}, { watchConfig: true });
    host.process.child.kill('SIGUSR2');
    await until('the word', async () => (await greet()) === 'v4 signal 2');
    write({ word: 'watched', size: 2 }, {}, { watchConfig: true });
    await until('the word', async () => (await greet()) === 'v4 watched 2');
    expect((await host.request('/v1/status')).json.lastReload).toMatchObject({ trigger: 'file', outcome: 'applied' });
    expect(readFileSync(path.join(host.dataDir, 'logs', 'host.log'), 'utf8')).toContain('reload (a file changed)');
  });

  it('is changed only by whoever has its token, and by nothing but what it knows', async () => {
    const post = (target: string, body: string, token?: string) =>
      host.request(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        body,
      });
    for (const target of ['/v1/reload', '/v1/plugins/greeter/restart']) {
      expect([401, 403]).toContain((await post(target, '{}')).status);
      expect((await post(target, '{"__proto__":{"x":1}, "dryRum": true}', host.token)).status).toBe(400);
      expect((await post(target, '[]', host.token)).status).toBe(400);
    }
    expect((await post('/v1/plugins/..%2f..%2fx/restart', '{}', host.token)).status).toBe(404);
  });

  it('takes many reloads at once', async () => {
    const before = await revision();
    write({ word: 'many', size: 3 });
    const all = await Promise.all(Array.from({ length: 8 }, () => bellows('reload')));
    expect(all.map(({ code }) => code)).toEqual(all.map(() => 0));
    expect([await greet(), await revision()]).toEqual(['v4 many 3', before + 1]);
    expect((await host.stop()).code).toBe(0);
  });
});
