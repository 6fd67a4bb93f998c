import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { GREETER, type RunningHost, runBellows, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';
import { until } from './until.js';

describe('a host with a file of tokens', () => {
  const tokens = new Map<string, string>();
  let host: RunningHost;
  const bearing = (role: string) => ({ authorization: `Bearer ${tokens.get(role)}` });

  beforeAll(async () => {
    const folder = tempFolder();
    const entries: unknown[] = [];
    for (const role of ['reader', 'operator', 'admin']) {
      const { stdout } = await runBellows(['token', 'new', '--role', role, '--name', `the-${role}`, '--json']);
      const made = JSON.parse(stdout) as { token: string; entry: unknown };
      tokens.set(role, made.token);
      entries.push(made.entry);
    }
    writeFileSync(path.join(folder, 'tokens.yaml'), JSON.stringify(entries));
    const from = writePlugin(folder, {
      id: 'roles',
      activate: `for (const role of sdk.ROLES) ctx.operations.provide({ name: 'roles.' + role, summary: role, role,
        input: sdk.z.unknown(), output: sdk.z.unknown(), handler: async (_input, call) => ({ user: call.user }) });`,
    });
    host = await startHost({
      folder,
      config: { host: { tokensFile: './tokens.yaml' }, plugins: { greeter: { from: GREETER }, roles: { from } } },
    });
  });

  it('answers nobody without a token, except whether it lives', async () => {
    for (const target of ['/v1/status', '/v1/plugins', '/v1/decisions', '/v1/events', '/v1/operations']) {
      expect([target, (await host.request(target)).status]).toEqual([target, 401]);
    }
    expect((await host.call('greeter.greet', { name: 'Ada' })).status).toBe(401);
    expect((await host.request('/health')).status).toBe(200);
  });

  it('refuses a token that is not in the file', async () => {
    const { status, json } = await host.call('greeter.greet', { name: 'Ada' }, { authorization: `Bearer ${'x'.repeat(43)}` });
    expect([status, json.error.code]).toEqual([401, 'TOKEN_UNKNOWN']);
  });

  it.each([
    ['reader', [200, 403, 403]],
    ['operator', [200, 200, 403]],
    ['admin', [200, 200, 200]],
  ])('lets a %s do what the role may, and no more', async (role, allowed) => {
    const statuses = [];
    for (const needed of ['reader', 'operator', 'admin']) statuses.push((await host.call(`roles.${needed}`, {}, bearing(role))).status);
    expect(statuses).toEqual(allowed);
  });

  it('knows who calls by the token', async () => {
    expect((await host.call('roles.reader', {}, bearing('operator'))).json).toEqual({ user: 'the-operator' });
  });

  it('keeps the tokens out of its data folder, and lets its own user in', async () => {
    const own = await runBellows(['call', 'greeter.greet', '{"name":"Ada"}'], { cwd: host.folder });
    expect([own.code, own.stderr]).toEqual([0, '']);
  });

  it('says wherever one looks that a changed file is refused, with every fault in the log, and no more when it is right again', async () => {
    const file = path.join(host.folder, 'tokens.yaml');
    const before = readFileSync(file, 'utf8');
    const ready = async () => (await host.request('/ready', { headers: bearing('reader') })).json;
    const metrics = async () => (await host.request('/metrics', { headers: bearing('reader') })).text;
    writeFileSync(file, '- { name: a, role: emperor, sha256: "00" }\n');
    const refused = await until('the refusal', async () => (await ready()).tokensRefused);
    expect(refused).toEqual({ at: expect.any(Number), message: expect.stringContaining(`line 1 of ${file}`) });
    expect(await metrics()).toMatch(/^bellows_tokens_file_refused 1$/m);
    for (const command of ['status', 'doctor']) {
      const { stdout } = await runBellows([command], { cwd: host.folder });
      expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/refused.* the earlier tokens hold: The tokens file/);
    }
    const everyFault = /^ {2}tokens\[0\]\.role: .*\n(.*\n)*? {2}tokens\[0\]\.sha256: /m;
    await until('every fault in the log', () => everyFault.test(host.process.output().stderr));
    writeFileSync(file, before);
    await until('the file to hold again', async () => (await ready()).tokensRefused === undefined);
    expect(await metrics()).toMatch(/^bellows_tokens_file_refused 0$/m);
  });

  it('names the entry that is wrong', async () => {
    const folder = tempFolder();
    writeFileSync(path.join(folder, 'tokens.yaml'), '- { name: a, role: emperor, sha256: "00" }\n');
    const file = path.join(folder, 'bellows.yaml');
    writeFileSync(file, 'host: { port: 0, tokensFile: ./tokens.yaml }\n');
    for (const command of ['start', 'check']) {
      const { code, stderr } = await runBellows([command, '--config', file], { cwd: folder });
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toMatch(/tokens\[0\]\.role: .*\(line 1 of\s+\S*tokens\.yaml\)/);
      expect(stderr).toMatch(/tokens\[0\]\.sha256/);
    }
  });
});
