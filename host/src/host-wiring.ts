import {
  CrashLog,
  EventBus,
  type EventBusOptions,
  type IClock,
  type ILogger,
  type IMachine,
  type IPersistentBackingStore,
  type IRandom,
  type LogLevel,
  messageOf,
  nearestName,
  type PluginStatus,
  scopedStore,
  TOKENS,
} from '@bellows/sdk';
import type { LoadedConfig } from './config-file.js';
import { ServiceContainer } from './container.js';
import { Governor } from './governor/governor.js';
import { MachineSampler } from './governor/machine-sampler.js';
import { SubsystemRegistry } from './governor/subsystem-registry.js';
import { hostView } from './host-status.js';
import type { HostView } from './host-view.js';
import { KeptAnswers } from './operations/kept-answers.js';
import { OperationRegistry } from './operations/operation-registry.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { PluginRunner, type RunnerServices } from './plugin-runner.js';
import { inPluginScope, outsidePluginScope } from './plugin-scope.js';
import { PluginSet } from './plugin-set.js';
import { PluginSupervision } from './plugin-supervision.js';
import { type NextConfig, Reloader } from './reload/reloader.js';
import { RunningConfig } from './reload/running-config.js';
import type { TeardownStack } from './teardown.js';
import { FileUploads } from './uploads.js';

export interface WiringOptions {
  readonly loaded: LoadedConfig;
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly store: IPersistentBackingStore;
  readonly logger: ILogger;
  /** Every part is put on it before the next one is built. */
  readonly teardown: TeardownStack;
  readonly clock: IClock;
  readonly random: IRandom;
  /** Default: readings of this machine. */
  readonly machine?: IMachine;
  /** What a reload takes over. Default: what runs already. */
  readonly readNext?: () => Promise<NextConfig>;
  /** As `ReloaderOptions.onEnded`. */
  readonly onReloaded?: (running: RunningConfig, read: NextConfig) => void;
  /** Sets what of the log changes while the host runs. */
  readonly setLogLevel?: (level: LogLevel) => void;
  /** Takes out of a text for people what must not be shown. Default: nothing. */
  readonly hide?: (text: string) => string;
  readonly makeBus?: (options: EventBusOptions) => EventBus;
}

/** The parts of a host, put together and at rest. */
export interface WiredHost {
  readonly bus: EventBus;
  readonly operations: OperationRegistry;
  readonly registry: SubsystemRegistry;
  readonly plugins: PluginSet;
  readonly running: RunningConfig;
  readonly view: HostView;
  /** Changes this host to what `read` answers. To be opened after the start; both its end and that of what it does are on `teardown`. */
  readonly reloader: Reloader;
  /** An error of a plugin was caught by nobody: it shows in its state, and starts it again where that is wanted. */
  pluginBroke(id: string, message: string): void;
  /** Starts the readings, the governor and the plugins. To be called once; what it rejects with is what {@link PluginSet.start} does. */
  start(signal?: AbortSignal): Promise<void>;
}

/**
 * Ids of events begin at the time of the start, so that those of a host that was started again are above all that it gave before: it
 * would have had to publish more than this in each ms. Up to the year 2255 they are whole numbers that JSON keeps.
 */
const IDS_PER_MS = 1_000;

/**
 * Builds the parts of a host in the order in which they need each other: everything but the data folder, the store and what listens.
 * Nothing of a plugin runs before `start`. Releasing `teardown` ends all of it, also after a failure in here.
 */
