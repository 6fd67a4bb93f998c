import { silentLogger } from '@bellows/sdk';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type HttpServer, startHttpServer } from '../../src/http/http-server.js';
import { TOKEN } from '../http/loopback-host.js';
import { type ScriptedHost, startScriptedHost } from '../reload/scripted-host.js';
import { bellows as run } from './terminal.js';

let host: ScriptedHost;
let server: HttpServer;
beforeEach(async () => {
  host = await startScriptedHost({ a: {}, b: { needs: ['a'] }, c: {} });
  const { view, reloader, operations } = host.wired;
  const at = { address: '127.0.0.1', port: 0, token: TOKEN, users: null };
  server = await startHttpServer({ view, control: reloader, registry: operations, ...at, logger: silentLogger });
});
afterEach(async () => {
  await server.close();
  await host.stop();
});

const bellows = (...argv: string[]) => host.drive(run(argv, { host: { url: server.url, token: TOKEN } }));

describe('bellows reload', () => {
  it('says what was done, to people and to programs', async () => {
    host.write({ a: { options: { warm: 1 } }, b: { needs: ['a'] }, d: {} });
    const told = await bellows('reload');
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout.split('\n')).toEqual([
      'revision 2 is in force: c removed, a changed, d added',
      '  c: remove, applied',
      '  a: live, applied',
      '  d: add, applied',
      '',
    ]);
    expect((await bellows('reload', '--json')).json).toMatchObject({ outcome: 'unchanged', revision: 2 });
    expect((await bellows('status')).stdout).toContain('unchanged: nothing to change; revision 2 stays in force');
  });

  it('says beforehand what it would do', async () => {
    expect((await bellows('reload', '--dry-run')).stdout).toBe('Nothing to change.\n');
    host.write({ a: { options: { warm: 1, cold: 2 } }, b: { needs: ['a'] }, c: {} }, { host: { port: 1 } });
    const told = await bellows('reload', '--dry-run');
    expect(told.code).toBe(0);
    expect(told.stdout).toMatch(/host\.port +0 +1 +at the next start of the host/);
    expect(told.stdout).toMatch(/plugins\.a\.config\.warm +0 +1 +while it runs/);
    expect(told.stdout).toContain('a: restart (plugins.a.config.cold is not changed live)');
    expect(told.stdout).toContain('b: restart (it needs a, which is started again)');
    expect((await bellows('reload', '--dry-run', '--json')).json.steps).toHaveLength(3);
    expect(host.wired.running.revision).toBe(1);
  });

  it('answers 2 with every fault of a configuration, also beforehand', async () => {
    host.write({ a: { options: { warm: 'x' as never } }, b: { needs: ['nobody'] } });
    for (const argv of [['reload'], ['reload', '--dry-run']]) {
      const told = await bellows(...argv);
      expect([told.code, told.stdout]).toEqual([2, '']);
      expect(told.stderr).toMatch(/nothing was changed[\s\S]*plugins\.a\.config\.warm[\s\S]*plugins\.b/);
    }
  });

  it('answers 4 and why when a plugin refuses, and 1 when not everything came back', async () => {
    host.write({ a: { options: { warm: 1, takeover: 'refuse' } }, b: { needs: ['a'] }, c: {} });
    const refused = await bellows('reload');
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringMatching(/Nothing was changed: a did not take it: a refuses.*RELOAD_REFUSED/s),
    ]);
    expect((await bellows('plugins')).stdout.replace(/\s+/g, ' ')).toMatch(/ACTIVE; last failure at [\d: -]+: a refuses/);
    host.write({ a: { options: { activation: 'once' } }, b: { needs: ['a'] }, c: {} });
    expect((await bellows('reload')).code).toBe(0);
    host.write({ a: { options: { activation: 'throw' } }, b: { needs: ['a'] }, c: {} });
    const failed = await bellows('reload', '--json');
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stderr).error).toMatchObject({
      code: 'RELOAD_FAILED',
      details: [{ path: 'plugins.a' }, { path: 'plugins.b' }],
    });
  });
});

describe('bellows plugins restart', () => {
  it('starts a plugin again, says how it is, and answers 4 when it is not back', async () => {
    const [before] = host.alive('a');
    const told = await bellows('plugins', 'restart', 'a');
    expect([told.code, told.stdout]).toEqual([0, expect.stringMatching(/^PLUGIN[\s\S]*\na .*active/)]);
    expect(host.alive('a')).not.toContain(before);
    host.write({ a: { options: { activation: 'once' } }, b: { needs: ['a'] }, c: {} });
    await bellows('reload');
    expect(await bellows('plugins', 'restart', 'a', '--json')).toMatchObject({ code: 4, json: { state: 'failed' } });
  });

  it('answers 0 for one that is back and says that it works only in part', async () => {
    host.write({ a: { options: { activation: 'limp' } }, b: { needs: ['a'] }, c: {} });
    await bellows('reload');
    const told = await bellows('plugins', 'restart', 'a');
    expect([told.code, told.stdout]).toEqual([0, expect.stringMatching(/\na .*degraded[\s\S]*SCRIPT_LIMPS: a works only in\s+part/)]);
  });

  it('knows no plugin that is not there, however it is called', async () => {
    for (const id of ['aa', '../a', 'a/restart?x=1', '%2e%2e', 'x'.repeat(400)]) {
      const told = await bellows('plugins', 'restart', id);
      expect([told.code, told.stderr]).toEqual([1, expect.stringContaining('There is no plugin')]);
      expect(told.stderr.length).toBeLessThan(300);
    }
  });
});
