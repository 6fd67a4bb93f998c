import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

let copy: string;

// A copy of the working tree with one more plugin, which nothing depends on and which depends on the SDK only.
beforeAll(() => {
  copy = tempFolder('bellows-affected');
  const files = git(REPOSITORY, ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'])
    .split('\0')
    .filter(Boolean);
  for (const file of files) cpSync(path.join(REPOSITORY, file), path.join(copy, file), { force: true });
  mkdirSync(path.join(copy, 'plugins/unrelated/src'), { recursive: true });
  writeFileSync(
    path.join(copy, 'plugins/unrelated/package.json'),
    JSON.stringify({
      name: '@bellows/plugin-unrelated',
      version: '0.1.0',
      scripts: { test: 'node --test' },
      peerDependencies: { '@bellows/sdk': '^0.1.0' },
      devDependencies: { '@bellows/sdk': '^0.1.0' },
    }),
  );
  writeFileSync(path.join(copy, 'plugins/unrelated/src/index.ts'), 'export {};\n');
  symlinkSync(path.join(REPOSITORY, 'node_modules'), path.join(copy, 'node_modules'));
  git(copy, ['init', '--quiet']);
});

describe('nx affected', () => {
  it('does not test an unrelated plugin after a change in compute', () => {
    const projects = affected('plugins/compute/src/index.ts');
    expect(projects).toEqual(expect.arrayContaining(['@bellows/plugin-compute', '@bellows/e2e']));
    for (const other of ['@bellows/plugin-unrelated', '@bellows/example-greeter', '@bellows/host', '@bellows/sdk'])
      expect(projects).not.toContain(other);
  });

  it('does not test compute after a change in the other plugin', () => {
    expect(affected('plugins/unrelated/src/index.ts')).toEqual(['@bellows/plugin-unrelated']);
  });

  it('tests everything after a change in the SDK', () => {
    expect(affected('sdk/src/index.ts')).toEqual([
      '@bellows/e2e',
      '@bellows/example-greeter',
      '@bellows/host',
      '@bellows/plugin-compute',
      '@bellows/plugin-unrelated',
      '@bellows/sdk',
    ]);
  });

  it('tests everything after a change of the dependencies', () => {
    expect(affected('tsconfig.base.json')).toHaveLength(6);
  });
});

function affected(file: string): string[] {
  const nx = path.join(REPOSITORY, 'node_modules/nx/dist/bin/nx.js');
  const args = [nx, 'show', 'projects', '--affected', '--withTarget', 'test', `--files=${file}`, '--json'];
  const env = cleanEnv({ NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' });
  return (JSON.parse(execFileSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env })) as string[]).sort();
}

function git(cwd: string, args: readonly string[]): string {
  return execFileSync('git', args, { cwd, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}
