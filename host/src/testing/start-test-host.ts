import {
  type CallOptions,
  type IClock,
  type IPersistentBackingStore,
  type IScalableSubsystem,
  optionNames,
  type PluginStatus,
  type ScalingDecision,
} from '@bellows/sdk';
import type { FakeClock, RecordingBus } from '@bellows/sdk/testing';
import type { HostStatus } from '../host-view.js';
import type { ReloadReport } from '../reload/reload-report.js';
import { demandTestOptions, testOptionsError } from './demand-test-options.js';
import { withReason } from './explained.js';
import { launchTestHost, type TestHostOptions, type TestReload } from './launch-test-host.js';

/** A host for one test. `await using` stops it. */
export interface TestHost<C extends IClock = FakeClock> extends AsyncDisposable {
  /** The real bus, which also keeps every event. */
  readonly bus: RecordingBus;
  readonly clock: C;
  readonly store: IPersistentBackingStore;
  /** Where it listens; left out unless that was asked for. */
  readonly http?: { readonly url: string; readonly token: string };
  /** As any caller of the host: validated, limited, with the authority of the host itself. */
  call<O = unknown>(name: string, input: unknown, options?: CallOptions): Promise<O>;
  status(): HostStatus;
  /** The governor's decisions, newest first. */
  decisions(subsystem?: string): readonly ScalingDecision[];
  /** The state of a plugin with its reason; undefined for one that is not there. */
  plugin(id: string): PluginStatus | undefined;
  /** What a plugin has registered under this name. */
  subsystem(name: string): IScalableSubsystem | undefined;
  /**
   * Has the running host take over other plugins and options by the rules of a reload: what is marked `live` is given to the plugin, which
   * may refuse; anything else starts it again; whole or not at all. What came of it is in the report: rejects only with `NotReadyError`
   * (`HOST_STOPPING`) after a stop, and with `InputError` (`TEST_OPTIONS_INVALID`) for what means nothing here. Of several at once, those
   * that have not begun are one, with the newest of what was given.
   */
  reload(next: TestReload): Promise<ReloadReport>;
  /** Stops everything in reverse order and removes what was written; says whether all let go in time. Twice answers the same. Never rejects. */
  stop(): Promise<boolean>;
}

/**
 * Starts the real host (container, plugins and their states, bus, operations, governor) around a store in memory, a fake clock and a
 * temporary folder; it needs no test runner. Rejects as a start from a file does: `ConfigError` with all problems, or what a plugin
 * threw, each with the reason in its message, for which a host refers to its log; then nothing is left. `InputError`
 * (`TEST_OPTIONS_INVALID`) for options of unknown names. A fake clock moves only when told, except that a start, a reload or a stop that
 * takes longer than about a quarter of a second, files aside, moves it with real time: their time-outs hold.
 */
export async function startTestHost<C extends IClock = FakeClock>(options: TestHostOptions<C>): Promise<TestHost<C>> {
  demandTestOptions('startTestHost', options, OPTIONS);
  if (!Array.isArray(options.plugins)) throw testOptionsError('startTestHost', 'give the plugins it runs: { plugins: [mine] }');
  const launched = await launchTestHost(options).catch((error: unknown) => {
    throw withReason(error);
  });
  const { wired, bus, clock, store, http } = launched;
  const { view, plugins, registry } = wired;
  return {
    bus,
    clock,
    store,
    ...(http === undefined ? {} : { http }),
    call: (name, input, callOptions) =>
      view.operations.call<never>(name, input, callOptions).catch((error: unknown) => {
        throw withReason(error);
      }),
    status: () => view.status(),
    decisions: (subsystem) => view.decisions({ limit: Number.POSITIVE_INFINITY, ...(subsystem === undefined ? {} : { subsystem }) }),
    plugin: (id) => plugins.runner(id)?.status,
    subsystem: (name) => registry.entries().find((entry) => entry.subsystem.name === name)?.subsystem,
    async reload(next) {
      demandTestOptions('reload', next, OF_RELOAD);
      return launched.reload(next);
    },
    stop: () => launched.stop(),
    async [Symbol.asyncDispose]() {
      await launched.stop();
    },
  };
}

const OPTIONS = optionNames<TestHostOptions>({
  plugins: true,
  config: true,
  configFolder: true,
  clock: true,
  random: true,
  machine: true,
  store: true,
  logger: true,
  listen: true,
  signal: true,
});
const OF_RELOAD = optionNames<TestReload>({ plugins: true, config: true });
