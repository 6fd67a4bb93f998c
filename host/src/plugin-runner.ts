import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import {
  type BellowsError,
  backoffMs,
  type IClock,
  type IEventBus,
  type ILogger,
  type IOperations,
  type IPersistentBackingStore,
  type IRandom,
  type IScalableSubsystem,
  isBellowsError,
  messageOf,
  type PluginContext,
  PluginError,
  type PluginStatus,
  type Reconfigure,
  scopedStore,
} from '@bellows/sdk';
import type { ServiceContainer } from './container.js';
import { PluginLifecycle } from './plugin-lifecycle.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { inPluginScope } from './plugin-scope.js';
import { TeardownStack, within } from './teardown.js';
import { untilAborted } from './until-aborted.js';

/** What the host lends to each plugin. */
export interface RunnerServices {
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
  readonly container: ServiceContainer;
  readonly store: IPersistentBackingStore;
  readonly dataDir: string;
  readonly bus: { forSource(pluginId: string): IEventBus; closeSource(pluginId: string): void };
  readonly operations: {
    forPlugin(pluginId: string, signal: AbortSignal): IOperations;
    /** Takes no new calls and waits for the running ones. */
    drain(pluginId: string, timeoutMs: number): Promise<unknown>;
    /** Takes its operations away and ends what still runs. */
    withdrawAll(pluginId: string): void;
  };
  registerSubsystem(pluginId: string, subsystem: IScalableSubsystem): Disposable;
  onStatus(status: PluginStatus): void;
}

/** Runs one plugin: activation with its time-out, its state with reasons, and the release of all it took. */
export class PluginRunner {
  readonly id: string;
  readonly loaded: LoadedPlugin;
  readonly #services: RunnerServices;
  readonly #lifecycle: PluginLifecycle;
  readonly #logger: ILogger;
  #reconfigure: Reconfigure | undefined;
  #running: { readonly teardown: TeardownStack; readonly abort: AbortController } | undefined;
  #attempt = 0;
  /** What broke while it was being activated; it shows when it is active. */
  #brokeEarly: { readonly reason: string; readonly message: string } | undefined;

