import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Every folder of sources needs a rule that says what it may import. */
const LAYERS = [
  'sdk/src/**',
  'host/src/**',
  'host/src/container.ts',
  'host/dashboard/src/**',
  'host/src/testing/**',
  'plugins/*/src/**',
  'plugins/*/test/**',
  'docs/examples/*/src/**',
  'docs/examples/*/test/**',
];

export function layers({ root }) {
  const file = path.join(root, 'biome.json');
  if (!existsSync(file)) return ['biome.json is missing'];
  const { overrides = [] } = JSON.parse(readFileSync(file, 'utf8'));
  const guarded = new Set(
    overrides.filter(({ linter }) => linter?.rules?.style?.noRestrictedImports?.level === 'error').flatMap(({ includes }) => includes),
  );
  const missing = LAYERS.filter((glob) => !guarded.has(glob)).map((glob) => `biome.json has no noRestrictedImports for ${glob}`);
  const biome = path.join(root, 'node_modules/@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--only=style/noRestrictedImports', '--reporter=github', '--max-diagnostics=none'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return missing;
  const crossed = [...stdout.matchAll(/file=([^,]+),line=(\d+).*?::(.*)/g)].map(([, name, line, text]) => `${name}:${line}: ${text}`);
  return [...missing, ...(crossed.length > 0 ? crossed : [`Biome ended with ${status}: ${stderr.trim()}`])];
}

export function generatedFiles({ root }) {
  const args = [path.join(root, 'tools/checks/generate.mjs'), '--check'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n');
}
