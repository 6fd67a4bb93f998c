import type { ErrorDetail } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, withLines } from './config-file.js';
import { shownValue } from './hidden-values.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { joinPath } from './value-path.js';

/** The checks of a start without starting anything: what `bellows check` shows. Touches nothing in the data folder. */
export async function checkConfig(options: HostOptions): Promise<{
  readonly problems: readonly ErrorDetail[];
  readonly plugins: readonly { readonly id: string; readonly version: string; readonly from: string }[];
  /** What is no fault, and probably not meant. */
  readonly warnings: readonly string[];
  /** The configuration that was read; left out when there was none to read. */
  readonly file?: string;
}> {
  const { loaded, problems } = await loadConfig(options);
  if (!loaded) return { problems, plugins: [], warnings: [] };
  const { waves, problems: found } = await inspectPlugins(loaded);
  const plugins = waves.flat().map(({ id, source }) => {
    const from = String(shownValue(`${joinPath('plugins', [id])}.from`, source.from, loaded));
    return { id, version: source.manifest.version, from };
  });
  const warnings = [...policiesOfAbsentPlugins(loaded), ...waves.flat().flatMap(versionWarning)];
  return { problems: withLines([...problems, ...found], loaded), plugins, warnings, file: loaded.file };
}

/** Which subsystems a plugin has is known only while it runs; the first word is its id. */
function policiesOfAbsentPlugins({ config: { governor, plugins } }: LoadedConfig): string[] {
  const ids = Object.keys(plugins);
  return Object.keys(governor.subsystems)
    .filter((name) => !ids.includes(name.split('.', 1)[0] ?? ''))
    .map(
      (name) =>
        `${joinPath('governor.subsystems', [name])} is for a subsystem of a plugin that is not configured: there are ${ids.join(', ') || 'none'}`,
    );
}

/** The host goes by plugin.json; npm, and whoever looks at the package, by package.json. */
function versionWarning({ id, source: { manifest, packageJson } }: LoadedPlugin): string[] {
  const { version = manifest.version } = packageJson;
  if (version === manifest.version) return [];
  return [`plugins.${id}: its package.json says version ${version} and its plugin.json ${manifest.version}: make them the same`];
}
