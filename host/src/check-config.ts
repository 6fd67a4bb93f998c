import type { ErrorDetail } from '@bellows/sdk';
import { loadConfig, withLines } from './config-file.js';
import { shownValue } from './hidden-values.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';
import { joinPath } from './value-path.js';

/** The checks of a start without starting anything: what `bellows check` shows. Touches nothing in the data folder. */
export async function checkConfig(options: HostOptions): Promise<{
  readonly problems: readonly ErrorDetail[];
  readonly plugins: readonly { readonly id: string; readonly version: string; readonly from: string }[];
  /** The configuration that was read; left out when there was none to read. */
  readonly file?: string;
}> {
  const { loaded, problems } = await loadConfig(options);
  if (!loaded) return { problems, plugins: [] };
  const { waves, problems: found } = await inspectPlugins(loaded);
  const plugins = waves.flat().map(({ id, source }) => {
    const from = String(shownValue(`${joinPath('plugins', [id])}.from`, source.from, loaded));
    return { id, version: source.manifest.version, from };
  });
  return { problems: withLines([...problems, ...found], loaded), plugins, file: loaded.file };
}
