import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type ErrorDetail,
  type IClock,
  isBellowsError,
  isPlugin,
  messageOf,
  type Plugin,
  pluginProblems,
  problemText,
  SDK_VERSION,
  sdkRangeProblem,
} from '@bellows/sdk';
import type { LoadedConfig } from './config-file.js';
import type { PluginEntry } from './config-schema.js';
import { problemsWithoutSecrets } from './hidden-values.js';
import { schemaProblems } from './operations/schema-problems.js';
import { parseSubstituted } from './parse-substituted.js';
import { type Needing, orderPlugins } from './plugin-order.js';
import { inPluginScope } from './plugin-scope.js';
import { findPlugin, type PluginSource, placeOfPlugin } from './plugin-source.js';
import { entryFile, stagePlugin } from './plugin-stager.js';
import { secretsIn } from './reload/change-mark.js';
import { syntaxFaultLine } from './syntax-fault.js';
import { within } from './teardown.js';
import { isTree } from './value-path.js';

/** A plugin whose manifest, code and configuration were found good; nothing of it has been started. */
export interface LoadedPlugin extends Needing {
  readonly source: PluginSource;
  readonly entry: PluginEntry;
  /** Where its code was loaded from: its own folder, or the staged copy. */
  readonly folder: string;
  readonly plugin: Plugin;
  /** Valid, with defaults, deeply frozen. */
  readonly config: unknown;
  /** The folder of the file that holds the configuration (absolute). */
  readonly configFolder: string;
}

/** A plugin that is in memory already. */
export interface GivenPlugin {
  readonly source: PluginSource;
  readonly plugin: unknown;
}

interface LoadOptions {
  readonly stagingDir: string;
  /** `import()`; a test gives its own. */
  readonly importModule: (url: string) => Promise<unknown>;
  readonly clock: IClock;
  /** As for `stagePlugin`: for a host that has imported plugins already. */
  readonly hasChanged?: (folder: string) => Promise<boolean>;
  /** As for `stagePlugin`; added to. */
  readonly spent?: Set<string>;
  /** By key: what is neither looked for nor staged nor imported. */
  readonly given?: ReadonlyMap<string, GivenPlugin>;
}

export interface LoadResult {
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly problems: readonly ErrorDetail[];
}

/** Finds, checks and orders every plugin of a configuration. Reports all problems of all plugins at once. */
export async function loadPlugins(loaded: LoadedConfig, options: LoadOptions): Promise<LoadResult> {
  const problems: ErrorDetail[] = [];
  const found = await Promise.all(
    Object.entries(loaded.config.plugins).map(([key, entry]): ReturnType<typeof findPlugin> => {
      const given = options.given?.get(key);
      if (given !== undefined) return Promise.resolve({ source: given.source, problems: [] });
      return findPlugin({ key, from: entry.from }, { configFolder: loaded.folder, stagingDir: options.stagingDir });
    }),
  );
  problems.push(...found.flatMap((result) => result.problems));
  const sources = found.flatMap((result) => (result.source ? [result.source] : []));
  problems.push(...identityProblems(sources), ...sources.flatMap(rangeProblems));

  // Code written for another SDK is not run, not even to read its options.
  const fitting = sources.filter((source) => rangeProblems(source).length === 0);
  const checked = await Promise.all(fitting.map((source) => loadOne(source, loaded, options)));
  problems.push(...checked.flatMap((result) => result.problems));

  // Needs are checked on manifests, so that a plugin with a bad configuration is not also reported as missing.
  // For the same reason one that was not found stands in, with needs of its own unknown.
  const byKey = new Map(sources.map((source) => [source.key, source]));
  const order = orderPlugins(Object.keys(loaded.config.plugins).map((id) => ({ id, needs: byKey.get(id)?.manifest.needs ?? [] })));
  problems.push(...order.problems);

  const byId = new Map(checked.flatMap((result) => (result.plugin ? [[result.plugin.id, result.plugin] as const] : [])));
  const waves = problems.length > 0 ? [] : order.waves.map((wave) => wave.flatMap(({ id }) => byId.get(id) ?? []));
  return { waves, problems: problemsWithoutSecrets(problems, loaded.secrets) };
}

/** The host's own source of events and operations, and what of its own stands beside the folders of plugins in the data folder. */
const RESERVED_IDS: ReadonlySet<string> = new Set(['host', 'files', 'logs', 'staging', 'version']);

