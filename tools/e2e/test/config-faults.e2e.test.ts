import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMPUTE, type Exit, GREETER, runBellows, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { writePlugin } from './throwaway-plugin.js';

describe('a configuration that cannot work', () => {
  it('is refused with its line when the YAML is broken', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, 'host:\n  port: 0\n plugins: [\n');
    for (const command of ['start', 'check']) {
      const { code, stderr } = await runBellows([command, '--config', file], { cwd: folder });
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toContain('bellows.yaml');
      expect(stderr).toMatch(/line \d+|:\d+/);
    }
  });

  it('is refused with the path that was looked for when the file is missing', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'not-there.yaml');
    for (const command of ['start', 'check']) {
      const { code, stderr } = await runBellows([command, '--config', file], { cwd: folder });
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toContain(file);
    }
  });

  it('names a variable of the environment that is not set', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, { plugins: { greeter: { from: GREETER, config: { salutation: `$\{env:BELLOWS_TEST_NOT_SET}` } } } });
    const { code, stderr } = await runBellows(['check', '--config', file], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('BELLOWS_TEST_NOT_SET');
  });

  it('is refused when the list of plugins is no mapping', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, 'host: { port: 0 }\nplugins: [compute]\n');
    const { code, stderr } = await runBellows(['check', '--config', file], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain('plugins');
  });

  it('is accepted by check when it is right, and nothing is started', async () => {
    const folder = tempFolder();
    const file = writeConfig(folder, { plugins: { compute: { from: COMPUTE }, greeter: { from: GREETER } } });
    const { code, stderr } = await runBellows(['check', '--config', file], { cwd: folder });
    expect([code, stderr]).toEqual([0, '']);
    expect(existsSync(path.join(folder, '.bellows', 'host.json'))).toBe(false);
  });
});

describe('many faults at once', () => {
  let folder: string;
  let start: Exit;
  let check: Exit;

  beforeAll(async () => {
    folder = tempFolder();
    const plugin = (id: string, more: object = {}) => writePlugin(folder, { id, ...more });
    writeFileSync(path.join(folder, 'not-a-plugin.txt'), 'x');
    const file = writeConfig(folder, {
      host: { prot: 7070 },
      governor: { sampleMs: 'soon' },
      plugins: {
        greeter: { from: GREETER, config: { salutatoin: 'Hi', maxNameLength: 'long' } },
        ghost: { from: './nowhere' },
        newer: { from: plugin('newer', { sdk: '^9.0.0' }) },
        open: { from: plugin('open', { sdk: '*' }) },
        unbounded: { from: plugin('unbounded', { sdk: '>=0.1.0' }) },
        hen: { from: plugin('hen', { needs: ['egg'] }) },
        egg: { from: plugin('egg', { needs: ['hen'] }) },
        lonely: { from: plugin('lonely', { needs: ['nobody'] }) },
        twin: { from: plugin('twin') },
        other: { from: plugin('twin', { folderName: 'twin-again' }) },
      },
    });
    start = await runBellows(['start', '--config', file], { cwd: folder });
    check = await runBellows(['check', '--config', file], { cwd: folder });
  });

  it.each([
    ['a wrong key, with the nearest known one', [/host\.prot/, /port/]],
    ['a wrong type', [/governor\.sampleMs/, /number/]],
    ['a wrong key of a plugin, with the nearest known one', [/plugins\.greeter\.config\.salutatoin/, /salutation/]],
    ['a wrong type of a plugin', [/plugins\.greeter\.config\.maxNameLength/]],
    ['a plugin that is not there', [/plugins\.ghost/, /nowhere/]],
    ['an SDK range too new', [/newer/, /\^9\.0\.0/]],
    ['an SDK range that is any version', [/plugins\.open/, /\*/]],
    ['an SDK range without upper bound', [/unbounded/, />=0\.1\.0/]],
    ['a dependency cycle', [/hen.*egg|egg.*hen/]],
    ['a need that nobody fills', [/lonely/, /nobody/]],
    ['two plugins of one id', [/twin/, /other/]],
  ])('names %s', (_what, patterns) => {
    for (const pattern of patterns) expect(start.stderr).toMatch(pattern);
  });

  it('ends with 2 and starts nothing', () => {
    expect(start.code).toBe(2);
    expect(existsSync(path.join(folder, '.bellows', 'host.json'))).toBe(false);
  });

  it('says the same in a dry run', () => {
    expect(check.code).toBe(2);
    expect(problemLines(check)).toEqual(problemLines(start));
    expect(problemLines(check).length).toBeGreaterThanOrEqual(11);
  });
});

/** The lines that name a problem, below the line that counts them. */
function problemLines({ stderr }: Exit): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('  '));
}
