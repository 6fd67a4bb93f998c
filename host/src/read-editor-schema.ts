import type { ErrorDetail } from '@bellows/sdk';
import { configEditorSchema } from './config-editor-schema.js';
import { loadConfig, withLines } from './config-file.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';

/** The schema for editors of a configuration and the plugins that it names, as they are now. Touches no data folder. */
export async function readEditorSchema(
  options: HostOptions,
): Promise<{ readonly schema: unknown; readonly problems: readonly ErrorDetail[] }> {
  const { loaded, problems } = await loadConfig(options);
  if (loaded === undefined) return { schema: undefined, problems };
  const { waves, problems: found } = await inspectPlugins(loaded);
  const plugins = waves.flat().map(({ id, plugin }) => ({ id, config: plugin.config }));
  return { schema: configEditorSchema(plugins), problems: withLines([...problems, ...found], loaded) };
}
