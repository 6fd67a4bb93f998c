import { randomBytes } from 'node:crypto';
import {
  CancelledError,
  EventBus,
  type IClock,
  type ILogger,
  type IMachine,
  type IRandom,
  messageOf,
  type PluginStatus,
  SqliteStore,
  systemClock,
  systemRandom,
  TOKENS,
} from '@bellows/sdk';
import { configError } from './config-error.js';
import { type LoadedConfig, loadConfig, withLines } from './config-file.js';
import { ServiceContainer } from './container.js';
import { DataFolder } from './data-folder.js';
import { Governor } from './governor/governor.js';
import { MachineSampler } from './governor/machine-sampler.js';
import { SubsystemRegistry } from './governor/subsystem-registry.js';
import { openHttp } from './host-http.js';
import { createHostLogger, type HostConsole } from './host-logger.js';
import type { HostOptions } from './host-options.js';
import { hostView } from './host-status.js';
import type { HostView } from './host-view.js';
import { inspectPlugins } from './inspect-plugins.js';
import { nearestName } from './operations/nearest-name.js';
import { OperationRegistry } from './operations/operation-registry.js';
import { type LoadedPlugin, loadPlugins } from './plugin-loader.js';
import { PluginRunner } from './plugin-runner.js';
import { inPluginScope, outsidePluginScope } from './plugin-scope.js';
import { PluginSet } from './plugin-set.js';
import { sweepStaging } from './staging-sweep.js';
import { TeardownStack } from './teardown.js';
import { untilAborted } from './until-aborted.js';
import { FileUploads } from './uploads.js';

/** A host that is up. */
export interface RunningHost {
  readonly url: string;
  /** The page with the token that lets the browser in, once. */
  readonly pageUrl: string;
  readonly view: HostView;
  /** Stops everything in reverse order, within `host.stopTimeoutMs`. Twice answers the same promise; never rejects. */
  stop(reason: string): Promise<{ readonly clean: boolean }>;
  /** Resolves when it has stopped. */
  readonly stopped: Promise<{ readonly clean: boolean }>;
}

/** Takes an error nobody caught: it is charged to the plugin whose code it came from, where that is known. Never throws. */
export type FaultReport = (pluginId: string | undefined, error: unknown) => void;

export interface StartOptions extends HostOptions {
  /** Lines of the log for people. */
  readonly console: HostConsole;
  /** Aborts while the host starts: the start ends at once, what was started is stopped in order. Has no effect afterwards. */
  readonly signal?: AbortSignal;
  /** Called before code of any plugin runs, with where errors belong that reach the process. */
  readonly catchFaults?: (report: FaultReport) => void;
  /** For tests: time, randomness and machine readings of their own. */
  readonly clock?: IClock;
  readonly random?: IRandom;
  readonly machine?: IMachine;
}

/**
 * Starts a host. Everything is checked before anything is started; a failure leaves nothing running.
 * Rejects with `ConfigError` (all problems in `details`), `RefusedError` (`DATA_IN_USE`), `PluginError`,
 * or `CancelledError` (`START_INTERRUPTED`).
 */
export async function startHost(options: StartOptions): Promise<RunningHost> {
  const { loaded, problems } = await loadConfig(options);
  // The plugins are checked in the same go: an operator sees everything that is wrong at once.
  if (!loaded) throw configError(problems);
  if (problems.length > 0) {
    const { problems: found } = await inspectPlugins(loaded);
    throw configError(withLines([...problems, ...found], loaded), loaded.file);
  }

  const data = await DataFolder.open(loaded.config.host.dataDir);
  const { clock = systemClock, signal } = options;
  const logger = openLogger(loaded, data, options);
  const teardown = new TeardownStack({ clock, logger });
  teardown.add(() => data.close());
  teardown.add(() => logger.close());
  const faults = new FaultDesk(logger);
  options.catchFaults?.((pluginId, error) => faults.report(pluginId, error));
  try {
    const stagingDir = data.file('staging');
    const loading = loadPlugins(loaded, { stagingDir, importModule: (url) => import(url), clock });
    const { waves, problems: pluginProblems } = await untilAborted(loading, signal);
    if (pluginProblems.length > 0) throw configError(withLines(pluginProblems, loaded), loaded.file);
    await sweepStaging(stagingDir, new Set(waves.flat().flatMap(({ folder, source }) => [folder, source.folder])));
    return await assemble({ loaded, waves, data, logger, teardown, faults, options });
  } catch (error) {
    await teardown.release(loaded.config.host.stopTimeoutMs);
    if (!signal?.aborted) throw error;
    throw new CancelledError('START_INTERRUPTED', 'the start was interrupted; what had been started was stopped again', { cause: error });
  }
}

