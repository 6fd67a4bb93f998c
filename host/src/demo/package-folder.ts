import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ConfigError, InvariantError } from '@bellows/sdk';

/** The folder of this package, from wherever in it this code was bundled into. */
export function packageFolder(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name === '@bellows/host') return folder;
  }
  throw new InvariantError('BUG', 'the folder of the package @bellows/host was not found');
}

const PLUGINS = ['compute', 'workflow', 'harness'] as const;

/** The folders of the three plugins: installed beside this package, else beside `cwd`. `ConfigError` (`DEMO_PLUGIN_MISSING`). */
export function pluginFolders(cwd: string, from = packageFolder()): Readonly<Record<(typeof PLUGINS)[number], string>> {
  const found = PLUGINS.map((id) => [id, installed(`@bellows/plugin-${id}`, [from, cwd])] as const);
  const missing = found.filter(([, folder]) => folder === undefined).map(([id]) => `@bellows/plugin-${id}`);
  if (missing.length > 0) {
    throw new ConfigError(
      'DEMO_PLUGIN_MISSING',
      `The demo shows all three plugins, and ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed: install beside @bellows/host, or run it in a clone.`,
    );
  }
  return Object.fromEntries(found) as Readonly<Record<(typeof PLUGINS)[number], string>>;
}

/** As Node.js looks for packages: in every `node_modules` from there upwards. */
function installed(name: string, starts: readonly string[]): string | undefined {
  for (const start of starts) {
    for (let folder = start; ; folder = path.dirname(folder)) {
      const candidate = path.join(folder, 'node_modules', name);
      if (existsSync(path.join(candidate, 'package.json'))) return realpathSync(candidate);
      if (folder === path.dirname(folder)) break;
    }
  }
  return undefined;
}