  constructor(loaded: LoadedPlugin, services: RunnerServices, configRevision: number) {
    this.id = loaded.id;
    this.loaded = loaded;
    this.#services = services;
    this.#logger = services.logger.child({ plugin: loaded.id });
    this.#lifecycle = new PluginLifecycle(
      { id: loaded.id, version: loaded.source.manifest.version, configRevision },
      { clock: services.clock, onChange: (status) => services.onStatus(status) },
    );
    this.#lifecycle.to('validated', { reason: 'VALIDATED', message: 'manifest, configuration and needs are good' });
  }

  get status(): PluginStatus {
    return this.#lifecycle.status;
  }

  /** Whether it takes changes of live options over without a restart. */
  get takesLiveChanges(): boolean {
    return this.#reconfigure !== undefined;
  }

  /** Whether others may rely on it. */
  get isUp(): boolean {
    return this.#lifecycle.state === 'active' || this.#lifecycle.state === 'degraded';
  }

  /**
   * Activates once. Ends in `active`, `waiting` (then `retryAfterMs` says when to try again) or `failed`; never rejects.
   * What a failed attempt took is released before this resolves. `isTold`: the caller tells the error, the log only that there is one.
   */
  async activate({ isTold = false } = {}): Promise<{ readonly retryAfterMs?: number; readonly error?: BellowsError }> {
    this.#attempt += 1;
    this.#lifecycle.to('activating', { reason: 'ACTIVATING', message: `activating, attempt ${this.#attempt}` });
    const teardown = new TeardownStack({ clock: this.#services.clock, logger: this.#logger });
    const abort = new AbortController();
    this.#running = { teardown, abort };
    this.#brokeEarly = undefined;
    try {
      await this.#activateInTime(teardown, abort);
      // a stop may have come in the meantime: it owns the state then
      if (this.#lifecycle.can('active')) {
        this.#lifecycle.to('active', { reason: 'ACTIVE', message: 'running' });
        this.#attempt = 0;
        this.#showEarlyFault();
      }
      return {};
    } catch (thrown) {
      return await this.#afterFailure(thrown, { teardown, abort, isTold });
    }
  }

  /** Marks it as not startable because of another plugin. */
  block(message: string): void {
    if (this.#lifecycle.can('blocked')) this.#lifecycle.to('blocked', { reason: 'NEED_NOT_ACTIVE', message });
  }

  /** Something of it broke while it was running; it stays in use. */
  degrade(reason: string, message: string): void {
    if (this.#lifecycle.state === 'activating') this.#brokeEarly = { reason, message };
    else if (this.#lifecycle.can('degraded')) this.#lifecycle.to('degraded', { reason, message, failed: { code: reason, message } });
  }

  /** Releases everything, bounded by the plugin's stop time-out. Safe without activation and twice. Answers whether it was clean. */
  async stop(reason: string): Promise<boolean> {
    if (!this.#lifecycle.can('stopping')) return true;
    this.#lifecycle.to('stopping', { reason, message: 'stopping' });
    const clean = this.#running ? await this.#drainAndRelease(this.#running) : true;
    this.#lifecycle.to('stopped', { reason, message: clean ? 'stopped' : 'stopped; not everything was released in time, see the log' });
    return clean;
  }

  #showEarlyFault(): void {
    if (this.#brokeEarly) this.degrade(this.#brokeEarly.reason, this.#brokeEarly.message);
  }

  async #activateInTime(teardown: TeardownStack, abort: AbortController): Promise<void> {
    const { clock } = this.#services;
    const { activateTimeoutMs } = this.loaded.entry;
    const ctx = await this.#context(teardown, abort.signal);
    const activation = inPluginScope({ pluginId: this.id, phase: 'activate' }, async () => this.loaded.plugin.activate(ctx));
    const inTime = within(
      clock,
      activateTimeoutMs,
      activation.then(() => true),
    );
    // a stop does not wait for an activation: one that hangs would hold it up for the whole time-out
    if (await untilAborted(inTime, abort.signal)) return;
    throw new PluginError(
      'PLUGIN_TIMEOUT',
      `plugin ${this.id} did not finish its activation within ${activateTimeoutMs} ms: mend it, or raise plugins.${this.id}.activateTimeoutMs`,
      { plugin: this.id, phase: 'activate' },
    );
  }

  async #afterFailure(
    thrown: unknown,
    running: { readonly teardown: TeardownStack; readonly abort: AbortController; readonly isTold: boolean },
  ): Promise<{ readonly retryAfterMs?: number; readonly error?: BellowsError }> {
    const error = isBellowsError(thrown)
      ? thrown
      : new PluginError('PLUGIN_THREW', `plugin ${this.id} failed in its activation: ${messageOf(thrown)}`, {
          plugin: this.id,
          phase: 'activate',
          cause: thrown,
        });
    await this.#release(running, error, this.loaded.entry.stopTimeoutMs);
    this.#running = undefined;
    if (this.#lifecycle.state !== 'activating') return { error };
    const change = { reason: error.code, message: error.message, failed: { code: error.code, message: error.message } };
    if (error.kind === 'not_ready') {
      const retryAfterMs = error.retryAfterMs ?? backoffMs(this.#attempt, this.#services.random);
      this.#lifecycle.to('waiting', change);
      if (this.#attempt === 1) this.#logger.warn(`is not ready and will be tried again: ${error.message}`);
      return { retryAfterMs, error };
    }
    this.#lifecycle.to('failed', change);
    this.#logger.error(running.isTold ? `failed (${error.code})` : `failed: ${error.message}`, { error: thrown });
    return { error };
  }

  /** Half of the time is for calls that run: they are the users' work. */
  async #drainAndRelease(running: { readonly teardown: TeardownStack; readonly abort: AbortController }): Promise<boolean> {
    const { clock, operations } = this.#services;
    const { stopTimeoutMs } = this.loaded.entry;
    const endAt = clock.monotonicMs() + stopTimeoutMs;
    await operations.drain(this.id, stopTimeoutMs / 2);
    const reason = new PluginError('PLUGIN_STOPPING', `plugin ${this.id} is stopping`, { plugin: this.id, phase: 'stop' });
    return this.#release(running, reason, Math.max(0, endAt - clock.monotonicMs()));
  }

  async #release(
    { teardown, abort }: { readonly teardown: TeardownStack; readonly abort: AbortController },
    reason: Error,
    timeoutMs: number,
  ): Promise<boolean> {
    return inPluginScope({ pluginId: this.id, phase: 'stop' }, () => {
      abort.abort(reason);
      return teardown.release(timeoutMs);
    });
  }

  async #context(teardown: TeardownStack, signal: AbortSignal): Promise<PluginContext> {
    const { clock, random, container, store, registerSubsystem } = this.#services;
    const { id } = this;
    const dataDir = path.join(this.#services.dataDir, id);
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // Added first, so released last: the plugin's own clean-up may still publish.
    teardown.add(() => this.#services.bus.closeSource(id));
    teardown.add(() => this.#services.operations.withdrawAll(id));
    const services = container.child();
    return Object.freeze({
      id,
      config: this.loaded.config,
      dataDir,
      configFolder: this.loaded.configFolder,
      bus: this.#services.bus.forSource(id),
      operations: traced(id, this.#services.operations.forPlugin(id, signal)),
      store: scopedStore(store, id),
      logger: this.#logger,
      clock,
      random,
      signal,
      get: (token) => services.get(token),
      own: (value) => {
        teardown.add(value);
        return value;
      },
      onReconfigure: (apply) => {
        this.#reconfigure = apply;
      },
      registerSubsystem: (subsystem) => teardown.add(registerSubsystem(id, subsystem)),
    } satisfies PluginContext);
  }
}

/** Handlers are called from requests and from other plugins; what they start is traced back to the plugin that wrote them. */
function traced(pluginId: string, operations: IOperations): IOperations {
  return {
    ...operations,
    provide: (definition) =>
      operations.provide({
        ...definition,
        handler: (input, call) => inPluginScope({ pluginId, phase: 'call' }, () => definition.handler(input, call)),
      }),
  };
}
