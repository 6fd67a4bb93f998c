import { type BellowsError, type ErrorDetail, type IClock, PluginError, type PluginState, type PluginStatus } from '@bellows/sdk';
import type { PluginRunner } from './plugin-runner.js';
import { faultLines, headline } from './shown-faults.js';
import { untilAborted } from './until-aborted.js';

/** A change that holds a plugin ends within its time-outs; it need not be waited for exactly. */
const HELD_RETRY_MS = 100;

/** What is done to a plugin that is stopped, before it is started again. */
export type Renewal = (runner: PluginRunner) => void;

/** All plugins of a host, in waves: starts them by their needs, retries those that wait, stops them in reverse. */
export class PluginSet {
  #waves: readonly (readonly PluginRunner[])[];
  #byId: ReadonlyMap<string, PluginRunner>;
  readonly #clock: IClock;
  readonly #errors = new Map<string, BellowsError>();
  readonly #retries = new Map<string, () => void>();
  /** Plugins that are being changed: whoever changes them starts them. */
  readonly #held = new Set<string>();
  #stopping: Promise<boolean> | undefined;

  constructor(waves: readonly (readonly PluginRunner[])[], clock: IClock) {
    this.#waves = waves;
    this.#byId = byIdOf(waves);
    this.#clock = clock;
  }

  /** `waves[0]` starts first. */
  get waves(): readonly (readonly PluginRunner[])[] {
    return this.#waves;
  }

  get runners(): readonly PluginRunner[] {
    return this.#waves.flat();
  }

  statuses(): readonly PluginStatus[] {
    return this.runners.map((runner) => runner.status);
  }

  /** Every required plugin is up. */
  get ready(): boolean {
    return this.#stopping === undefined && this.runners.every((runner) => runner.isUp || !runner.loaded.entry.required);
  }

  /** It stops or has stopped, and starts nothing any more. */
  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  runner(id: string): PluginRunner | undefined {
    return this.#byId.get(id);
  }

  /** Why the last attempt to start it failed. */
  errorOf(id: string): BellowsError | undefined {
    return this.#errors.get(id);
  }

  /** These and all that need one of them, directly or not. */
  withDependants(ids: Iterable<string>): ReadonlySet<string> {
    const all = new Set(ids);
    for (const { id, loaded } of this.runners) if (loaded.needs.some((need) => all.has(need))) all.add(id);
    return all;
  }

