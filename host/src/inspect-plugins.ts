import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '@bellows/sdk';
import type { LoadedConfig } from './config-file.js';
import { type LoadResult, loadPlugins } from './plugin-loader.js';

/**
 * Finds and checks the plugins of a configuration without touching its data folder: what must be staged goes into a temporary
 * folder of its own, so that two of these at once do not meet, and is gone afterwards. For looking only, not for starting.
 */
export async function inspectPlugins(loaded: LoadedConfig): Promise<LoadResult> {
  const stagingDir = await mkdtemp(path.join(os.tmpdir(), 'bellows-inspect-'));
  try {
    return await loadPlugins(loaded, { stagingDir, importModule: (url) => import(url), clock: systemClock });
  } finally {
    await rm(stagingDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
  }
}
