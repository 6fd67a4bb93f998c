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
  NotReadyError,
  type PluginContext,
  PluginError,
  type PluginStatus,
  type Reconfigure,
  scopedStore,
} from '@bellows/sdk';
import type { ServiceContainer } from './container.js';
import { demandFunction, demandOperation, demandOwned } from './given-by-plugins.js';
import { PluginHealth } from './plugin-health.js';
import { PluginLifecycle } from './plugin-lifecycle.js';
import type { LoadedPlugin } from './plugin-loader.js';
import { currentPluginScope, inPluginScope } from './plugin-scope.js';
import { changeLive, type LiveOutcome } from './reload/live-change.js';
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
    /** From now on calls of what it provides hear that it comes back, while it is away. */
    expect(pluginId: string): void;
    /** It has come back, or does not any more. */
    expectNoMore(pluginId: string): void;
  };
  registerSubsystem(pluginId: string, subsystem: IScalableSubsystem): Disposable;
  onStatus(status: PluginStatus): void;
  /** As `PluginLifecycle` takes it. */
  hide(text: string): string;
}

/** From one activation to the stop after it. */
interface Life {
  readonly teardown: TeardownStack;
  readonly abort: AbortController;
  readonly health: PluginHealth;
  reconfigure: Reconfigure | undefined;
}

const VALIDATED = Object.freeze({ reason: 'VALIDATED', message: 'manifest, configuration and needs are good' });
const ACTIVE = Object.freeze({ reason: 'ACTIVE', message: 'running' });

/** Runs one plugin: activation with its time-out, its state with reasons, and the release of all it took. */
export class PluginRunner {
  readonly id: string;
  #loaded: LoadedPlugin;
  readonly #services: RunnerServices;
  readonly #lifecycle: PluginLifecycle;
  readonly #logger: ILogger;
  #running: Life | undefined;
  #stopping: Promise<boolean> | undefined;
  #attempt = 0;
  #faults = 0;
  #lastFault = '';

