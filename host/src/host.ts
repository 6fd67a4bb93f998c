import { randomBytes } from 'node:crypto';
import {
  CancelledError,
  type IClock,
  type ILogger,
  type IMachine,
  type IRandom,
  isBellowsError,
  messageOf,
  SqliteStore,
  systemClock,
  systemRandom,
} from '@bellows/sdk';
import { configError } from './config-error.js';
import { type LoadedConfig, loadConfig, withLines } from './config-file.js';
import { DataFolder } from './data-folder.js';
import { openHttp } from './host-http.js';
import { createHostLogger, type HostConsole, type HostLogger } from './host-logger.js';
import type { HostOptions } from './host-options.js';
import type { HostView } from './host-view.js';
import { type WiredHost, wireHost } from './host-wiring.js';
import { inspectPlugins } from './inspect-plugins.js';
import { KnownSecrets, secretsOf } from './known-secrets.js';
import { flushSpans, tracingNote } from './operations/tracing-provider.js';
import type { LoadedPlugin } from './plugin-loader.js';
import type { PluginSet } from './plugin-set.js';
import { ConfigSource, watchedFiles } from './reload/config-source.js';
import { ConfigWatch } from './reload/config-watch.js';
import type { Reloader } from './reload/reloader.js';
import type { RunningConfig } from './reload/running-config.js';
import { TeardownStack, within } from './teardown.js';
import { untilAborted } from './until-aborted.js';

/** A host that is up. */
export interface RunningHost {
  readonly url: string;
  /** The page with the token that lets the browser in, once. */
  readonly pageUrl: string;
  readonly view: HostView;
  /** Reads the configuration anew and takes it over, as `POST /v1/reload` does. Never rejects: the log says how it ended, and which `files` brought it. */
  reload(trigger: 'signal' | 'file', files?: readonly string[]): Promise<void>;
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
  // a pipe may be held open for ever by somebody who writes nothing
  const { loaded, problems } = await untilAborted(loadConfig(options), options.signal).catch((error: unknown) => {
    throw startFault(error, options.signal);
  });
  // The plugins are checked in the same go: an operator sees everything that is wrong at once.
  if (!loaded) throw configError(problems);
  if (problems.length > 0) {
    const { problems: found } = await inspectPlugins(loaded);
    throw configError(withLines([...problems, ...found], loaded), loaded.file);
  }

  const data = await DataFolder.open(loaded.config.host.dataDir);
  const { clock = systemClock, signal } = options;
  const secrets = new KnownSecrets();
  secrets.learn(secretsOf(loaded, []));
  const logger = openLogger(loaded, { data, secrets, options });
  const teardown = new TeardownStack({ clock, logger });
  let isRefused = false;
  teardown.add(() => (isRefused ? data.discard() : data.close()));
  let isUp = false;
  teardown.add(() => {
    // Here and not after it: the log file closes with the rest.
    if (isUp) logger.info('stopped');
    logger.close();
  });
  teardown.add(() => sendSpans(clock, logger));
  const tracing = tracingNote();
  logger[tracing.level](tracing.text);
  const faults = new FaultDesk(logger);
  options.catchFaults?.((pluginId, error) => faults.report(pluginId, error));
  try {
    const source = new ConfigSource({ options, file: loaded.file, stagingDir: data.file('staging'), clock, logger });
    const { waves, problems: pluginProblems } = await untilAborted(source.load(loaded), signal);
    if (pluginProblems.length > 0) throw configError(withLines(pluginProblems, loaded), loaded.file);
    secrets.learn(secretsOf(loaded, waves.flat()));
    await source.settle(waves.flat());
    const host = await assemble({ loaded, waves, data, secrets, logger, teardown, faults, source, options });
    isUp = true;
    void source.remember();
    return host;
  } catch (error) {
    // What is wrong with the configuration is told whole, and another attempt may name another folder. Any other failure leaves its log.
    isRefused = isBellowsError(error) && error.kind === 'config';
    await teardown.release(loaded.config.host.stopTimeoutMs);
    throw startFault(error, signal);
  }
}

function startFault(error: unknown, signal: AbortSignal | undefined): unknown {
  if (!signal?.aborted) return error;
  return new CancelledError('START_INTERRUPTED', 'the start was interrupted; what had been started was stopped again', { cause: error });
}

/** A collector that does not answer holds up no stop for longer. */
const FLUSH_MS = 3_000;

