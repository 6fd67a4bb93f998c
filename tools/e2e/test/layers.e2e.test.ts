import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** Where, which import breaks the border, and one that may stand in its place. */
const BORDERS = [
  ['sdk/src/one.ts', '@bellows/host', 'rxjs'],
  ['sdk/src/two.ts', '@bellows/plugin-compute', 'zod'],
  ['sdk/src/three.ts', 'tsyringe', './clock.js'],
  ['host/src/one.ts', '@bellows/plugin-compute', '@bellows/sdk'],
  ['host/src/two.ts', '../../plugins/compute/src/index.js', './host-view.js'],
  ['host/src/three.ts', 'tsyringe', 'fastify'],
  ['host/src/four.ts', '@bellows/sdk/testing', '@bellows/sdk/workflow'],
  ['host/src/five.ts', './testing/index.js', './host.js'],
  ['host/src/container.ts', '@bellows/plugin-compute', 'tsyringe'],
  ['host/dashboard/src/one.ts', '@bellows/host', '@bellows/sdk'],
  ['host/dashboard/src/state/two.ts', '../../../src/governor/arbitrate.js', '../../../src/host-view.js'],
  ['host/dashboard/src/three.ts', 'node:fs', 'preact'],
  ['host/src/testing/one.ts', '@bellows/plugin-compute', '@bellows/sdk/testing'],
  ['plugins/compute/src/one.ts', '@bellows/host', '@bellows/sdk'],
  ['plugins/compute/src/two.ts', '@bellows/plugin-workflow', '@bellows/sdk'],
  ['plugins/compute/src/three.ts', '../../../host/src/index.js', './config.js'],
  ['plugins/compute/src/four.ts', 'tsyringe', 'node:path'],
  ['plugins/compute/test/one.test.ts', '@bellows/host', '@bellows/sdk/testing'],
  ['plugins/compute/test/two.test.ts', '../../../host/src/host.js', '@bellows/host/testing'],
  ['docs/examples/greeter/src/one.ts', '@bellows/host', '@bellows/sdk'],
] as const;

describe('the borders between layers', () => {
  let broken: Linted;
  let kept: Linted;

  beforeAll(() => {
    broken = lint(([file, forbidden]) => [file, forbidden]);
    kept = lint(([file, , allowed]) => [file, allowed]);
  });

  it.each(BORDERS)('%s may not import %s', (file, _forbidden, _allowed) => {
    expect(broken.files).toContain(file);
  });

  it('fail the lint when they are crossed, and only then', () => {
    expect([broken.status, kept.status]).toEqual([1, 0]);
    expect(broken.files).toHaveLength(BORDERS.length);
    expect(kept.files).toEqual([]);
  });
});

interface Linted {
  readonly status: number | null;
  /** The files with an import that a border forbids. */
  readonly files: readonly string[];
}

/** Lints a tree of its own with the repository's rules: nothing is written into the repository. */
function lint(choose: (border: (typeof BORDERS)[number]) => readonly [file: string, specifier: string]): Linted {
  const tree = tempFolder('bellows-layers');
  for (const file of ['biome.json', '.gitignore']) cpSync(path.join(REPOSITORY, file), path.join(tree, file));
  for (const [file, specifier] of BORDERS.map(choose)) {
    mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
    writeFileSync(path.join(tree, file), `import * as probe from '${specifier}';\n\nexport const used = probe;\n`);
  }
  const biome = path.join(REPOSITORY, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--only=style/noRestrictedImports', '--reporter=github', '--max-diagnostics=none'];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', env: cleanEnv() });
  const files = [...stdout.matchAll(/noRestrictedImports,file=([^,]+),/g)].map((match) =>
    path.relative(tree, path.resolve(tree, match[1]!)),
  );
  return { status, files };
}