function identityProblems(sources: readonly PluginSource[]): ErrorDetail[] {
  const byId = Map.groupBy(sources, (source) => source.manifest.id);
  return [...byId].flatMap(([id, same]) => {
    if (RESERVED_IDS.has(id)) {
      const message = `no plugin can be called ${JSON.stringify(id)}: the host uses that name itself; choose another id in its plugin.json`;
      return [{ path: `plugins.${same[0]?.key}`, message }];
    }
    if (same.length > 1) {
      const places = same.map((source) => `plugins.${source.key} (${source.from})`).join(' and ');
      return [{ path: `plugins.${same[1]?.key}`, message: `two plugins have the id ${JSON.stringify(id)}: ${places}; keep one` }];
    }
    return same
      .filter((source) => source.key !== id)
      .map((source) => ({
        path: `plugins.${source.key}`,
        message: `the plugin at ${JSON.stringify(source.from)} calls itself ${JSON.stringify(id)}: use that as the key`,
        suggestion: id,
      }));
  });
}

function rangeProblems(source: PluginSource): ErrorDetail[] {
  const problem = sdkRangeProblem(source.manifest.sdk, SDK_VERSION);
  return problem ? [{ path: `plugins.${source.key}`, message: `${problem.message} (${problem.code})` }] : [];
}

async function loadOne(
  source: PluginSource,
  loaded: LoadedConfig,
  options: LoadOptions,
): Promise<{ readonly plugin?: LoadedPlugin; readonly problems: readonly ErrorDetail[] }> {
  const { key } = source;
  const entry = loaded.config.plugins[key];
  if (!entry) return { problems: [] };
  const code = options.given?.get(key) ?? (await loadCode(source, { loaded, entry, options }));
  if ('problem' in code) return { problems: [{ path: `plugins.${key}.from`, message: code.problem }] };
  const { plugin } = code;
  if (!isPlugin(plugin)) {
    return { problems: [{ path: `plugins.${key}.from`, message: 'its default export is no plugin: export default definePlugin({ … })' }] };
  }
  const lacks = pluginProblems(plugin);
  if (lacks.length > 0) {
    return { problems: [{ path: `plugins.${key}.from`, message: `its default export cannot be a plugin: ${problemText(lacks)}` }] };
  }
  if (plugin.id !== source.manifest.id) {
    const message = `its code calls itself ${JSON.stringify(plugin.id)} and its plugin.json ${JSON.stringify(source.manifest.id)}: they must agree`;
    return { problems: [{ path: `plugins.${key}.from`, message }] };
  }
  const { config, problems } = checkPluginConfig(plugin, loaded.pluginConfigs.get(key));
  if (problems.length > 0) return { problems };
  const configFolder = entry.configFile === undefined ? loaded.folder : path.dirname(path.resolve(loaded.folder, entry.configFile));
  const folder = 'folder' in code ? code.folder : source.folder;
  const found: LoadedPlugin = { id: key, needs: source.manifest.needs, source, entry, folder, plugin, config, configFolder };
  const own = await ownProblems(found, { dataDir: loaded.config.host.dataDir, clock: options.clock });
  return own.length > 0 ? { problems: problemsWithoutSecrets(own, secretsIn(plugin.config, config)) } : { plugin: found, problems: [] };
}

interface CodePlace {
  readonly loaded: LoadedConfig;
  readonly entry: PluginEntry;
  readonly options: LoadOptions;
}

/** Stages a plugin and imports it, or says why that is not possible. */
async function loadCode(
  source: PluginSource,
  { loaded, entry, options: { stagingDir, importModule, clock, hasChanged, spent } }: CodePlace,
): Promise<{ readonly plugin: unknown; readonly folder: string } | { readonly problem: string }> {
  let folder: string | undefined;
  let file = '';
  try {
    folder = await stagePlugin(source, {
      stagingDir,
      configFolder: loaded.folder,
      ...(hasChanged === undefined ? {} : { hasChanged }),
      ...(spent === undefined ? {} : { spent }),
    });
    file = entryFile(folder, source.packageJson, placeOfPlugin(source));
    const url = pathToFileURL(file).href;
    const loading = inPluginScope({ pluginId: source.key, phase: 'load' }, () => importModule(url));
    const module = (await within(clock, entry.activateTimeoutMs, loading)) as { default?: unknown } | undefined;
    if (module !== undefined) return { plugin: module.default, folder };
    spent?.add(folder);
    const late = `loading its code did not end within ${entry.activateTimeoutMs} ms: a module must not wait at its top level, activate may`;
    return { problem: `${late} (PLUGIN_TIMEOUT)` };
  } catch (error) {
    if (folder !== undefined) spent?.add(folder);
    const problem = `its code cannot be loaded: ${messageOf(error)}`;
    if (folder === undefined) return { problem };
    const place = placeOf(error, folder) || (await placeInEntry(error, file));
    return { problem: `${problem}${place}`.replaceAll(folder, placeOfPlugin(source)) };
  }
}

