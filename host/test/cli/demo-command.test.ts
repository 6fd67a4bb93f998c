import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repository, tempFolder } from '../demo/repositories.js';
import { bellows } from './terminal.js';

const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', GIT_CEILING_DIRECTORIES: '/' };

describe('bellows demo', () => {
  it.each([
    [['--repo', 'nothing-here'], 'DEMO_REPO_INVALID'],
    [['--repo', '.'], 'DEMO_REPO_INVALID'],
    [['--data', 'd'], 'USAGE'],
    [['--no-such-option'], undefined],
    [['a-word'], undefined],
  ])('refuses %j with exit code 2, before anything is made', async (args, code) => {
    const cwd = tempFolder();
    const ran = await bellows(['demo', ...args], { cwd, env: { ...env, TMPDIR: cwd, GIT_CEILING_DIRECTORIES: path.dirname(cwd) } });
    expect([ran.code, ran.stdout]).toEqual([2, '']);
    if (code !== undefined) expect(ran.stderr).toContain(`(${code})`);
  });

  it('answers with JSON when its caller wants that', async () => {
    const cwd = tempFolder();
    const ran = await bellows(['demo', '--json', '--repo', 'nothing-here'], { cwd, env });
    expect([ran.code, JSON.parse(ran.stderr).error.code]).toEqual([2, 'DEMO_REPO_INVALID']);
  });

  it('refuses a folder that has something in it, and leaves that alone', async () => {
    const repo = repository({ 'a.md': 'a\n' });
    const ran = await bellows(['demo', '--repo', repo, '--keep', repo], { cwd: repo, env });
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('(DEMO_FOLDER_IN_USE)')]);
  });

  it('ends with 130 and leaves nothing when it was interrupted before it began', async () => {
    const cwd = tempFolder();
    const ran = await bellows(['demo', '--repo', repository({ 'a.md': 'a\n' })], {
      cwd,
      env: { ...env, TMPDIR: cwd },
      signal: AbortSignal.abort(),
    });
    expect([ran.code, ran.stderr]).toEqual([130, 'The demo was interrupted.\n']);
    expect(readdirSync(cwd)).toEqual([]);
  });
});
