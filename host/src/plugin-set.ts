import { type BellowsError, type ErrorDetail, type IClock, PluginError, type PluginStatus } from '@bellows/sdk';
import type { PluginRunner } from './plugin-runner.js';
import { faultLines, headline } from './shown-faults.js';
import { untilAborted } from './until-aborted.js';

/** All plugins of a host, in waves: starts them by their needs, retries those that wait, stops them in reverse. */
export class PluginSet {
  readonly #waves: readonly (readonly PluginRunner[])[];
  readonly #byId: ReadonlyMap<string, PluginRunner>;
  readonly #clock: IClock;
  readonly #errors = new Map<string, BellowsError>();
  readonly #retries = new Set<() => void>();
  #stopping: Promise<boolean> | undefined;

  constructor(waves: readonly (readonly PluginRunner[])[], clock: IClock) {
    this.#waves = waves;
    this.#byId = new Map(waves.flat().map((runner) => [runner.id, runner]));
    this.#clock = clock;
  }

  statuses(): readonly PluginStatus[] {
    return this.#waves.flat().map((runner) => runner.status);
  }

  /** Every required plugin is up. */
  get ready(): boolean {
    return this.#stopping === undefined && this.#waves.flat().every((runner) => runner.isUp || !runner.loaded.entry.required);
  }

  runner(id: string): PluginRunner | undefined {
    return this.#byId.get(id);
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

  async #stopAll(reason: string): Promise<boolean> {
    for (const cancel of this.#retries) cancel();
    let clean = true;
    for (const wave of this.#waves.toReversed()) {
      const results = await Promise.all(wave.map((runner) => runner.stop(reason)));
      clean &&= results.every(Boolean);
    }
    return clean;
  }

  /** `isTold`: whoever calls tells the failure of a required plugin. */
  async #tryActivate(runner: PluginRunner, { isTold = false } = {}): Promise<void> {
    if (this.#stopping) return;
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
      this.#retries.delete(cancel);
      void this.#retry(runner);
    });
    this.#retries.add(cancel);
  }

  async #retry(runner: PluginRunner): Promise<void> {
    await this.#tryActivate(runner);
    if (!runner.isUp) return;
    for (const wave of this.#waves) {
      await Promise.all(wave.filter((other) => other.status.state === 'blocked').map((other) => this.#tryActivate(other)));
    }
  }

  #throwForRequired(): void {
    const failed = this.#waves.flat().filter((runner) => runner.loaded.entry.required && this.#isLost(runner));
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
  #isLost(runner: PluginRunner): boolean {
    const { state } = runner.status;
    if (state === 'failed') return true;
    if (state !== 'blocked') return false;
    return runner.loaded.needs.some((need) => {
      const other = this.#byId.get(need);
      return other !== undefined && this.#isLost(other);
    });
  }
}
