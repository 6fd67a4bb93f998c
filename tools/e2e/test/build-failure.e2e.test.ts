import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { repositoryCopy } from './followed-clone.js';
import { runNode } from './repository-copy.js';
import { cleanEnv, follow } from './running-host.js';
import { until } from './until.js';

describe('npm start and npm run demo, when a plugin has a mistake', () => {
  it('show that mistake alone, and end with what does not build', () => {
    const clone = repositoryCopy();
    appendFileSync(path.join(clone, 'plugins/workflow/src/index.ts'), "\nexport const count: number = 'three';\n");
    for (const command of ['start', 'demo']) {
      const { status, output } = runNode(['tools/run.mjs', command], clone);
      expect([status, output]).toEqual([1, expect.stringContaining("Type 'string' is not assignable to type 'number'")]);
      expect(output).toMatch(/\n\nplugins\/workflow does not build \(see above\): nothing was started\.\n$/);
      expect(output).not.toMatch(/@bellows\/sdk:build|@bellows\/plugin-compute:build|Successfully|Run duration/);
      expect(output.split('\n').length).toBeLessThan(25);
    }
    expect(existsSync(path.join(clone, '.bellows'))).toBe(false);
  });
});

describe('a command while another one builds', () => {
  it('waits for it, and builds nothing that is built then', async () => {
    const clone = repositoryCopy();
    const [built, lock] = [path.join(clone, 'host/dist'), path.join(clone, '.install-lock')];
    mkdirSync(lock);
    writeFileSync(path.join(lock, 'owner'), String(process.pid));
    const command = follow(spawn(process.execPath, ['tools/run.mjs', 'bellows', '--version'], { cwd: clone, env: cleanEnv() }));
    await until('it to say so', () =>
      command.output().stderr.includes(`installing or building in this folder (process ${process.pid}): waiting`),
    );
    expect(existsSync(built)).toBe(false);
    mkdirSync(built);
    writeFileSync(path.join(built, 'main.js'), "console.log('what the other one has built');");
    rmSync(lock, { recursive: true });
    expect(await command.exit).toMatchObject({ code: 0, stdout: 'what the other one has built\n' });
  });
});
