import path from 'node:path';
import { type ErrorDetail, isPlugin, type Plugin, SDK_VERSION } from '@bellows/sdk';
import type { GivenPlugin } from '../plugin-loader.js';
import { findPlugin, type PluginSource } from '../plugin-source.js';

/** What `import * as module` of a plugin's entry gives. */
export interface PluginModule {
  readonly default: Plugin;
}

/** As in `plugins.<id>` of the configuration. */
export interface TestPluginEntry {
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default true: the start rejects when the plugin fails. */
  readonly required?: boolean;
  readonly activateTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
}

/** A plugin in memory, with what its `plugin.json` and the configuration would say. */
export interface GivenTestPlugin extends TestPluginEntry {
  readonly plugin: Plugin | PluginModule;
  readonly needs?: readonly string[];
}

/** A plugin that was built, by its folder (relative: from the working folder), npm name or tarball. */
export interface BuiltPlugin {
  readonly from: string;
}

export interface FolderTestPlugin extends TestPluginEntry, BuiltPlugin {}

export type TestPlugin = Plugin | PluginModule | GivenTestPlugin | FolderTestPlugin;

export interface NamedPlugin {
  /** Its key in `plugins:`. */
  readonly key: string;
  readonly entry: Readonly<Record<string, unknown>>;
  /** Left out for one that the host is to find and load by itself. */
  readonly given?: GivenPlugin;
}

/** Gives a plugin the place in a configuration that it would have, under its own id. `stagingDir` is where a tarball is unpacked. */
export async function nameTestPlugin(plugin: TestPlugin, stagingDir: string): Promise<NamedPlugin> {
  if (isFolder(plugin)) return nameFolder(plugin, stagingDir);
  const { plugin: code, needs = [], ...entry } = isCode(plugin) ? { plugin } : plugin;
  const found = pluginOf(code);
  const key = String((found as Partial<Plugin> | undefined)?.id);
  return { key, entry: { ...entry, from: `in memory: ${key}` }, given: { plugin: found, source: sourceOf(key, needs) } };
}

/** Whether it is to be found by its folder. A module may export anything under any name, so its default export decides. */
export function isFolder(plugin: TestPlugin | BuiltPlugin): plugin is BuiltPlugin {
  return typeof (plugin as Partial<BuiltPlugin> | undefined)?.from === 'string' && !isPlugin(pluginOf(plugin as PluginModule));
}

function isCode(plugin: Exclude<TestPlugin, FolderTestPlugin>): plugin is Plugin | PluginModule {
  const isGiven = typeof plugin === 'object' && plugin !== null && 'plugin' in plugin;
  return !isGiven || isPlugin(pluginOf(plugin as unknown as PluginModule));
}

/** The plugin of a module, or what was given in its place. */
export function pluginOf(code: Plugin | PluginModule): unknown {
  return isPlugin(code) ? code : (code as Partial<PluginModule> | undefined | null)?.default;
}

/** The ids of what is in memory; one that was built is needed only by who says so in a plugin.json. */
export function idsOf(plugin: TestPlugin): string[] {
  if (isFolder(plugin)) return [];
  const code = pluginOf(isCode(plugin) ? plugin : plugin.plugin);
  return isPlugin(code) ? [code.id] : [];
}

async function nameFolder({ from, ...entry }: FolderTestPlugin, stagingDir: string): Promise<NamedPlugin> {
  const absolute = from.startsWith('.') ? path.resolve(from) : from;
  const { source } = await findPlugin({ key: 'plugin', from: absolute }, { configFolder: path.resolve(), stagingDir });
  // one without a manifest has no id; the host then says what is wrong, under the name of its folder
  const key = source?.manifest.id ?? idOf(path.basename(absolute));
  return { key, entry: { ...entry, from: source?.folder ?? absolute } };
}

function idOf(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return /^[a-z]/.test(words.join('-')) ? words.join('-') : 'plugin';
}

/** What a plugin in memory has in place of a folder. */
export function sourceOf(id: string, needs: readonly string[]): PluginSource {
  const manifest = { id, version: '0.0.0', sdk: `^${SDK_VERSION}`, needs: [...needs], stability: 'experimental' as const };
  return { key: id, from: `in memory: ${id}`, folder: path.resolve(), manifest, packageJson: { name: id } };
}

/** Two plugins of one id cannot both stand in a configuration; the second one would silently take the place of the first. */
export function sameNameProblems(plugins: readonly NamedPlugin[]): readonly ErrorDetail[] {
  return [...Map.groupBy(plugins, ({ key }) => key)]
    .filter(([, same]) => same.length > 1)
    .map(([key]) => ({ path: `plugins.${key}`, message: `two plugins have the id ${JSON.stringify(key)}: keep one` }));
}