/** The process ends by itself, not when nothing is left to do, so what is collected for sending would be lost. */
async function sendSpans(clock: IClock, logger: ILogger): Promise<void> {
  try {
    const sent = await within(
      clock,
      FLUSH_MS,
      flushSpans().then(() => true),
    );
    if (!sent) logger.warn(`the last spans may be lost: they were not sent within ${FLUSH_MS} ms`);
  } catch (error) {
    logger.warn(`the last spans may be lost: ${messageOf(error)}`, { error });
  }
}

function openLogger({ config }: LoadedConfig, { data, secrets, options }: Pick<Parts, 'data' | 'secrets' | 'options'>): HostLogger {
  try {
    const { console } = options;
    return createHostLogger({ level: config.host.logLevel, logFolder: data.file('logs'), console, hide: secrets.hide });
  } catch (error) {
    data.close();
    throw data.unusable(error);
  }
}

/** Where errors go that nobody caught. */
class FaultDesk {
  /** Set as soon as there are plugins. */
  pluginBroke: WiredHost['pluginBroke'] | undefined;
  readonly #logger: ILogger;

  constructor(logger: ILogger) {
    this.#logger = logger;
  }

  report(pluginId: string | undefined, error: unknown): void {
    const message = `an error nobody caught: ${messageOf(error)}`;
    this.#logger.error(message, { error, ...(pluginId === undefined ? {} : { plugin: pluginId }) });
    if (pluginId !== undefined) this.pluginBroke?.(pluginId, message);
  }
}

interface Parts {
  readonly loaded: LoadedConfig;
  readonly waves: readonly (readonly LoadedPlugin[])[];
  readonly data: DataFolder;
  readonly secrets: KnownSecrets;
  readonly logger: HostLogger;
  readonly teardown: TeardownStack;
  readonly faults: FaultDesk;
  readonly source: ConfigSource;
  readonly options: StartOptions;
}

/** Each part is on the stack before the next one is built. */
async function assemble({ loaded, waves, data, secrets, logger, teardown, faults, source, options }: Parts): Promise<RunningHost> {
  const { config } = loaded;
  const { clock = systemClock, random = systemRandom, machine, signal } = options;
  const store = await SqliteStore.open(data.file('store.db'));
  teardown.add(() => store.close());
  const wired = await wireHost({
    loaded,
    waves,
    store,
    logger,
    teardown,
    clock,
    random,
    async readNext() {
      const next = await source.read();
      if (next.loaded !== undefined) secrets.learn(secretsOf(next.loaded, next.waves.flat()));
      return next;
    },
    hide: secrets.hide,
    onReloaded(now, read) {
      secrets.learn(secretsOf(now.loaded, now.plugins));
      void source.settle(now.plugins);
      void source.remember();
      // also of one that was not taken: its mending is waited for
      if (read.loaded !== undefined) watch.follow(watchedFiles(now.config, read.loaded));
    },
    setLogLevel: (level) => logger.setLevel(level),
    ...(machine === undefined ? {} : { machine }),
  });
  const { view, plugins, operations, reloader, running } = wired;
  faults.pluginBroke = (id, message) => wired.pluginBroke(id, message);
  const watch = new ConfigWatch({ clock, logger, onChange: (files) => void host.reload('file', files) });
  teardown.add(watch);
  const token = randomBytes(32).toString('base64url');
  const http = await openHttp({ view, control: reloader, operations, config: config.host, token, clock, random });
  teardown.add(() => http.close());
  await data.writeHostFile({ pid: process.pid, url: http.url, token, startedAt: view.startedAt });
  teardown.add(() => data.removeHostFile());
  const host = new Running({ http, token, view, plugins, reloader, running, teardown, logger });
  watch.follow(watchedFiles(config, loaded));
  await wired.start(signal);
  return host;
}

interface RunningParts {
  readonly http: { readonly url: string };
  readonly token: string;
  readonly view: HostView;
  readonly plugins: PluginSet;
  readonly reloader: Reloader;
  readonly running: RunningConfig;
  readonly teardown: TeardownStack;
  readonly logger: ILogger;
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

  async reload(trigger: 'signal' | 'file', files?: readonly string[]): Promise<void> {
    const { reloader, logger } = this.#parts;
    await reloader.reload(trigger, files).catch((error: unknown) => logger.error(`the reload failed: ${messageOf(error)}`, { error }));
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
    const { teardown, plugins, running } = this.#parts;
    const released = await teardown.release(running.config.host.stopTimeoutMs);
    // asked a second time, the plugins answer how their stop ended, which was part of the release
    return released && (await plugins.stop(reason));
  }
}