function openLogger(loaded: LoadedConfig, data: DataFolder, { console }: StartOptions): ReturnType<typeof createHostLogger> {
  try {
    return createHostLogger({ level: loaded.config.host.logLevel, logFolder: data.file('logs'), console });
  } catch (error) {
    data.close();
    throw data.unusable(error);
  }
}

/** Where errors go that nobody caught. */
class FaultDesk {
  /** Set as soon as there are any. */
  plugins: PluginSet | undefined;
  readonly #logger: ILogger;

  constructor(logger: ILogger) {
    this.#logger = logger;
  }

  report(pluginId: string | undefined, error: unknown): void {
    const message = `an error nobody caught: ${messageOf(error)}`;
    this.#logger.error(message, { error, ...(pluginId === undefined ? {} : { plugin: pluginId }) });
    if (pluginId !== undefined) this.plugins?.runner(pluginId)?.degrade('UNCAUGHT_ERROR', message);
  }
}

interface Parts {
  readonly loaded: LoadedConfig;
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly data: DataFolder;
  readonly logger: ILogger;
  readonly teardown: TeardownStack;
  readonly faults: FaultDesk;
  readonly options: StartOptions;
}

/** Builds the parts in the order in which they need each other; each is on the stack before the next one is built. */
async function assemble({ loaded, waves, data, logger, teardown, faults, options }: Parts): Promise<RunningHost> {
  const { config } = loaded;
  const { clock = systemClock, random = systemRandom } = options;
  const store = await SqliteStore.open(data.file('store.db'));
  teardown.add(() => store.close());
  const onHandlerError = (owner: string, topic: string, error: unknown) =>
    logger.error(`a handler of ${topic} failed: ${messageOf(error)}`, { plugin: owner, error });
  const bus = new EventBus({ clock, source: HOST_SOURCE, onHandlerError, runAs });
  teardown.add(() => bus.close());
  const machine = options.machine ?? ownedBy(teardown, new MachineSampler(clock, config.governor.sampleMs));
  const registry = new SubsystemRegistry({ bus, logger });
  const operations = new OperationRegistry({
    clock,
    random,
    logger,
    tenants: config.tenants,
    pressure: (plugin) => registry.pressureOf(plugin),
  });
  const governor = new Governor({ registry, machine, bus, clock, logger, config: config.governor });
  const uploads = new FileUploads({ dataDir: data.path, clock });
  await uploads.sweep({ interrupted: true });
  const sweepLater = () => void uploads.sweep().catch((error: unknown) => logger.warn('old uploads were not removed', { error }));
  teardown.add(clock.setRepeating(SWEEP_PERIOD_MS, sweepLater));

  const hostOperations = operations.forPlugin(HOST_SOURCE, new AbortController().signal);
  const container = new ServiceContainer();
  container.provide(TOKENS.Bus, bus);
  container.provide(TOKENS.Operations, hostOperations);
  container.provide(TOKENS.Clock, clock);
  container.provide(TOKENS.Random, random);
  container.provide(TOKENS.Logger, logger);
  container.provide(TOKENS.Machine, machine);
  container.provide(TOKENS.Uploads, uploads);
  const started = Promise.withResolvers<void>();
  container.provide(TOKENS.HostStart, Object.freeze({ complete: started.promise }));

  const onStatus = (status: PluginStatus) => {
    const { id, state, reason, message, since, configRevision } = status;
    bus.publish({ topic: 'status', payload: { plugin: id, state, reason, message, since, configRevision } });
  };
  const registerSubsystem: PluginServices['registerSubsystem'] = (plugin, subsystem) => registry.register(plugin, subsystem);
  const services: PluginServices = {
    clock,
    random,
    logger,
    container,
    store,
    dataDir: data.path,
    bus,
    operations,
    registerSubsystem,
    onStatus,
  };
  const plugins = new PluginSet(
    waves.map((wave) => wave.map((plugin) => new PluginRunner(plugin, services, CONFIG_REVISION))),
    clock,
  );
  faults.plugins = plugins;
  const view = hostView({
    loaded,
    bus,
    operations: hostOperations,
    machine,
    uploads,
    logger,
    plugins,
    registry,
    governor,
    startedAt: clock.now(),
    configRevision: CONFIG_REVISION,
  });
  const token = randomBytes(32).toString('base64url');
  const http = await openHttp({ view, operations, config: config.host, token, clock, random });
  teardown.add(() => http.close());
  await data.writeHostFile({ pid: process.pid, url: http.url, token, startedAt: view.startedAt });
  teardown.add(() => data.removeHostFile());

  teardown.add(registry.start(clock, METRICS_PERIOD_MS));
  teardown.add(governor.start());
  teardown.add(async () => void (await plugins.stop('HOST_STOPPING')));
  await plugins.start(options.signal);
  started.resolve();
  registry.readAll();
  for (const text of strayPolicies(config, registry)) logger.warn(text);
  return new Running({ http, token, view, plugins, teardown, logger, stopTimeoutMs: config.host.stopTimeoutMs });
}

