import { existsSync } from 'node:fs';
import path from 'node:path';
import { type ErrorDetail, isKind } from '@bellows/sdk';
import { type HostConfig, hostConfigSchema } from './config-schema.js';
import { fileState } from './file-state.js';
import { problemsWithoutSecrets } from './hidden-values.js';
import type { HostOptions } from './host-options.js';
import { isLoopback } from './http/local-safety.js';
import { schemaProblems } from './operations/schema-problems.js';
import { parseSubstituted } from './parse-substituted.js';
import { type PluginConfigInput, readPluginConfigs, recordOrigins } from './plugin-configs.js';
import { PutIn, substitute } from './substitution.js';
import { joinPath } from './value-path.js';
import { readYaml } from './yaml-file.js';

export type Origin = 'default' | 'file' | 'env' | 'flag' | 'secret';

/** The configuration of a host, with every path absolute and where each value came from. */
export interface LoadedConfig {
  readonly config: HostConfig;
  /** Absolute; relative paths in it are meant from its folder. */
  readonly file: string;
  readonly folder: string;
  /** The options of each plugin as given (not yet checked by its schema), and the path to name in a problem. */
  readonly pluginConfigs: ReadonlyMap<string, PluginConfigInput>;
  /** By path (`host.port`): where a value came from that is not a default. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What was put in from the environment and from files: no message may quote it. */
  readonly secrets: readonly string[];
  /** Those of them that are secret beyond doubt: from a file, or by the name of their variable or option. */
  readonly sureSecrets: readonly string[];
  /** The files that were put in (absolute). */
  readonly secretFiles: readonly string[];
  /** The files that options and values were read from (absolute), each with what {@link fileState} said just before. */
  readonly files: ReadonlyMap<string, string>;
  /** The line at which a value stands, by its path as problems name it, also in the `configFile` of a plugin. */
  lineOf(path: string): number | undefined;
}

const DEFAULT_FILE = 'bellows.yaml';

/**
 * Reads `bellows.yaml` and what it names. Precedence: flag, environment, file, default.
 * Answers every problem at once; never throws for what an operator wrote. With problems, `loaded` holds what could be
 * understood, so that the plugins can be checked in the same go; it must not be started.
 */
export async function loadConfig(
  options: HostOptions,
  { mayBePipe = true }: { readonly mayBePipe?: boolean } = {},
): Promise<{ readonly loaded?: LoadedConfig; readonly problems: readonly ErrorDetail[] }> {
  const problems: ErrorDetail[] = [];
  const named = namedConfigFile(options);
  const file = named ? path.resolve(options.cwd, named) : defaultFile(options.cwd);
  const folder = path.dirname(file);
  const whenMissing = named ? 'give an existing file' : `create ${DEFAULT_FILE} here, or name a file with --config`;
  const state = await fileState(file);
  const yaml = await readYaml(file, { whenMissing, nothing: '`plugins: {}` for a host without plugins', problems, mayBePipe });
  if (yaml === undefined) return { problems };
  const read = await readConfigTree(yaml, { file, folder, options, problems });
  return { ...read, loaded: { ...read.loaded, files: new Map([[file, state], ...read.loaded.files]) } };
}

/** The file that somebody named, as written; without one, `bellows.yaml` is looked for. */
export function namedConfigFile({ configFile, env }: HostOptions): string | undefined {
  return configFile ?? (env.BELLOWS_CONFIG || undefined);
}

interface TreePlace {
  /** Absolute. */
  readonly file: string;
  /** What relative paths in it are meant from. */
  readonly folder: string;
  readonly options: HostOptions;
  /** What is wrong already; more is added. */
  readonly problems: ErrorDetail[];
}

/** {@link loadConfig} for a tree that was read already, or never stood in a file. */
export async function readConfigTree(
  { tree, lineOf }: { readonly tree: unknown; readonly lineOf: LoadedConfig['lineOf'] },
  { file, folder, options, problems }: TreePlace,
): Promise<{ readonly loaded: LoadedConfig; readonly problems: readonly ErrorDetail[] }> {
  const putIn = new PutIn();
  const substituted = new Set<string>();
  const input = (await substitute(tree, { folder, env: options.env, problems, base: '', substituted, putIn })) as Record<string, unknown>;
  // all below it is a comment
  for (const section of Object.keys(hostConfigSchema.shape)) if (input[section] === null) delete input[section];
  const origins = new Map<string, Origin>();
  recordOrigins(input, { base: '', substituted, origins });
  applyOverrides(input, { options, origins, problems });

  const config = withAbsolutePaths(parse(input, substituted, problems) ?? salvage(input), { folder, origins, cwd: options.cwd });
  problems.push(...addressProblems(config, origins), ...policyProblems(config), ...(await tokenProblems(config)));
  const own = await readPluginConfigs(input, { folder, env: options.env, problems, origins, substituted, putIn });
  const secrets = [...putIn.secrets];
  const loaded: LoadedConfig = {
    config,
    file,
    folder,
    pluginConfigs: own.configs,
    origins,
    secrets,
    sureSecrets: [...putIn.sureSecrets],
    secretFiles: [...putIn.secretFiles],
    files: new Map([...own.files, ...putIn.files]),
    lineOf: (path) => own.lineOf(path) ?? lineOf(path),
  };
  return { loaded, problems: problemsWithoutSecrets(problems, secrets) };
}

