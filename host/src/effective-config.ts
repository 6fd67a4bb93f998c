import type { ErrorDetail } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, type Origin } from './config-file.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';
import { HIDDEN_VALUE } from './reload/config-changes.js';
import { joinPath } from './value-path.js';

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
  const all = [...problems, ...plugins.problems];
  if (all.length > 0) return { entries: [], problems: all };
  const { plugins: configured, ...rest } = loaded.config;
  const entries = flatten(rest, '', loaded);
  for (const [id, entry] of Object.entries(configured)) {
    const { config: _given, ...own } = entry;
    const inForce = plugins.waves.flat().find((plugin) => plugin.id === id)?.config;
    entries.push(...flatten(own, `plugins.${id}`, loaded), ...flatten(inForce, `plugins.${id}.config`, loaded));
  }
  return { entries, problems: [] };
}

function flatten(value: unknown, base: string, loaded: LoadedConfig): ConfigEntry[] {
  if (value === undefined) return [];
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) =>
      flatten(inner, joinPath(base, [Array.isArray(value) ? Number(key) : key]), loaded),
    );
  }
  const origin = loaded.origins.get(base) ?? 'default';
  return [{ path: base, value: origin === 'secret' ? HIDDEN_VALUE : value, origin }];
}
