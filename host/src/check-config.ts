import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type ErrorDetail, systemClock } from '@bellows/sdk';
import { loadConfig, withLines } from './config-file.js';
import type { HostOptions } from './host-options.js';
import { loadPlugins } from './plugin-loader.js';

/** The checks of a start without starting anything: what `bellows check` shows. Touches nothing in the data folder. */
export async function checkConfig(options: HostOptions): Promise<{
  readonly problems: readonly ErrorDetail[];
  readonly plugins: readonly { readonly id: string; readonly version: string; readonly from: string }[];
  /** The configuration that was read; left out when there was none to read. */
  readonly file?: string;
}> {
  const { loaded, problems } = await loadConfig(options);
  if (!loaded) return { problems, plugins: [] };
  // Beside the temporary folder's other content, so that two checks at once do not meet.
  const stagingDir = await mkdtemp(path.join(os.tmpdir(), 'bellows-check-'));
  try {
    const result = await loadPlugins(loaded, { stagingDir, importModule: (url) => import(url), clock: systemClock });
    const plugins = result.waves.flat().map(({ id, source }) => ({ id, version: source.manifest.version, from: source.from }));
    return { problems: withLines([...problems, ...result.problems], loaded), plugins, file: loaded.file };
  } finally {
    await rm(stagingDir, { recursive: true, force: true });
  }
}
