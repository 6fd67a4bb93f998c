import path from 'node:path';
import type { ErrorDetail } from '@bellows/sdk';
import type { Origin } from './config-file.js';
import { fileState } from './file-state.js';
import type { HostOptions } from './host-options.js';
import { type PutIn, substitute } from './substitution.js';
import { joinPath } from './value-path.js';
import { readYaml, type YamlFile } from './yaml-file.js';

export interface PluginConfigInput {
  readonly value: unknown;
  readonly base: string;
  /** Paths below `base` whose value was put in from the environment or a file. */
  readonly substituted: ReadonlySet<string>;
}

interface Reading {
  readonly folder: string;
  readonly env: HostOptions['env'];
  /** These are added to. */
  readonly problems: ErrorDetail[];
  readonly substituted: ReadonlySet<string>;
  readonly putIn: PutIn;
  readonly origins: Map<string, Origin>;
}

export interface PluginConfigs {
  readonly configs: ReadonlyMap<string, PluginConfigInput>;
  /** As `LoadedConfig.files`. */
  readonly files: ReadonlyMap<string, string>;
  /** The line in a `configFile` of a value whose path begins with that file; undefined for all other paths. */
  lineOf(path: string): number | undefined;
}

/** The options of each plugin as given: from `config`, or from its `configFile`. */
export async function readPluginConfigs(input: Record<string, unknown>, reading: Reading): Promise<PluginConfigs> {
  const configs = new Map<string, PluginConfigInput>();
  const files = new Map<string, string>();
  const read = new Map<string, YamlFile>();
  const lineOf: PluginConfigs['lineOf'] = (at) => {
    const file = [...read.keys()].find((name) => at.startsWith(`${name}.`));
    return file === undefined ? undefined : read.get(file)?.lineOf(at.slice(file.length + 1));
  };
  const { plugins } = input;
  if (typeof plugins !== 'object' || plugins === null) return { configs, files, lineOf };
  const substituted = byPlugin(reading.substituted);
  for (const [id, value] of Object.entries(plugins)) {
    const entry = (value ?? {}) as { config?: unknown; configFile?: unknown };
    const base = `plugins.${id}.config`;
    if (typeof entry.configFile !== 'string') {
      configs.set(id, { value: entry.config ?? {}, base, substituted: substituted.get(id) ?? new Set() });
      continue;
    }
    if (entry.config !== undefined) {
      reading.problems.push({ path: `plugins.${id}`, message: '`config` and `configFile` exclude each other: keep one' });
      continue;
    }
    const file = path.resolve(reading.folder, entry.configFile);
    files.set(file, await fileState(file));
    const yaml = await readYaml(file, { whenMissing: `plugins.${id}.configFile names it`, problems: reading.problems });
    if (yaml === undefined) continue;
    read.set(file, yaml);
    configs.set(id, await ownFile(yaml, { file, base }, reading));
  }
  return { configs, files, lineOf };
}

async function ownFile(
  { tree }: YamlFile,
  { file, base }: { readonly file: string; readonly base: string },
  { env, problems, putIn, origins }: Reading,
): Promise<PluginConfigInput> {
  const substituted = new Set<string>();
  const found: ErrorDetail[] = [];
  const value = await substitute(tree, { folder: path.dirname(file), env, problems: found, base: '', substituted, putIn });
  problems.push(...found.map((problem) => ({ ...problem, path: `${file}.${problem.path}` })));
  recordOrigins(value, { base, substituted: new Set([...substituted].map((key) => `${base}.${key}`)), origins });
  return { value, base: file, substituted };
}

/** The paths inside of the `config` of each plugin. An id that needs quotes is none. */
function byPlugin(paths: ReadonlySet<string>): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const path of paths) {
    const [, id, inner] = /^plugins\.([\w-]+)\.config\.(.*)$/s.exec(path) ?? [];
    if (id === undefined || inner === undefined) continue;
    const own = found.get(id) ?? new Set();
    found.set(id, own.add(inner));
  }
  return found;
}

/** Fills `origins` with where each value of a tree came from. */
export function recordOrigins(
  value: unknown,
  context: { readonly base: string; readonly substituted: ReadonlySet<string>; readonly origins: Map<string, Origin> },
): void {
  const { base, substituted, origins } = context;
  const isEmptyList = Array.isArray(value) && value.length === 0;
  if (typeof value === 'object' && value !== null && !isEmptyList) {
    for (const [key, inner] of Object.entries(value)) {
      recordOrigins(inner, { base: joinPath(base, [Array.isArray(value) ? Number(key) : key]), substituted, origins });
    }
    return;
  }
  origins.set(base, substituted.has(base) ? 'secret' : 'file');
}