  /**
   * Activates wave by wave, the members of a wave in parallel. A required plugin that fails, or is blocked by one that
   * failed, makes this reject with all such failures after every other attempt of the wave has ended; the caller then stops.
   * A plugin that waits does not hold up the start: it is tried again later, and what needs it after it.
   * An aborted `signal` makes it reject at once with the reason; the caller then stops, which also ends attempts under way.
   */
  async start(signal?: AbortSignal): Promise<void> {
    for (const wave of this.#waves) {
      signal?.throwIfAborted();
      await untilAborted(Promise.all(wave.map((runner) => this.#tryActivate(runner, { isTold: true }))), signal);
      this.#throwForRequired();
    }
  }

  /** Exact reverse of the start; goes on after errors. Twice answers the same promise. Says whether all stopped cleanly. */
  stop(reason: string): Promise<boolean> {
    this.#stopping ??= this.#stopAll(reason);
    return this.#stopping;
  }

  /**
   * Stops some plugins in reverse order of their start; until {@link release} nothing starts them but {@link resume}. Their running
   * operations end first, or after half of the plugin's stop time-out with `OPERATION_STOPPING`. `leaving` do not come back. Never rejects.
   */
  async suspend(ids: ReadonlySet<string>, reason: string, leaving: ReadonlySet<string> = new Set()): Promise<void> {
    for (const id of ids) {
      this.#held.add(id);
      this.#cancelRetry(id);
    }
    for (const wave of this.#waves.toReversed()) {
      const stopped = wave.filter(({ id }) => ids.has(id));
      await Promise.all(stopped.map((runner) => runner.stop(reason, { comesBack: !leaving.has(runner.id) && !this.isStopping })));
    }
  }

  /** Puts other plugins in the place of those there are. Who is left out must be suspended. Nothing happens while the set is stopping. */
  arrange(waves: readonly (readonly PluginRunner[])[]): void {
    if (this.isStopping) return;
    this.#waves = waves;
    this.#byId = byIdOf(waves);
    for (const id of this.#errors.keys()) if (!this.#byId.has(id)) this.#errors.delete(id);
    for (const id of this.#held) if (!this.#byId.has(id)) this.#held.delete(id);
  }

  /**
   * Starts plugins that were suspended or are new, by their needs; `renewal` is done to each before. Those that are not ready are tried
   * again later. Never rejects; how each came out is in its status. Nothing happens while the set is stopping.
   */
  async resume(ids: ReadonlySet<string>, renewal: Renewal = (runner) => runner.renew(runner.loaded)): Promise<void> {
    for (const wave of this.#waves) {
      if (this.isStopping) return;
      const resumed = wave.filter(({ id }) => ids.has(id));
      for (const runner of resumed) if (runner.status.state === 'stopped') renewal(runner);
      await Promise.all(resumed.map((runner) => this.#tryActivate(runner)));
    }
  }

  /** The end of a change: they are retried as any other from here on, and calls of what has not come back hear that it is not there. */
  release(ids: ReadonlySet<string>): void {
    for (const id of ids) {
      this.#held.delete(id);
      this.#byId.get(id)?.endAbsence();
    }
  }

  /** Stops a plugin and what needs it, and starts them as they are. Never rejects. */
  async restart(id: string, reason: string): Promise<void> {
    const ids = this.withDependants([id]);
    await this.suspend(ids, reason);
    await this.resume(ids);
    this.release(ids);
  }

  /** Tries those again at once that are not up, but not `except`. Answers which those were. Never rejects. */
  async tryAgain(except: ReadonlySet<string> = new Set()): Promise<ReadonlySet<string>> {
    const tried = new Set<string>();
    for (const wave of this.#waves) {
      const down = wave.filter((runner) => !except.has(runner.id) && this.#isFree(runner, ['waiting', 'blocked', 'failed']));
      for (const { id } of down) tried.add(id);
      await Promise.all(down.map((runner) => this.#tryActivate(runner)));
    }
    return tried;
  }

  async #stopAll(reason: string): Promise<boolean> {
    for (const cancel of this.#retries.values()) cancel();
    let clean = true;
    for (const wave of this.#waves.toReversed()) {
      const results = await Promise.all(wave.map((runner) => runner.stop(reason)));
      clean &&= results.every(Boolean);
    }
    return clean;
  }

  /** `isTold`: whoever calls tells the failure of a required plugin. */
  async #tryActivate(runner: PluginRunner, { isTold = false } = {}): Promise<void> {
    if (this.isStopping) return;
    this.#cancelRetry(runner.id);
    const missing = runner.loaded.needs.map((need) => this.#byId.get(need)).find((need) => !need?.isUp);
    if (missing) {
      runner.block(`needs the plugin ${missing.id}, which is ${missing.status.state}: ${missing.status.message}`);
      return;
    }
    const { error, retryAfterMs } = await runner.activate({ isTold: isTold && runner.loaded.entry.required });
    if (error) this.#errors.set(runner.id, error);
    else this.#errors.delete(runner.id);
    if (retryAfterMs !== undefined) this.#retryLater(runner, retryAfterMs);
  }

  #retryLater(runner: PluginRunner, delayMs: number): void {
    const cancel = this.#clock.setTimer(delayMs, () => {
      this.#retries.delete(runner.id);
      void this.#retry(runner);
    });
    this.#retries.set(runner.id, cancel);
  }

  #cancelRetry(id: string): void {
    this.#retries.get(id)?.();
    this.#retries.delete(id);
  }

  async #retry(runner: PluginRunner): Promise<void> {
    if (this.#held.has(runner.id)) return this.#retryLater(runner, HELD_RETRY_MS);
    if (!this.#isFree(runner, ['waiting'])) return;
    await this.#tryActivate(runner);
    if (!runner.isUp) return;
    for (const wave of this.#waves) {
      await Promise.all(wave.filter((other) => this.#isFree(other, ['blocked'])).map((other) => this.#tryActivate(other)));
    }
  }

  #isFree(runner: PluginRunner, states: readonly PluginState[]): boolean {
    return !this.#held.has(runner.id) && states.includes(runner.status.state);
  }

  #throwForRequired(): void {
    const failed = this.runners.filter((runner) => runner.loaded.entry.required && this.isLost(runner));
    if (failed.length === 0) return;
    const details = failed.flatMap((runner) => this.#faultsOf(runner));
    const names = failed.map((runner) => runner.id).join(', ');
    const first = failed.map((runner) => this.#errors.get(runner.id)).find((error) => error !== undefined);
    throw new PluginError(
      first?.code ?? 'PLUGIN_BLOCKED',
      `the host cannot run without ${names}: mend it, or set required: false in the configuration to go on without`,
      { phase: 'activate', details, cause: first, ...(failed[0] ? { plugin: failed[0].id } : {}) },
    );
  }

  /** The plugin, and below it every fault that its error names. */
  #faultsOf({ id, status }: PluginRunner): readonly ErrorDetail[] {
    const { details = [] } = this.#errors.get(id) ?? {};
    const listed = faultLines(status.message, details).length === 0 ? [] : details;
    return [{ path: `plugins.${id}`, message: `${headline(status.message, listed)} (${status.reason})` }, ...listed];
  }

  /** Failed, or blocked by something that will not come by itself. */
  isLost(runner: PluginRunner): boolean {
    const { state } = runner.status;
    if (state === 'failed') return true;
    if (state !== 'blocked') return false;
    return runner.loaded.needs.some((need) => {
      const other = this.#byId.get(need);
      return other !== undefined && this.isLost(other);
    });
  }
}

function byIdOf(waves: readonly (readonly PluginRunner[])[]): ReadonlyMap<string, PluginRunner> {
  return new Map(waves.flat().map((runner) => [runner.id, runner]));
}
