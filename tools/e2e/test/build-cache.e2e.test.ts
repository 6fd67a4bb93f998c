import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { repositoryCopy } from './followed-clone.js';
import { runNode } from './repository-copy.js';

type Lock = { readonly packages: Record<string, Record<string, unknown>> };

describe('what nx has built', () => {
  let clone: string;
  let before: Lock;

  beforeAll(() => {
    clone = repositoryCopy();
    before = JSON.parse(readFileSync(path.join(clone, 'package-lock.json'), 'utf8'));
    expect(buildSdk()).toContain('@bellows/sdk:build');
  });

  it('is taken again when a plugin was added, which changes package-lock.json', () => {
    const added = {
      'node_modules/@bellows/plugin-night-watch': { resolved: 'plugins/night-watch', link: true },
      'plugins/night-watch': { name: '@bellows/plugin-night-watch', version: '0.1.0' },
    };
    expect(buildSdkWith({ packages: { ...before.packages, ...added } })).toContain('@bellows/sdk:build  [local cache]');
  });

  it.each(['zod', 'typescript', '@esbuild/linux-x64'])('is built anew when %s has changed', (name) => {
    const key = `node_modules/${name}`;
    const changed = { ...before.packages[key], version: '99.0.0', integrity: 'sha512-another' };
    const output = buildSdkWith({ packages: { ...before.packages, [key]: changed } });
    expect(output).toContain('@bellows/sdk:build');
    expect(output).not.toContain('[local cache]');
  });

  function buildSdkWith(lock: Lock): string {
    writeFileSync(path.join(clone, 'package-lock.json'), JSON.stringify({ ...before, ...lock }, null, 2));
    return buildSdk();
  }

  function buildSdk(): string {
    const nx = ['node_modules/nx/dist/bin/nx.js', 'build', '@bellows/sdk', '--output-style=static'];
    const { status, output } = runNode(nx, clone, { NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' });
    expect([status, output]).toEqual([0, expect.anything()]);
    return output;
  }
});

describe('npm start, again', () => {
  it('leaves what is built alone, because another host may run from it, until a source or what is built differs', () => {
    const clone = repositoryCopy();
    const built = path.join(clone, 'host/dist/main.js');
    expect(start()).toContain('Building what changed');
    const { ctimeMs } = statSync(built);
    expect(start()).not.toContain('Building what changed');
    expect(statSync(built).ctimeMs).toBe(ctimeMs);
    appendFileSync(path.join(clone, 'plugins/harness/src/index.ts'), '\n'); // nothing else is built of it
    expect([start(), start()]).toEqual([expect.stringContaining('Building what changed'), expect.not.stringContaining('Building')]);
    rmSync(built);
    expect(start()).toContain('Building what changed');
    expect(existsSync(built)).toBe(true);

    function start(): string {
      const { status, output } = runNode(['tools/run.mjs', 'start', '--help'], clone);
      expect([status, output]).toEqual([0, expect.stringContaining('Usage: bellows start')]);
      return output;
    }
  });
});