/** The problems with the line of the configuration each is about, where it is about one. */
export function withLines(problems: readonly ErrorDetail[], { lineOf, file }: Pick<LoadedConfig, 'lineOf' | 'file'>): ErrorDetail[] {
  return problems.map((problem) => {
    const line = lineOf(problem.path);
    if (line === undefined) return problem;
    // beside the name of another file, or a fault of a plugin's code, it would read as a line of that one
    const isOther = NAMES_FILE.test(problem.message) || NAMES_CODE.test(problem.path);
    const where = isOther && !path.isAbsolute(problem.path) ? `${path.basename(file)} line` : 'line';
    return { ...problem, message: `${problem.message} (${where} ${line})` };
  });
}

const NAMES_FILE = /[/\\][\w.]/;

/** What is wrong there is wrong in the code that it names. */
const NAMES_CODE = /^plugins\..+\.from$/;

/** Here, or in the nearest folder above that has one: a command works from everywhere inside a project. */
function defaultFile(cwd: string): string {
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    const file = path.join(folder, DEFAULT_FILE);
    if (existsSync(file)) return file;
    if (folder === path.dirname(folder)) return path.join(path.resolve(cwd), DEFAULT_FILE);
  }
}

function parse(input: Record<string, unknown>, substituted: ReadonlySet<string>, problems: ErrorDetail[]): HostConfig | undefined {
  const { data, error } = parseSubstituted(hostConfigSchema, input, substituted);
  if (error !== undefined) addNew(problems, schemaProblems(error, hostConfigSchema, { input }));
  return data;
}

/** What could not be put in is empty and would be reported once more as a wrong value. */
function addNew(problems: ErrorDetail[], found: readonly ErrorDetail[]): void {
  const known = new Set(problems.map((problem) => problem.path));
  problems.push(...found.filter((problem) => !known.has(problem.path)));
}

/** Read here already, so that a dry run reports its faults with all others. */
async function tokenProblems({ host }: HostConfig): Promise<readonly ErrorDetail[]> {
  if (host.tokensFile === null) return [];
  const { loadTokenTable } = await import('./http/token-table.js'); // most hosts have no tokens file
  return loadTokenTable(host.tokensFile).then(
    () => [],
    (error: unknown) => (isKind(error, 'config') ? (error.details ?? []) : Promise.reject(error)),
  );
}

/** A policy that cannot be kept. One for a subsystem that is not there is no fault: its plugin may be left out for now. */
function policyProblems({ governor }: HostConfig): ErrorDetail[] {
  return Object.entries(governor.subsystems).flatMap(([name, { floor, ceiling }]) => {
    if (floor === null || ceiling === null || floor <= ceiling) return [];
    const path = joinPath('governor.subsystems', [name, 'floor']);
    return [{ path, message: `the floor ${floor} is above the ceiling ${ceiling}` }];
  });
}

/** What others can reach must say who may use it. */
function addressProblems({ host }: HostConfig, origins: ReadonlyMap<string, Origin>): ErrorDetail[] {
  if (host.tokensFile !== null || isLoopback(host.address)) return [];
  const where = origins.get('host.address') === 'secret' ? 'anything but this machine' : host.address;
  const message = `listening on ${where} lets other machines in: set host.tokensFile, or listen on 127.0.0.1`;
  return [{ path: 'host.address', message }];
}

/** The sections and plugin entries that are good by themselves, defaults for the others. */
function salvage(input: Record<string, unknown>): HostConfig {
  const { host, governor, tenants, plugins } = hostConfigSchema.shape;
  const given = typeof input.plugins === 'object' && input.plugins !== null ? Object.entries(input.plugins) : [];
  const good = given.filter(([id, entry]) => plugins.safeParse({ [id]: entry }).success);
  return {
    host: host.catch(() => host.parse(undefined)).parse(input.host),
    governor: governor.catch(() => governor.parse(undefined)).parse(input.governor),
    tenants: tenants.catch({}).parse(input.tenants),
    plugins: plugins.parse(Object.fromEntries(good)),
  };
}

function applyOverrides(
  input: Record<string, unknown>,
  {
    options,
    origins,
    problems,
  }: { readonly options: HostOptions; readonly origins: Map<string, Origin>; readonly problems: ErrorDetail[] },
): void {
  const { env } = options;
  if (input.host === undefined) input.host = {};
  if (typeof input.host !== 'object' || Array.isArray(input.host)) return; // the schema says so
  const host = input.host as Record<string, unknown>;
  const set = (key: string, value: unknown, origin: Origin) => {
    host[key] = value;
    origins.set(`host.${key}`, origin);
  };
  if (options.port !== undefined) set('port', options.port, 'flag');
  else if (env.BELLOWS_PORT) {
    const port = Number(env.BELLOWS_PORT);
    if (Number.isInteger(port)) set('port', port, 'env');
    else problems.push({ path: 'BELLOWS_PORT', message: `must be a port number, it is ${JSON.stringify(env.BELLOWS_PORT)}` });
  }
  if (options.dataDir !== undefined) set('dataDir', options.dataDir, 'flag');
  else if (env.BELLOWS_DATA) set('dataDir', env.BELLOWS_DATA, 'env');
  if (options.address !== undefined) set('address', options.address, 'flag');
  if (options.logLevel !== undefined) set('logLevel', options.logLevel, 'flag');
}

/** Paths in the file are meant from its folder; those given by flag or environment from the working folder. */
function withAbsolutePaths(
  config: HostConfig,
  { folder, origins, cwd }: { readonly folder: string; readonly origins: ReadonlyMap<string, Origin>; readonly cwd: string },
): HostConfig {
  const origin = origins.get('host.dataDir');
  const dataDir = path.resolve(origin === 'flag' || origin === 'env' ? cwd : folder, config.host.dataDir);
  const tokensFile = config.host.tokensFile === null ? null : path.resolve(folder, config.host.tokensFile);
  return { ...config, host: { ...config.host, dataDir, tokensFile } };
}
