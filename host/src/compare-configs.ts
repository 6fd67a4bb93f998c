import type { ErrorDetail } from '@bellows/sdk';
import { type LoadedConfig, loadConfig, withLines } from './config-file.js';
import type { HostOptions } from './host-options.js';
import { inspectPlugins } from './inspect-plugins.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { type ConfigChange, comparedConfig, configChanges } from './reload/config-changes.js';

/** What differs between two configurations, and what a reload from the one to the other would do about it. Touches no data folder. */
export interface Comparison {
  /** Of both, each with the file it is of; with any of them there are no `changes`. */
  readonly problems: readonly ErrorDetail[];
  readonly changes: readonly ConfigChange[];
}

export async function compareConfigs(from: HostOptions, to: HostOptions): Promise<Comparison> {
  // one after the other: both may bring the same plugin
  const before = await inspected(from);
  const after = await inspected(to);
  const problems = [...before.problems, ...after.problems];
  if (problems.length > 0 || before.loaded === undefined || after.loaded === undefined) return { problems, changes: [] };
  return { problems, changes: configChanges(comparedConfig(before.loaded, before.plugins), comparedConfig(after.loaded, after.plugins)) };
}

interface Inspected {
  readonly loaded?: LoadedConfig;
  readonly plugins: readonly LoadedPlugin[];
  readonly problems: readonly ErrorDetail[];
}

async function inspected(options: HostOptions): Promise<Inspected> {
  const { loaded, problems } = await loadConfig(options);
  if (loaded === undefined) return { plugins: [], problems };
  const { waves, problems: found } = await inspectPlugins(loaded);
  const all = withLines([...problems, ...found], loaded);
  return { loaded, plugins: waves.flat(), problems: all.map((problem) => ({ ...problem, path: `${loaded.file}: ${problem.path}` })) };
}
