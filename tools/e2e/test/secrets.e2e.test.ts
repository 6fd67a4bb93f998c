import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { runBellows, startHost, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';

const KEY = 'hunter2-from-a-file';
const LITERAL = 'hunter2-in-the-file';

/** A plugin that takes its secrets apart, and quotes them when they do not please it. */
const CONFIG = `sdk.z.strictObject({
  url: sdk.z.string().transform((text) => ({ scheme: 'https', credentials: text })),
  password: sdk.option(sdk.z.string().default('none'), { what: 'P.', secret: true }),
  keys: sdk.option(sdk.z.string().transform((text) => text.split(',')).optional(), { what: 'K.', secret: true }),
  mode: sdk.z.string().default('good').refine((mode) => mode === 'good', { error: ({ input }) => 'the mode ' + input + ' is not known' }),
})`;

describe('a secret', () => {
  const folder = tempFolder();
  const secretFile = path.join(folder, 'secret');
  beforeAll(() => {
    writePlugin(folder, { id: 'quoting', config: CONFIG });
    writeFileSync(secretFile, `${KEY}\n`, { mode: 0o600 });
  });

  const configFile = (config: object) => writeConfig(folder, { plugins: { quoting: { from: './quoting', config } } });

  it('is hidden by config print, also in what the plugin makes of it, and where only the mark of the option tells', async () => {
    configFile({ url: '${file:secret}', password: LITERAL, keys: LITERAL });
    const { code, stdout } = await runBellows(['config', 'print', '--json'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).not.toContain('hunter2');
    const { entries } = JSON.parse(stdout) as { entries: readonly { path: string }[] };
    expect(entries.filter(({ path: at }) => at.startsWith('plugins.quoting.config.'))).toEqual([
      { path: 'plugins.quoting.config.url.scheme', value: '(hidden)', origin: 'secret' },
      { path: 'plugins.quoting.config.url.credentials', value: '(hidden)', origin: 'secret' },
      { path: 'plugins.quoting.config.password', value: '(hidden)', origin: 'file' },
      { path: 'plugins.quoting.config.keys[0]', value: '(hidden)', origin: 'file' },
      { path: 'plugins.quoting.config.mode', value: 'good', origin: 'default' },
    ]);
  });

  it('is hidden by config diff', async () => {
    const other = path.join(folder, 'other.yaml');
    configFile({ url: '${file:secret}', password: LITERAL });
    writeFileSync(
      other,
      JSON.stringify({ host: { port: 0 }, plugins: { quoting: { from: './quoting', config: { url: 'https://plain' } } } }),
    );
    const { code, stdout } = await runBellows(['config', 'diff', 'bellows.yaml', other, '--json', '--exit-code'], { cwd: folder });
    expect([code, stdout]).toEqual([1, expect.stringContaining('plugins.quoting.config.password')]);
    expect(stdout).not.toContain('hunter2');
  });

  it('is taken out of what the plugin says is wrong with it', async () => {
    configFile({ url: 'x', mode: '${file:secret}' });
    const { code, stdout, stderr } = await runBellows(['check'], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('plugins.quoting.config.mode: the mode (hidden) is not known');
    expect(stdout + stderr).not.toContain('hunter2');
  });

  it('is taken out of what a running plugin says: log, state, answers and the report of a reload', async () => {
    writePlugin(folder, {
      id: 'telling',
      config: `sdk.z.strictObject({
        url: sdk.option(sdk.z.string(), { what: 'U.', secret: true, change: 'live' }),
        mode: sdk.option(sdk.z.string().default('good'), { what: 'M.', change: 'live' }),
      })`,
      activate: `
        const refuse = (config) => { throw new sdk.RefusedError('NO_SERVER', 'cannot reach ' + config.url + ' in mode ' + config.mode); };
        ctx.logger.warn('begins with ' + ctx.config.url, { url: ctx.config.url });
        ctx.degrade('NO_SERVER', 'cannot reach ' + ctx.config.url);
        ctx.onReconfigure(({ config }) => refuse(config));
        ctx.operations.provide({
          name: 'telling.say', summary: 'S.', role: 'reader', input: sdk.z.strictObject({}), output: sdk.z.strictObject({}),
          handler: () => refuse(ctx.config),
        });`,
    });
    const configOf = (mode: string) => ({ plugins: { telling: { from: './telling', config: { url: '${file:secret}', mode } } } });
    const host = await startHost({ folder, config: configOf('good') });
    const answer = await host.bellows(['call', 'telling.say']);
    writeConfig(folder, configOf('other'));
    const reload = await host.bellows(['reload', '--json']);
    const status = await host.bellows(['status', '--json']);
    expect(answer.stderr).toContain('cannot reach (hidden) in mode good');
    expect(reload.stdout + reload.stderr).toContain('cannot reach (hidden) in mode other');
    expect(status.stdout).toContain('cannot reach (hidden)');
    const { stdout, stderr } = await host.stop();
    const log = readFileSync(path.join(host.dataDir, 'logs/host.log'), 'utf8');
    expect(log).toContain('begins with (hidden)');
    const told = [answer, reload, status].flatMap((exit) => [exit.stdout, exit.stderr]);
    expect([...told, log, stdout, stderr].join('\n')).not.toContain('hunter2');
  });

  it('that all users may read is a warning of the doctor', async () => {
    configFile({ url: '${file:secret}' });
    chmodSync(secretFile, 0o644);
    const { stdout } = await runBellows(['doctor', '--json'], { cwd: folder });
    expect(stdout).toMatch(/open to other users: \S+secret \(0644\)/);
    expect(stdout).not.toContain('hunter2');
  });
});
