import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type ErrorCodeTable,
  type ErrorDetail,
  type IOperations,
  isPlugin,
  messageOf,
  type Plugin,
  type PluginContext,
  type Reconfigure,
  SDK_VERSION,
  sdkRangeProblem,
} from '@bellows/sdk';
import { FakeClock } from '@bellows/sdk/testing';
import { findPlugin, type PluginSource } from '../plugin-source.js';
import { entryFile, stagePlugin } from '../plugin-stager.js';
import type { ReloadReport } from '../reload/reload-report.js';
import { explained } from './explained.js';
import { type LaunchedHost, launchTestHost } from './launch-test-host.js';
import { RunningCalls } from './running-calls.js';
import {
  type BuiltPlugin,
  idsOf,
  isFolder,
  type NamedPlugin,
  type PluginModule,
  pluginOf,
  sourceOf,
  type TestPlugin,
} from './test-plugin.js';
import { TroubleLog } from './trouble-log.js';

/** A plugin, the module it is the default export of (then its table of error codes is checked too), or what was built, by its folder. */
export type CheckedPlugin = Plugin | PluginModule | BuiltPlugin;

export interface CheckPluginOptions {
  /** Where the `package.json` and `plugin.json` of a plugin are that is given as code. Without it they are not checked. */
  readonly folder?: string;
  /** Options it works with; `{}` where every option has a default. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** From where relative paths in `config` are meant. */
  readonly configFolder?: string;
  /** Plugins it needs; they are started before it. */
  readonly alongside?: readonly TestPlugin[];
  /** Live options with other values, each taken over while it runs; beside those that are made of numbers, choices and switches. */
  readonly changes?: readonly Readonly<Record<string, unknown>>[];
  /** Live options with values that fit the schema and that it refuses all the same. */
  readonly refusedChanges?: readonly Readonly<Record<string, unknown>>[];
  /** A call that must be answered as before when a change did not come about. */
  readonly probe?: { readonly operation: string; readonly input: unknown };
  /** How often it is started and stopped again; from 40 on its memory is watched too. Default 100. */
  readonly rounds?: number;
  /** Also for a change while it runs. Default 10 s, as in the configuration. */
  readonly activateTimeoutMs?: number;
  /** Default 5 s, as in the configuration. */
  readonly stopTimeoutMs?: number;
  /** How long a call with bad input may take. Default 5 s. */
  readonly callTimeoutMs?: number;
  /** How long what a stop is closing may be seen in the process: its end takes a process some time. Default 2 s. */
  readonly settleMs?: number;
}

interface LifeOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly signal?: AbortSignal;
  /** Called with the promise of each activation that begins. */
  readonly onActivate?: (activation: Promise<void>) => void;
  /** Called with the context of each activation that begins. */
  readonly onContext?: (ctx: PluginContext) => void;
  /** Called with what the plugin registers to take changes over; answers what stands in its place. */
  readonly onReconfigure?: (apply: Reconfigure) => Reconfigure;
}

/** The default of the configuration. */
const ACTIVATE_TIMEOUT_MS = 10_000;

/** A plugin that was loaded once, and its lives on one test host after the other. */
export class PluginUnderCheck implements AsyncDisposable {
  readonly options: CheckPluginOptions;
  /** What is wrong with package, manifest and code; nothing else can be asked then. */
  readonly problems: readonly string[];
  /** The tables of error codes that its module exports. */
  readonly tables: readonly ErrorCodeTable[];
  readonly #plugin: Plugin | undefined;
  readonly #source: PluginSource | undefined;
  readonly #stagingDir: string;
  #named: NamedPlugin | undefined;
  #calls = new RunningCalls();
  #clock = new FakeClock();
  #log = new TroubleLog();

  private constructor(found: Found, stagingDir: string, options: CheckPluginOptions) {
    this.options = options;
    this.problems = found.problems;
    this.#plugin = isPlugin(found.code) ? found.code : undefined;
    this.#source = found.source;
    this.tables = found.module === undefined ? [] : Object.values(found.module).filter(isErrorCodeTable);
    this.#stagingDir = stagingDir;
  }

  static async load(subject: CheckedPlugin, options: CheckPluginOptions): Promise<PluginUnderCheck> {
    const stagingDir = await mkdtemp(path.join(os.tmpdir(), 'bellows-check-plugin-'));
    try {
      const found = isFolder(subject) ? await findBuilt(subject.from, stagingDir) : await findGiven(subject, options, stagingDir);
      return new PluginUnderCheck(found, stagingDir, options);
    } catch (error) {
      await rm(stagingDir, { recursive: true, force: true });
      throw error;
    }
  }

