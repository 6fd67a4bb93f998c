import { randomBytes } from 'node:crypto';
import {
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
import { checkConfig } from './check-config.js';
import { configError } from './config-error.js';
import { type LoadedConfig, loadConfig } from './config-file.js';
import { ServiceContainer } from './container.js';
import { DataFolder } from './data-folder.js';
import { Governor } from './governor/governor.js';
import { MachineSampler } from './governor/machine-sampler.js';
import { SubsystemRegistry } from './governor/subsystem-registry.js';
import { openHttp } from './host-http.js';
import { createHostLogger } from './host-logger.js';
import type { HostOptions } from './host-options.js';
import { hostView } from './host-status.js';
import type { HostView } from './host-view.js';
import { OperationRegistry } from './operations/operation-registry.js';
import { type LoadedPlugin, loadPlugins } from './plugin-loader.js';
import { PluginRunner } from './plugin-runner.js';
import { PluginSet } from './plugin-set.js';
import { TeardownStack } from './teardown.js';
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
  /** A fault that reached the process: charged to the plugin whose code it came from, where that is known. */
  reportFault(pluginId: string | undefined, error: unknown): void;
}

export interface StartOptions extends HostOptions {
  /** Lines of the log for people. */
  readonly console: { write(text: string): unknown };
  /** For tests: time, randomness and machine readings of their own. */
  readonly clock?: IClock;
  readonly random?: IRandom;
  readonly machine?: IMachine;
}

/**
 * Starts a host. Everything is checked before anything is started; a failure leaves nothing running.
 * Rejects with `ConfigError` (all problems in `details`), `RefusedError` (`DATA_IN_USE`) or `PluginError`.
 */
export async function startHost(options: StartOptions): Promise<RunningHost> {
  const { loaded, problems } = await loadConfig(options);
  // The plugins are checked in the same go: an operator sees everything that is wrong at once.
  if (!loaded || problems.length > 0) throw configError((await checkConfig(options)).problems);

  const data = await DataFolder.open(loaded.config.host.dataDir);
  const logger = createHostLogger({ level: loaded.config.host.logLevel, logFolder: data.file('logs'), console: options.console });
  const teardown = new TeardownStack({ clock: options.clock ?? systemClock, logger });
  teardown.add(() => data.close());
  teardown.add(() => logger.close());
  try {
    const { waves, problems: pluginProblems } = await loadPlugins(loaded, {
      stagingDir: data.file('staging'),
      importModule: (url) => import(url),
    });
    if (pluginProblems.length > 0) throw configError(pluginProblems);
    return await assemble({ loaded, waves, data, logger, teardown, options });
  } catch (error) {
    await teardown.release(loaded.config.host.stopTimeoutMs);
    throw error;
  }
}

interface Parts {
  readonly loaded: LoadedConfig;
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly data: DataFolder;
  readonly logger: ILogger;
  readonly teardown: TeardownStack;
  readonly options: StartOptions;
}

/** Builds the parts in the order in which they need each other; each is on the stack before the next one is built. */
async function assemble({ loaded, waves, data, logger, teardown, options }: Parts): Promise<RunningHost> {
  const { config } = loaded;
  const { clock = systemClock, random = systemRandom } = options;
  const store = await SqliteStore.open(data.file('store.db'));
  teardown.add(() => store.close());
  const onHandlerError = (owner: string, topic: string, error: unknown) =>
    logger.error(`a handler of ${topic} failed: ${messageOf(error)}`, { plugin: owner, error });
  const bus = new EventBus({ clock, source: 'host', onHandlerError });
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

  const hostOperations = operations.forPlugin('host', new AbortController().signal);
  const container = new ServiceContainer();
  container.provide(TOKENS.Bus, bus);
  container.provide(TOKENS.Operations, hostOperations);
  container.provide(TOKENS.Clock, clock);
  container.provide(TOKENS.Random, random);
  container.provide(TOKENS.Logger, logger);
  container.provide(TOKENS.Machine, machine);
  container.provide(TOKENS.Uploads, uploads);

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
  await plugins.start();
  registry.readAll();
  return new Running({ http, token, view, plugins, teardown, logger, stopTimeoutMs: config.host.stopTimeoutMs });
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
      void this.#parts.teardown.release(this.#parts.stopTimeoutMs).then((clean) => this.#resolveStopped({ clean }));
    }
    return this.stopped;
  }

  reportFault(pluginId: string | undefined, error: unknown): void {
    const { logger, plugins } = this.#parts;
    logger.error(`an error nobody caught: ${messageOf(error)}`, { error, ...(pluginId === undefined ? {} : { plugin: pluginId }) });
    if (pluginId !== undefined) plugins.runner(pluginId)?.degrade('UNCAUGHT_ERROR', `an error nobody caught: ${messageOf(error)}`);
  }
}
