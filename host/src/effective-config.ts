import type { ErrorDetail, z } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, type Origin, withLines } from './config-file.js';
import { HIDDEN_VALUE, originOf, shownValue } from './hidden-values.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';
import { holdsSecret } from './reload/change-mark.js';
import { isTree, joinPath } from './value-path.js';

export interface ConfigEntry {
  readonly path: string;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Every value in force with its origin: what `bellows config print` shows. Values put in from outside are hidden. */
export async function effectiveConfig(
  options: HostOptions,
): Promise<{ readonly entries: readonly ConfigEntry[]; readonly problems: readonly ErrorDetail[] }> {
  const { loaded, problems } = await loadConfig(options);
  if (!loaded) return { entries: [], problems };
  const plugins = await inspectPlugins(loaded);
  const all = withLines([...problems, ...plugins.problems], loaded);
  if (all.length > 0) return { entries: [], problems: all };
  const { plugins: configured, ...rest } = loaded.config;
  const entries = flatten(rest, { base: '', loaded });
  const inForce = new Map(plugins.waves.flat().map((plugin) => [plugin.id, plugin]));
  for (const [id, { config: _given, ...own }] of Object.entries(configured)) {
    const { config, plugin } = inForce.get(id) ?? {};
    const base = joinPath('plugins', [id]);
    entries.push(...flatten(own, { base, loaded }), ...flatten(config, { base: `${base}.config`, loaded, schema: plugin?.config }));
  }
  return { entries, problems: [] };
}

interface Place {
  readonly base: string;
  readonly loaded: LoadedConfig;
  /** Whose marks say which options hold secrets; that of a plugin. */
  readonly schema?: z.ZodType | undefined;
}

function flatten(value: unknown, place: Place, path: readonly PropertyKey[] = []): ConfigEntry[] {
  if (value === undefined) return [];
  if (isTree(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) => flatten(inner, place, [...path, Array.isArray(value) ? Number(key) : key]));
  }
  const { base, loaded, schema } = place;
  const at = joinPath(base, path);
  const origin = originOf(at, loaded.origins);
  const isMarked = origin !== 'default' && schema !== undefined && holdsSecret(schema, path, value);
  return [{ path: at, value: isMarked ? HIDDEN_VALUE : shownValue(at, value, loaded), origin }];
}