interface OwnCheck {
  /** Of the host. */
  readonly dataDir: string;
  readonly clock: IClock;
}

/** What the plugin itself finds wrong with what its configuration names, also while it runs. Never rejects. */
export async function ownProblems(
  { id, plugin, entry, config, configFolder }: LoadedPlugin,
  { dataDir, clock }: OwnCheck,
): Promise<readonly ErrorDetail[]> {
  const { check } = plugin;
  if (check === undefined) return [];
  const { activateTimeoutMs: timeoutMs } = entry;
  const at = `plugins.${id}.config`;
  const abort = new AbortController();
  try {
    const place = { configFolder, dataDir: path.join(dataDir, id), signal: abort.signal };
    // undefined means that time is up
    const checking = inPluginScope({ pluginId: id, phase: 'check' }, async () => (await check(config, place)) ?? null);
    const found = await within(clock, timeoutMs, checking);
    if (found !== undefined)
      return areProblems(found) ? found : [{ path: at, message: 'its check answered no list of problems: mend the plugin' }];
    abort.abort();
    return [{ path: at, message: `its check did not end within ${timeoutMs} ms (PLUGIN_TIMEOUT)` }];
  } catch (error) {
    return [{ path: at, message: `its check failed: ${messageOf(error)}` }];
  }
}

/** A plugin need not be written in TypeScript. */
function areProblems(found: unknown): found is readonly ErrorDetail[] {
  return Array.isArray(found) && found.every((one) => typeof one?.path === 'string' && typeof one.message === 'string');
}

function checkPluginConfig(
  plugin: Plugin,
  input: ReturnType<LoadedConfig['pluginConfigs']['get']>,
): { readonly config: unknown; readonly problems: readonly ErrorDetail[] } {
  const { value, base, substituted } = input ?? { value: {}, base: `plugins.${plugin.id}.config`, substituted: new Set<string>() };
  try {
    const parse = () => parseSubstituted(plugin.config, value, substituted);
    const result = inPluginScope({ pluginId: plugin.id, phase: 'check' }, parse);
    if (result.success) return { config: deepFreeze(result.data), problems: [] };
    const problems = schemaProblems(result.error, plugin.config, { input: value, prefix: base });
    return { config: undefined, problems: problemsWithoutSecrets(problems, secretsIn(plugin.config, value)) };
  } catch (error) {
    const message = `its options cannot be checked: the schema failed: ${messageOf(error)}; a check that waits belongs into \`check\``;
    return { config: undefined, problems: [{ path: base, message }] };
  }
}

/** Plain data only: a config may hold class instances that must stay usable. */
export function deepFreeze<T>(value: T): T {
  if (!isTree(value) || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value as object)) deepFreeze(inner);
  return Object.freeze(value);
}

/** Node says where a syntax error is only in the first line of its stack; of any other the first line of the plugin's own code counts. */
function placeOf(error: unknown, folder: string): string {
  const { stack } = (error ?? {}) as { readonly stack?: unknown };
  if (typeof stack !== 'string' || isBellowsError(error)) return '';
  for (const [, url = '', line] of stack.matchAll(/(file:\/\/[^\s()]+?):(\d+)(?::\d+)?(?=[\s)]|$)/g)) {
    const file = URL.canParse(url) ? fileURLToPath(url) : '';
    if (file.startsWith(folder + path.sep)) return ` (${file}:${line})`;
  }
  return '';
}

/** The stack of a module that cannot be parsed names no file. When it is the entry that cannot, nothing else was parsed before it. */
async function placeInEntry(error: unknown, entry: string): Promise<string> {
  if ((error as { readonly name?: unknown } | null)?.name !== 'SyntaxError') return '';
  const line = await syntaxFaultLine(entry);
  return line === undefined ? '' : ` (${entry}:${line})`;
}