export async function wireHost(options: WiringOptions): Promise<WiredHost> {
  const { loaded, store, logger, teardown, clock, random, hide = (text) => text, makeBus = (given) => new EventBus(given) } = options;
  const { config } = loaded;
  const handlerErrors = new CrashLog({ logger, clock, level: 'error' });
  teardown.add(() => handlerErrors.flush());
  const onHandlerError = (owner: string, topic: string, error: unknown) =>
    handlerErrors.write(`${owner} ${topic}`, `a handler of ${topic} failed: ${messageOf(error)}`, { plugin: owner, error });
  const bus = makeBus({ clock, source: HOST_SOURCE, lastId: Math.floor(clock.now()) * IDS_PER_MS, onHandlerError, runAs });
  teardown.add(() => bus.close());
  const running = new RunningConfig(loaded, options.waves);
  const sampler = options.machine === undefined ? ownedBy(teardown, new MachineSampler(clock, config.governor.sampleMs)) : undefined;
  const machine = options.machine ?? (sampler as MachineSampler);
  const registry = new SubsystemRegistry({ bus, logger });
  const { idempotency, maxConcurrentOperations } = config.host;
  const operations = new OperationRegistry({
    clock,
    random,
    logger,
    tenants: config.tenants,
    maxConcurrentOperations,
    answers: new KeptAnswers({ config: idempotency, store: scopedStore(store, ANSWERS), clock, logger }),
    pressure: (plugin) => registry.pressureOf(plugin),
    statusOf: (plugin) => plugins.runner(plugin)?.status,
  });
  const governor = new Governor({ registry, machine, bus, clock, logger, config: config.governor });
  const uploads = await openUploads(options);

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
  const registerSubsystem: RunnerServices['registerSubsystem'] = (plugin, subsystem) => registry.register(plugin, subsystem);
  const dataDir = config.host.dataDir;
  const services: RunnerServices = {
    clock,
    random,
    logger,
    container,
    store,
    dataDir,
    bus,
    operations,
    registerSubsystem,
    onStatus,
    hide,
  };
  const makeRunner = (plugin: LoadedPlugin) => new PluginRunner(plugin, services, running.revision);
  const plugins = new PluginSet(
    options.waves.map((wave) => wave.map(makeRunner)),
    clock,
  );
  const reloader = new Reloader({
    running,
    plugins,
    read: options.readNext ?? (async () => ({ loaded: running.loaded, waves: options.waves, problems: [] })),
    makeRunner,
    applyHost(next) {
      options.setLogLevel?.(next.host.logLevel);
      sampler?.setPeriod(next.governor.sampleMs);
      governor.setConfig(next.governor);
      operations.setTenants(next.tenants);
      return policiesWithoutSubsystem(next, registry);
    },
    ...(options.onReloaded === undefined ? {} : { onEnded: options.onReloaded }),
    publish: (report) => bus.publish({ topic: 'reload', payload: report }),
    hide,
    clock,
    logger,
  });
  const supervision = new PluginSupervision({ plugins, restart: (id) => reloader.restartBroken(id), clock, random, logger });
  const view = hostView({
    running,
    bus,
    operations: hostOperations,
    machine,
    uploads,
    logger,
    plugins,
    registry,
    governor,
    hide,
    startedAt: clock.now(),
  });
  return {
    bus,
    operations,
    registry,
    plugins,
    running,
    view,
    reloader,
    pluginBroke(id, message) {
      if (plugins.runner(id)?.degrade('UNCAUGHT_ERROR', message)) supervision.broke(id);
    },
    async start(signal) {
      teardown.add(registry.start(clock, METRICS_PERIOD_MS));
      teardown.add(governor.start());
      // A reload under way ends when its plugins do; one that waits does not begin.
      teardown.add(() => reloader.idle());
      teardown.add(async () => void (await plugins.stop('HOST_STOPPING')));
      teardown.add(() => reloader.close());
      teardown.add(supervision);
      await plugins.start(signal);
      started.resolve();
      registry.readAll();
      for (const text of policiesWithoutSubsystem(config, registry)) logger.warn(text);
      reloader.open();
    },
  };
}

const HOST_SOURCE = 'host';
/** Of the store; no plugin can have this id. */
const ANSWERS = 'host.answers';

/** The bus calls handlers in the wake of whoever published; what they do is to be traced back to whoever subscribed. */
function runAs<T>(source: string, call: () => T): T {
  return source === HOST_SOURCE ? outsidePluginScope(call) : inPluginScope({ pluginId: source, phase: 'handle events' }, call);
}

function ownedBy<T extends Disposable>(teardown: TeardownStack, owned: T): T {
  teardown.add(owned);
  return owned;
}

async function openUploads({ loaded, clock, logger, teardown }: WiringOptions): Promise<FileUploads> {
  const uploads = new FileUploads({ dataDir: loaded.config.host.dataDir, clock });
  await uploads.sweep({ interrupted: true });
  const sweepLater = () => void uploads.sweep().catch((error: unknown) => logger.warn('old uploads were not removed', { error }));
  teardown.add(clock.setRepeating(SWEEP_PERIOD_MS, sweepLater));
  return uploads;
}

/** `metrics` is published at least this often (contract of the topic). */
const METRICS_PERIOD_MS = 1_000;
/** Uploads nobody reads go after a day; an hour more or less does not matter. */
const SWEEP_PERIOD_MS = 3_600_000;

/** Policies for subsystems that nobody has registered: a plugin that was left out, or a typing error. */
function policiesWithoutSubsystem({ governor }: LoadedConfig['config'], registry: SubsystemRegistry): string[] {
  const known = registry.entries().map(({ subsystem }) => subsystem.name);
  return Object.keys(governor.subsystems)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const near = nearestName(name, known);
      return `governor.subsystems.${name} is for a subsystem that is not there${near === undefined ? '' : `: did you mean ${near}?`}`;
    });
}
