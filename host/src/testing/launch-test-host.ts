import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  CancelledError,
  type ErrorDetail,
  type IClock,
  type ILogger,
  type IMachine,
  type IPersistentBackingStore,
  type IRandom,
  MemoryStore,
  messageOf,
  seededRandom,
  silentLogger,
  systemClock,
} from '@bellows/sdk';
import { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import { configError } from '../config-error.js';
import { type LoadedConfig, readConfigTree } from '../config-file.js';
import { openHttp } from '../host-http.js';
import { type WiredHost, wireHost } from '../host-wiring.js';
import { loadPlugins } from '../plugin-loader.js';
import type { ReloadReport } from '../reload/reload-report.js';
import type { NextConfig } from '../reload/reloader.js';
import { TeardownStack } from '../teardown.js';
import { withRunningTime } from './running-time.js';
import { TEST_MACHINE } from './test-machine.js';
import { type NamedPlugin, nameTestPlugin, sameNameProblems, type TestPlugin } from './test-plugin.js';

export interface TestHostOptions<C extends IClock = FakeClock> {
  readonly plugins: readonly TestPlugin[];
  /** `host`, `governor` and `tenants` as in bellows.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** From where relative paths in the options of plugins are meant. Default: the host's own temporary folder, which is empty. */
  readonly configFolder?: string;
  /** Default: a `FakeClock`. */
  readonly clock?: C;
  /** Default: always the same sequence. */
  readonly random?: IRandom;
  /** Default: four idle cores and 8 GiB, always the same. */
  readonly machine?: IMachine;
  /** Default: in memory. It is not closed by the host. */
  readonly store?: IPersistentBackingStore;
  /** Default: silent. */
  readonly logger?: ILogger;
  /** Listens on a free port of the loopback address. Default false. */
  readonly listen?: boolean;
  /** Aborts while the host starts: the start ends at once, what was started is stopped in order. */
  readonly signal?: AbortSignal;
}

export interface LaunchOptions<C extends IClock> extends TestHostOptions<C> {
  /** Beside `plugins`: those that have their place in a configuration already. */
  readonly named?: readonly NamedPlugin[];
}

/** What a host that runs is to run from now on. What is left out stays as it was given last. */
export type TestReload = Partial<Pick<TestHostOptions, 'plugins' | 'config'>>;

/** The parts of a host that was started for a test. */
export interface LaunchedHost<C extends IClock> {
  readonly wired: WiredHost;
  readonly bus: RecordingBus;
  readonly clock: C;
  readonly store: IPersistentBackingStore;
  /** Left out unless it was to listen. */
  readonly http?: { readonly url: string; readonly token: string };
  /** As `TestHost.reload`. */
  reload(next: Partial<Pick<LaunchOptions<C>, 'plugins' | 'named' | 'config'>>): Promise<ReloadReport>;
  /** Ends everything and removes the temporary folder; says whether all let go in time. Twice answers the same promise. */
  stop(): Promise<boolean>;
}

/** The wiring of the real host around parts that leave nothing behind. A failure leaves nothing running. */
export async function launchTestHost<C extends IClock = FakeClock>(options: LaunchOptions<C>): Promise<LaunchedHost<C>> {
  const { logger = silentLogger, random = seededRandom(1), store = new MemoryStore(), machine = TEST_MACHINE, signal } = options;
  const clock = (options.clock ?? new FakeClock()) as C;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bellows-test-host-'));
  const teardown = new TeardownStack({ clock, logger });
  teardown.add(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  let stopTimeoutMs = Number.POSITIVE_INFINITY;
  let wired: WiredHost | undefined;
  const release = async () => {
    const isReleased = await teardown.release(stopTimeoutMs);
    // asked a second time, the plugins answer how their stop ended, which was part of the release
    return isReleased && (wired === undefined || (await wired.plugins.stop('HOST_STOPPING')));
  };
  const stop = () => withRunningTime(clock, release);
  try {
    let wanted: LaunchOptions<C> = options;
    const readNext = () => read(wanted, { folder, clock });
    const { loaded, waves } = await firstOf(withRunningTime(clock, readNext));
    stopTimeoutMs = loaded.config.host.stopTimeoutMs;
    let bus: RecordingBus | undefined;
    const makeBus: NonNullable<Parameters<typeof wireHost>[0]['makeBus']> = (given) => (bus = new RecordingBus(given));
    const started = await wireHost({ loaded, waves, store, logger, teardown, clock, random, machine, makeBus, readNext });
    wired = started;
    const { reloader } = started;
    const reload: LaunchedHost<C>['reload'] = (next) => {
      const { plugins = wanted.plugins, named = wanted.named ?? [], config = wanted.config ?? {} } = next;
      wanted = { ...wanted, plugins, named, config };
      return withRunningTime(clock, () => reloader.reload('request'));
    };
    const http = options.listen ? await listen({ wired: started, loaded, random, teardown }) : undefined;
    await withRunningTime(clock, () => started.start(signal));
    return { wired: started, bus: bus as unknown as RecordingBus, clock, store, ...(http === undefined ? {} : { http }), reload, stop };
  } catch (error) {
    await stop();
    if (!signal?.aborted) throw error;
    throw new CancelledError('START_INTERRUPTED', 'the start was interrupted; what had been started was stopped again', { cause: error });
  }
}

async function firstOf(reading: Promise<NextConfig>): Promise<Required<NextConfig>> {
  const { loaded, waves, problems } = await reading;
  if (loaded === undefined || problems.length > 0) throw configError(problems);
  return { loaded, waves, problems };
}

/** Reads and checks as a start from a file does; all problems at once. */
async function read(
  { plugins, named: already = [], config = {}, configFolder }: Pick<LaunchOptions<IClock>, 'plugins' | 'named' | 'config' | 'configFolder'>,
  { folder, clock }: { readonly folder: string; readonly clock: IClock },
): Promise<NextConfig> {
  const stagingDir = path.join(folder, 'staging');
  const named = [...already, ...(await Promise.all(plugins.map((plugin) => nameTestPlugin(plugin, stagingDir))))];
  const faults: ErrorDetail[] = [];
  const given = plainData(config, { path: 'config', faults });
  const tree = {
    ...given,
    host: { port: 0, dataDir: path.join(folder, 'data'), ...(given.host as object | undefined) },
    plugins: Object.fromEntries(named.map(({ key, entry }) => [key, plainData(entry, { path: `plugins.${key}`, faults })])),
  };
  if (faults.length > 0) return { waves: [], problems: faults };
  const place = { file: 'the configuration of the test', folder: path.resolve(configFolder ?? folder), problems: [] };
  const options = { env: {}, cwd: folder };
  const { loaded, problems } = await readConfigTree({ tree, lineOf: () => undefined }, { ...place, options });
  const inMemory = new Map(named.flatMap((plugin) => (plugin.given === undefined ? [] : [[plugin.key, plugin.given] as const])));
  const found = await loadPlugins(loaded, { stagingDir, importModule: (url) => import(url), clock, given: inMemory });
  const beside =
    'plugins' in config ? [{ path: 'config.plugins', message: 'give plugins in `plugins` of the test host, not in its `config`' }] : [];
  return { loaded, waves: found.waves, problems: [...beside, ...sameNameProblems(named), ...problems, ...found.problems] };
}

/** A copy, so that nothing reaches into what the test holds. */
function plainData(
  value: Readonly<Record<string, unknown>>,
  { path: place, faults }: { readonly path: string; readonly faults: ErrorDetail[] },
) {
  try {
    return structuredClone(value);
  } catch (error) {
    faults.push({ path: place, message: `it holds what no file could say: ${messageOf(error)}` });
    return {};
  }
}

interface HttpParts {
  readonly wired: WiredHost;
  readonly loaded: LoadedConfig;
  readonly random: IRandom;
  readonly teardown: TeardownStack;
}

async function listen({ wired: { operations, view, reloader }, loaded, random, teardown }: HttpParts) {
  // connections are real, so is their time, and what keeps others out
  const token = randomBytes(32).toString('base64url');
  const server = await openHttp({ view, control: reloader, operations, config: loaded.config.host, token, clock: systemClock, random });
  teardown.add(() => server.close());
  return { url: server.url, token };
}