  constructor(loaded: LoadedPlugin, services: RunnerServices, configRevision: number) {
    this.id = loaded.id;
    this.#loaded = loaded;
    this.#services = services;
    this.#logger = services.logger.child({ plugin: loaded.id });
    this.#lifecycle = new PluginLifecycle(
      { id: loaded.id, version: loaded.source.manifest.version, configRevision },
      {
        clock: services.clock,
        onChange: (status) => services.onStatus(status),
        hide: services.hide,
      },
    );
    this.#lifecycle.to('validated', VALIDATED);
  }

  /** What it runs with, or was last started with. */
  get loaded(): LoadedPlugin {
    return this.#loaded;
  }

  get status(): PluginStatus {
    return this.#lifecycle.status;
  }

  /** Whether it takes changes of live options over without a restart. */
  get takesLiveChanges(): boolean {
    return this.isUp && this.#running?.reconfigure !== undefined;
  }

  /** How many errors of it nobody caught, since the host started. */
  get faults(): number {
    return this.#faults;
  }

  /** What the last of them said; empty when there was none. */
  get lastFault(): string {
    return this.#lastFault;
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
    const { clock } = this.#services;
    const teardown = new TeardownStack({ clock, logger: this.#logger });
    const health = new PluginHealth({ plugin: this.id, clock, logger: this.#logger, onChange: () => this.#showHealth() });
    const life: Life = { teardown, abort: new AbortController(), health, reconfigure: undefined };
    this.#running = life;
    try {
      await this.#activateInTime(life);
      // a stop may have come in the meantime, and another start after it: they own the state then
      if (this.#running === life && this.#lifecycle.can('active')) {
        this.#lifecycle.to('active', ACTIVE);
        this.#services.operations.expectNoMore(this.id);
        this.#attempt = 0;
        this.#showHealth();
      }
      return {};
    } catch (thrown) {
      return await this.#afterFailure(thrown, life, isTold);
    }
  }

  /**
   * Puts other code or another configuration in for the next activation. Only while it is stopped: `InvariantError` (`LIFECYCLE_STEP`)
   * else.
   */
  renew(loaded: LoadedPlugin): void {
    this.#lifecycle.to('discovered', { reason: 'DISCOVERED', message: 'to be started again' });
    this.#loaded = loaded;
    this.#attempt = 0;
    this.#stopping = undefined;
    this.#lifecycle.note({ version: loaded.source.manifest.version });
    this.#lifecycle.to('validated', VALIDATED);
  }

  /**
   * Asks the running plugin to take another configuration over without a restart. Never rejects. Only while {@link takesLiveChanges};
   * not twice at once.
   */
  async reconfigure(next: LoadedPlugin, changed: readonly string[]): Promise<LiveOutcome> {
    const { clock } = this.#services;
    const { activateTimeoutMs: timeoutMs, stopTimeoutMs } = this.#loaded.entry;
    const life = this.#running;
    if (life?.reconfigure === undefined || !this.isUp) {
      return { isTaken: false, isIntact: false, error: new NotReadyError('PLUGIN_STOPPING', `plugin ${this.id} is not running`) };
    }
    const { reconfigure } = life;
    const apply: Reconfigure = (change) => this.#inScope('reconfigure', life, () => reconfigure(change));
    const outcome = await changeLive({
      plugin: this.id,
      apply,
      change: { config: next.config, previous: this.#loaded.config, changed },
      clock,
      signal: life.abort.signal,
      timeoutMs,
      settleMs: stopTimeoutMs / 2,
    });
    if (outcome.isTaken) this.#loaded = next;
    return outcome;
  }

  /** From now on its status speaks of this revision. `loaded` is what it runs with already, read anew: with other time-outs, say. */
  accept(configRevision: number, loaded: LoadedPlugin): void {
    this.#loaded = loaded;
    this.#lifecycle.note({ configRevision });
  }

  /** Where it has not come back after a stop, and is not tried again by itself, its operations are unknown from here on. */
  endAbsence(): void {
    if (this.#lifecycle.state !== 'waiting') this.#services.operations.expectNoMore(this.id);
  }

  /** Keeps in its status why an attempt to change it failed; its state stays. */
  noteFailure({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#lifecycle.note({ failed: { code, message } });
  }

  /** A reload was taken, or a start that was asked for succeeded: a failure before that is over. Changes nothing while it is in trouble. */
  forgetFailure(): void {
    this.#lifecycle.forgetFailure();
  }

  /** Marks it as not startable because of another plugin. */
  block(message: string): void {
    if (this.#lifecycle.can('blocked')) this.#lifecycle.to('blocked', { reason: 'NEED_NOT_ACTIVE', message });
  }

  /**
   * Something of it broke while it was running; it stays in use, and degraded until it is started again. Answers false, and changes
   * nothing, where that is known to be left over from an activation that was stopped.
   */
  degrade(reason: string, message: string): boolean {
    if (currentPluginScope()?.signal?.aborted) return false;
    this.#faults += 1;
    this.#lastFault = message;
    this.#running?.health.broke(reason, message);
    return true;
  }

  /**
   * Releases everything, bounded by the plugin's stop time-out. Safe without activation; twice answers the same promise, until
   * {@link renew}. Answers whether it was clean. With `comesBack`, calls meanwhile hear that they may try again.
   */
  stop(reason: string, { comesBack = false } = {}): Promise<boolean> {
    if (comesBack) this.#services.operations.expect(this.id);
    else this.#services.operations.expectNoMore(this.id);
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #stop(reason: string): Promise<boolean> {
    this.#lifecycle.to('stopping', { reason, message: 'stopping' });
    const clean = this.#running ? await this.#drainAndRelease(this.#running) : true;
    this.#running = undefined;
    this.#lifecycle.to('stopped', { reason, message: clean ? 'stopped' : 'stopped; not everything was released in time, see the log' });
    return clean;
  }

  /** One that is not up shows it when it is. */
  #showHealth(): void {
    if (!this.isUp) return;
    const { state, reason, message } = this.#lifecycle.status;
    const trouble = this.#running?.health.trouble;
    if (trouble === undefined) {
      if (state === 'degraded') this.#lifecycle.to('active', ACTIVE);
    } else if (state === 'active') this.#lifecycle.to('degraded', trouble);
    else if (trouble.reason !== reason || trouble.message !== message) this.#lifecycle.note(trouble);
  }

  async #activateInTime(life: Life): Promise<void> {
    const { clock } = this.#services;
    const { entry, plugin } = this.#loaded;
    const { activateTimeoutMs } = entry;
    const ctx = await this.#context(life);
    const activation = this.#inScope('activate', life, async () => plugin.activate(ctx));
    // a stop does not wait for an activation: one that hangs would hold it up for the whole time-out
    const ended = untilAborted(
      activation.then(() => true),
      life.abort.signal,
    );
    if (await within(clock, activateTimeoutMs, ended)) return;
    throw new PluginError(
      'PLUGIN_TIMEOUT',
      `plugin ${this.id} did not finish its activation within ${activateTimeoutMs} ms: mend it, or raise plugins.${this.id}.activateTimeoutMs`,
      { plugin: this.id, phase: 'activate' },
    );
  }

  async #afterFailure(
    thrown: unknown,
    life: Life,
    isTold: boolean,
  ): Promise<{ readonly retryAfterMs?: number; readonly error?: BellowsError }> {
    const error = isBellowsError(thrown)
      ? thrown
      : new PluginError('PLUGIN_THREW', `plugin ${this.id} failed in its activation: ${messageOf(thrown)}`, {
          plugin: this.id,
          phase: 'activate',
          cause: thrown,
        });
    await this.#release(life, error, this.#loaded.entry.stopTimeoutMs);
    if (this.#running !== life || this.#lifecycle.state !== 'activating') return { error };
    this.#running = undefined;
    const change = { reason: error.code, message: error.message, failed: { code: error.code, message: error.message } };
    if (error.kind === 'not_ready') {
      const retryAfterMs = error.retryAfterMs ?? backoffMs(this.#attempt, this.#services.random);
      this.#lifecycle.to('waiting', change);
      if (this.#attempt === 1) this.#logger.warn(`is not ready and will be tried again: ${error.message}`);
      return { retryAfterMs, error };
    }
    this.#lifecycle.to('failed', change);
    this.#logger.error(isTold ? `failed (${error.code})` : `failed: ${error.message}`, { error: thrown });
    return { error };
  }

  /** Half of the time is for calls that run: they are the users' work. */
  async #drainAndRelease(life: Life): Promise<boolean> {
    const { clock, operations } = this.#services;
    const { stopTimeoutMs } = this.#loaded.entry;
    const endAt = clock.monotonicMs() + stopTimeoutMs;
    await operations.drain(this.id, stopTimeoutMs / 2);
    const reason = new PluginError('PLUGIN_STOPPING', `plugin ${this.id} is stopping`, { plugin: this.id, phase: 'stop' });
    return this.#release(life, reason, Math.max(0, endAt - clock.monotonicMs()));
  }

  async #release(life: Life, reason: Error, timeoutMs: number): Promise<boolean> {
    return this.#inScope('stop', life, () => {
      life.abort.abort(reason);
      return life.teardown.release(timeoutMs);
    });
  }

  #inScope<T>(phase: string, { abort: { signal } }: Life, run: () => T): T {
    return inPluginScope({ pluginId: this.id, phase, signal }, run);
  }

  async #context(life: Life): Promise<PluginContext> {
    const {
      teardown,
      health,
      abort: { signal },
    } = life;
    const { clock, random, container, store, registerSubsystem } = this.#services;
    const { id } = this;
    const dataDir = path.join(this.#services.dataDir, id);
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // Added first, so released last: the plugin's own clean-up may still publish.
    teardown.add(() => this.#services.bus.closeSource(id));
    teardown.add(() => this.#services.operations.withdrawAll(id));
    teardown.add(health);
    const services = container.child();
    return Object.freeze({
      id,
      config: this.#loaded.config,
      dataDir,
      configFolder: this.#loaded.configFolder,
      bus: this.#services.bus.forSource(id),
      operations: traced(id, this.#services.operations.forPlugin(id, signal), signal),
      store: scopedStore(store, id),
      logger: this.#logger,
      clock,
      random,
      signal,
      get: (token) => services.get(token),
      own: (value) => {
        demandOwned(id, value);
        teardown.add(value);
        return value;
      },
      onReconfigure: (apply) => {
        demandFunction(id, apply);
        life.reconfigure = apply;
      },
      registerSubsystem: (subsystem) => teardown.add(registerSubsystem(id, subsystem)),
      ...health.words,
    } satisfies PluginContext);
  }
}

/** Handlers are called from requests and from other plugins; what they start is traced back to the plugin that wrote them. */
function traced(pluginId: string, operations: IOperations, signal: AbortSignal): IOperations {
  return {
    ...operations,
    provide(definition) {
      demandOperation(pluginId, definition);
      return operations.provide({
        ...definition,
        handler: (input, call) => inPluginScope({ pluginId, phase: 'call', signal }, () => definition.handler(input, call)),
      });
    },
  };
}
