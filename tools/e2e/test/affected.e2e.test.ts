import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { copyOfRepository } from './repository-copy.js';
import { cleanEnv, REPOSITORY } from './running-host.js';

let copy: string;

// A copy of the working tree with one more plugin, which nothing depends on and which depends on the SDK only.
beforeAll(() => {
  copy = copyOfRepository();
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
});

const PLUGINS = ['compute', 'harness', 'workflow', 'unrelated'].map((id) => `@bellows/plugin-${id}`);
const ALL = ['@bellows/e2e', '@bellows/example-greeter', '@bellows/host', '@bellows/sdk', ...PLUGINS].sort();

describe('nx affected', () => {
  it.each(['compute', 'harness', 'workflow'])('tests after a change in %s that plugin and the whole, and no other plugin', (id) => {
    expect(affected(`plugins/${id}/src/index.ts`)).toEqual(['@bellows/e2e', `@bellows/plugin-${id}`]);
  });

  it('does not test the plugins of the repository after a change in one nothing depends on', () => {
    expect(affected('plugins/unrelated/src/index.ts')).toEqual(['@bellows/plugin-unrelated']);
  });

  it('tests no plugin after a change in the host', () => {
    const projects = affected('host/src/host.ts');
    expect(projects).toEqual(expect.arrayContaining(['@bellows/host', '@bellows/e2e']));
    for (const plugin of PLUGINS) expect(projects).not.toContain(plugin);
  });

  it('tests everything after a change in the SDK', () => {
    expect(affected('sdk/src/index.ts')).toEqual(ALL);
  });

  it('tests everything after a change of the dependencies', () => {
    expect(affected('tsconfig.base.json')).toEqual(ALL);
  });
});

function affected(file: string): string[] {
  const nx = path.join(REPOSITORY, 'node_modules/nx/dist/bin/nx.js');
  const args = [nx, 'show', 'projects', '--affected', '--withTarget', 'test', `--files=${file}`, '--json'];
  const env = cleanEnv({ NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' });
  return (JSON.parse(execFileSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env })) as string[]).sort();
}