  get plugin(): Plugin {
    if (this.#plugin === undefined) throw new Error('there is no plugin');
    return this.#plugin;
  }

  get id(): string {
    return this.plugin.id;
  }

  /** For messages, also when there is none. */
  get name(): string {
    return this.#plugin === undefined ? 'The plugin' : `The plugin ${this.id}`;
  }

  get config(): Readonly<Record<string, unknown>> {
    return this.options.config ?? {};
  }

  get activateTimeoutMs(): number {
    return this.options.activateTimeoutMs ?? ACTIVATE_TIMEOUT_MS;
  }

  /** That of the host which was begun last. */
  get clock(): FakeClock {
    return this.#clock;
  }

  /** Handlers that run on that host. */
  get calls(): RunningCalls {
    return this.#calls;
  }

  /** What the log of the host that was begun last has of warnings and errors, to stand behind a message that would refer to it. */
  get trouble(): string {
    return this.#log.lines.map((line) => `; ${line}`).join('');
  }

  /** {@link begin} where nothing is to go wrong; rejects with all that did. */
  start(life?: LifeOptions): Promise<LaunchedHost<FakeClock>> {
    return this.begin(life).catch((cause: unknown) => {
      throw new Error(`it does not start: ${explained(cause)}`, { cause });
    });
  }

  /** Puts it on a host of its own and starts that. Rejects as {@link launchTestHost}. */
  begin(life: LifeOptions = {}): Promise<LaunchedHost<FakeClock>> {
    const { config = this.config, signal, onActivate = () => {}, onContext = () => {}, onReconfigure = (apply) => apply } = life;
    const { plugin } = this;
    const running = new RunningCalls();
    this.#calls = running;
    const watched: Plugin = {
      ...plugin,
      activate(ctx) {
        onContext(ctx);
        const operations: IOperations = { ...ctx.operations, provide: (given) => ctx.operations.provide(running.watched(given)) };
        const takesOver = (apply: Reconfigure) => ctx.onReconfigure(onReconfigure(apply));
        const activation = (async () => plugin.activate(Object.freeze({ ...ctx, operations, onReconfigure: takesOver })))();
        onActivate(activation.catch(() => {}));
        return activation;
      },
    };
    const { activateTimeoutMs, stopTimeoutMs, alongside = [], configFolder } = this.options;
    const source = { ...(this.#source ?? sourceOf(this.id, alongside.flatMap(idsOf))), key: this.id };
    this.#named = {
      key: this.id,
      entry: {
        from: source.from,
        config,
        ...(activateTimeoutMs === undefined ? {} : { activateTimeoutMs }),
        ...(stopTimeoutMs === undefined ? {} : { stopTimeoutMs }),
      },
      given: { plugin: watched, source },
    };
    this.#clock = new FakeClock();
    this.#log = new TroubleLog();
    return launchTestHost<FakeClock>({
      plugins: alongside,
      named: [this.#named],
      clock: this.#clock,
      logger: this.#log,
      ...(configFolder === undefined ? {} : { configFolder }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Has the host that was begun last take these options over. */
  reload(host: LaunchedHost<FakeClock>, config: Readonly<Record<string, unknown>>): Promise<ReloadReport> {
    const named = this.#named as NamedPlugin;
    return host.reload({ named: [{ ...named, entry: { ...named.entry, config } }] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#stagingDir, { recursive: true, force: true });
  }
}

interface Found {
  readonly code: unknown;
  readonly module?: object;
  readonly source?: PluginSource;
  readonly problems: readonly string[];
}

async function findBuilt(from: string, stagingDir: string): Promise<Found> {
  const { source, problems } = await findSource(from, stagingDir);
  if (source === undefined) return { code: undefined, problems };
  try {
    const folder = await stagePlugin(source, { stagingDir, configFolder: path.resolve() });
    const module = (await import(pathToFileURL(entryFile(folder, source.packageJson)).href)) as PluginModule;
    return withIdentity({ code: pluginOf(module), module, source, problems });
  } catch (error) {
    return { code: undefined, source, problems: [...problems, `its code cannot be loaded: ${messageOf(error)}`] };
  }
}

async function findGiven(subject: Plugin | PluginModule, { folder }: CheckPluginOptions, stagingDir: string): Promise<Found> {
  const code = pluginOf(subject);
  const given = isPlugin(subject) || subject === null ? { code } : { code, module: subject };
  if (folder === undefined) return withIdentity({ ...given, problems: [] });
  const { source, problems } = await findSource(path.resolve(folder), stagingDir);
  return withIdentity({ ...given, problems, ...(source === undefined ? {} : { source }) });
}

async function findSource(from: string, stagingDir: string) {
  const absolute = from.startsWith('.') ? path.resolve(from) : from;
  const { source, problems } = await findPlugin({ key: 'plugin', from: absolute }, { configFolder: path.resolve(), stagingDir });
  return { source, problems: [...problems.map(sentenceOf), ...(source === undefined ? [] : manifestProblems(source))] };
}

function manifestProblems({ manifest, packageJson }: PluginSource): readonly string[] {
  const range = sdkRangeProblem(manifest.sdk, SDK_VERSION);
  const { version } = packageJson;
  return [
    ...(range === null ? [] : [range.message]),
    ...(version === manifest.version ? [] : [`its package.json says version ${version} and its plugin.json ${manifest.version}`]),
  ];
}

function withIdentity(found: Found): Found {
  const { code, source, problems } = found;
  if (!isPlugin(code)) return { ...found, problems: [...problems, 'its default export is no plugin: export default definePlugin({ … })'] };
  if (source === undefined || source.manifest.id === code.id) return found;
  return { ...found, problems: [...problems, `its code calls itself ${code.id} and its plugin.json ${source.manifest.id}`] };
}

function sentenceOf({ path: place, message }: ErrorDetail): string {
  return `${place}: ${message}`;
}

function isErrorCodeTable(value: unknown): value is ErrorCodeTable {
  if (typeof value !== 'object' || value === null) return false;
  const entries = Object.values(value) as readonly Partial<ErrorCodeTable[string]>[];
  return entries.length > 0 && entries.every((entry) => typeof entry?.kind === 'string' && typeof entry.text === 'string');
}