const HOST_SOURCE = 'host';

/** The bus calls handlers in the wake of whoever published; what they do is to be traced back to whoever subscribed. */
function runAs<T>(source: string, call: () => T): T {
  return source === HOST_SOURCE ? outsidePluginScope(call) : inPluginScope({ pluginId: source, phase: 'handle events' }, call);
}

function ownedBy<T extends Disposable>(teardown: TeardownStack, owned: T): T {
  teardown.add(owned);
  return owned;
}

type PluginServices = ConstructorParameters<typeof PluginRunner>[1];

/** `metrics` is published at least this often (contract of the topic). */
const METRICS_PERIOD_MS = 1_000;
/** Uploads nobody reads go after a day; an hour more or less does not matter. */
const SWEEP_PERIOD_MS = 3_600_000;
/** Raised by each accepted reload; a host that was just started is at its first. */
const CONFIG_REVISION = 1;

/** Policies for subsystems that nobody has registered: a plugin that was left out, or a typing error. */
function strayPolicies({ governor }: LoadedConfig['config'], registry: SubsystemRegistry): string[] {
  const known = registry.entries().map(({ subsystem }) => subsystem.name);
  return Object.keys(governor.subsystems)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearestName(name, known);
      return `governor.subsystems.${name} is for a subsystem that is not there${near === undefined ? '' : `: did you mean ${near}?`}`;
    });
}

interface RunningParts {
  readonly http: { readonly url: string };
  readonly token: string;
  readonly view: HostView;
  readonly plugins: PluginSet;
  readonly teardown: TeardownStack;
  readonly logger: ILogger;
  readonly stopTimeoutMs: number;
}

class Running implements RunningHost {
  readonly url: string;
  readonly pageUrl: string;
  readonly view: HostView;
  readonly stopped: Promise<{ readonly clean: boolean }>;
  readonly #parts: RunningParts;
  #stopping = false;
  #resolveStopped: (result: { readonly clean: boolean }) => void = () => {};

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.url = parts.http.url;
    this.pageUrl = `${parts.http.url}/?token=${parts.token}`;
    this.view = parts.view;
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  stop(reason: string): Promise<{ readonly clean: boolean }> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#parts.logger.info(`stopping: ${reason}`);
      void this.#release(reason).then((clean) => this.#resolveStopped({ clean }));
    }
    return this.stopped;
  }

  async #release(reason: string): Promise<boolean> {
    const { teardown, plugins, stopTimeoutMs } = this.#parts;
    const released = await teardown.release(stopTimeoutMs);
    this.#parts.logger.info('stopped');
    // asked a second time, the plugins answer how their stop ended, which was part of the release
    return released && (await plugins.stop(reason));
  }
}
