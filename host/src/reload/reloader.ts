import {
  type ErrorDetail,
  type IClock,
  type ILogger,
  NotFoundError,
  NotReadyError,
  nearestName,
  type PluginStatus,
  type ReloadPayload,
} from '@bellows/sdk';
import { configError } from '../config-error.js';
import { type LoadedConfig, withLines } from '../config-file.js';
import type { HostConfig } from '../config-schema.js';
import { problemsWithoutSecrets } from '../hidden-values.js';
import { type LoadedPlugin, type LoadResult, ownProblems } from '../plugin-loader.js';
import type { PluginRunner } from '../plugin-runner.js';
import type { PluginSet } from '../plugin-set.js';
import { untilAborted } from '../until-aborted.js';
import { isMoved, planReload, type ReloadPlan } from './plan-reload.js';
import { ReloadAttempt } from './reload-attempt.js';
import { attemptReport, invalidReport, isEffective, needingHostRestart, type ReloadPreview, type ReloadReport } from './reload-report.js';
import { plannedConfig, type RunningConfig } from './running-config.js';

/** What a configuration was found to be. With problems it is not used. */
export interface NextConfig {
  readonly loaded?: LoadedConfig;
  readonly waves: LoadResult['waves'];
  readonly problems: readonly ErrorDetail[];
}

export interface ReloaderOptions {
  readonly running: RunningConfig;
  readonly plugins: PluginSet;
  /** Reads and checks everything that a start would, anew, with every problem at once. May not reject for what an operator wrote. */
  readonly read: () => Promise<NextConfig>;
  /** For a plugin that comes with the configuration that is being tried. */
  readonly makeRunner: (plugin: LoadedPlugin) => PluginRunner;
  /** Sets what of the host itself changes while it runs. Answers what of it has no effect. May not throw. */
  readonly applyHost: (config: HostConfig) => readonly string[];
  readonly publish: (report: ReloadPayload) => void;
  /** After each reload, taken or not, with what it had read. Is not waited for, and may not throw. */
  readonly onEnded?: (running: RunningConfig, read: NextConfig) => void;
  /** Takes out of a message what must not be shown. */
  readonly hide: (text: string) => string;
  readonly clock: IClock;
  readonly logger: ILogger;
}

/** What the edges of a host may do to it. */
export type HostControl = Pick<Reloader, 'reload' | 'preview' | 'restart'>;

/** Changes a running host: one change at a time. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #open = Promise.withResolvers<void>();
  #turn: Promise<unknown> = this.#open.promise;
  /** The reload that has not begun yet. It will read what is there then, so one is enough for all who ask. */
  #waiting: Promise<ReloadReport> | undefined;
  readonly #restarts = new Map<string, Promise<PluginStatus>>();
  readonly #closing = new AbortController();

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** The host has started: what was asked for before begins now. */
  open(): void {
    this.#open.resolve();
  }

  /** What has not begun yet, or only reads, rejects with `NotReadyError` (`HOST_STOPPING`); other changes go on until the plugins are stopped. */
  close(): void {
    this.#closing.abort(new NotReadyError('HOST_STOPPING', 'The host is stopping: nothing is changed any more.', { phase: 'reload' }));
    this.#open.resolve();
  }

  /** Resolves when nothing is being changed. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  /**
   * Reads the configuration anew and takes it over, whole or not at all; a second call before the first has begun is the same one. Rejects
   * only when the host stops (`HOST_STOPPING`): what is wrong with a configuration, or a plugin, is in the report. The log names the `files`
   * that brought it.
   */
  reload(trigger: ReloadPayload['trigger'], files: readonly string[] = []): Promise<ReloadReport> {
    this.#waiting ??= this.#inTurn(() => {
      this.#waiting = undefined;
      return this.#reload(trigger, files);
    });
    return this.#waiting;
  }

  /** What a reload would do now. Changes nothing, but runs the code of new plugins as far as their options need it. */
  preview(): Promise<ReloadPreview> {
    return this.#inTurn(async () => {
      const next = await this.#read();
      if (next.loaded === undefined || next.problems.length > 0)
        return { problems: next.problems, changes: [], steps: [], needsHostRestart: [] };
      const plan = this.#plan(next.loaded, next.waves);
      return { problems: [], ...plan, needsHostRestart: needingHostRestart(plan) };
    });
  }

  /**
   * Stops a plugin, and what needs it, and starts them again as they are; the answer is how it came out. `NotFoundError`
   * (`PLUGIN_UNKNOWN`) when there is none. `ConfigError` (`CONFIG_INVALID`) with all that their own checks find: then nothing was stopped.
   */
  restart(id: string): Promise<PluginStatus> {
    const asked = this.#restarts.get(id);
    if (asked !== undefined) return asked;
    const restarting = this.#inTurn(async () => {
      this.#restarts.delete(id);
      const { plugins, logger } = this.#options;
      const runner = plugins.runner(id);
      if (runner === undefined) throw unknownPlugin(id, plugins);
      await this.#checkAgain(id);
      logger.info('is started again: somebody asked for it', { plugin: id });
      await plugins.restart(id, 'RESTARTING');
      for (const one of plugins.withDependants([id])) plugins.runner(one)?.forgetFailure();
      return runner.status;
    });
    this.#restarts.set(id, restarting);
    return restarting;
  }

  /** {@link restart} of a plugin that broke: without checks, because what is wrong with its files is no reason to leave it broken. */
  async restartBroken(id: string): Promise<void> {
    await this.#inTurn(() => this.#options.plugins.restart(id, 'RESTARTING'));
  }

  /** What a start would refuse is refused while the plugins run. */
  async #checkAgain(id: string): Promise<void> {
    const { plugins, running, clock, logger } = this.#options;
    const ids = plugins.withDependants([id]);
    const again = plugins.runners.filter((runner) => ids.has(runner.id));
    const { dataDir } = running.config.host;
    const checks = Promise.all(again.map(({ loaded }) => ownProblems(loaded, { dataDir, clock })));
    const found = (await untilAborted(checks, this.#closing.signal)).flat();
    if (found.length === 0) return;
    const problems = problemsWithoutSecrets(withLines(found, running.loaded), running.loaded.secrets);
    logger.warn('is not started again: its files have faults', { plugin: id, problems });
    throw configError(problems, running.loaded.file, 'restarted');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      this.#closing.signal.throwIfAborted();
      return work();
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Code that does not end loading is waited for, but not by a host that stops. */
  #read(): Promise<NextConfig> {
    return untilAborted(this.#options.read(), this.#closing.signal);
  }

  #plan(loaded: LoadedConfig, waves: LoadResult['waves']): ReloadPlan {
    const { running, plugins } = this.#options;
    return planReload(running.planned(), plannedConfig(loaded, waves), (id) => plugins.runner(id)?.takesLiveChanges === true);
  }

  async #reload(trigger: ReloadPayload['trigger'], files: readonly string[]): Promise<ReloadReport> {
    const { running, publish, clock, hide } = this.#options;
    const startedAt = clock.monotonicMs();
    const next = await this.#read();
    const told =
      next.loaded === undefined || next.problems.length > 0
        ? invalidReport(next.problems, next.loaded?.file ?? running.loaded.file)
        : await this.#apply(next.loaded, next.waves);
    const report: ReloadReport = Object.freeze({
      ...told,
      message: hide(told.message),
      plugins: told.plugins.map((one) => (one.message === undefined ? one : { ...one, message: hide(one.message) })),
      trigger,
      revision: running.revision,
      at: clock.now(),
      durationMs: clock.monotonicMs() - startedAt,
    });
    running.lastReload = report;
    this.#log(report, files);
    const { at: _at, durationMs: _durationMs, changes: _changes, problems: _problems, warnings: _warnings, ...payload } = report;
    publish(payload);
    this.#options.onEnded?.(running, next);
    return report;
  }

  async #apply(loaded: LoadedConfig, waves: LoadResult['waves']) {
    const { running, plugins, makeRunner, applyHost, logger } = this.#options;
    const plan = this.#plan(loaded, waves);
    const result = await new ReloadAttempt({ plan, plugins, before: running.plugins, waves, makeRunner }).run();
    if (plugins.isStopping) throw new NotReadyError('HOST_STOPPING', 'The host was stopped during the reload.', { phase: 'reload' });
    let warnings: readonly string[] = [];
    if (result.failure === null) {
      const waiting = plan.changes.filter(({ effect }) => effect === 'host-restart');
      running.accept(loaded, waves, { raises: isEffective(plan), waiting });
      for (const plugin of waves.flat()) plugins.runner(plugin.id)?.accept(running.revision, plugin);
      warnings = applyHost(running.config);
      for (const text of warnings) logger.warn(text);
    }
    // Those that were down before get another chance; those that were part of it have just had theirs.
    const tried = await plugins.tryAgain(new Set(plan.steps.filter(isMoved).map(({ id }) => id)));
    if (result.failure === null) for (const runner of plugins.runners) runner.forgetFailure();
    const down = plugins.runners.filter(({ isUp }) => !isUp).map(({ status }) => status);
    return attemptReport(plan, result, { revision: running.revision, down, tried, warnings });
  }

  #log({ trigger, outcome, message, code, problems, needsHostRestart }: ReloadReport, files: readonly string[]): void {
    const { logger } = this.#options;
    const text = `reload (${TRIGGERS[trigger]}${files.length > 0 ? `: ${files.join(', ')}` : ''}): ${message}`;
    const fields = { ...(code === undefined ? {} : { code }), ...(problems.length > 1 ? { problems } : {}) };
    if (outcome === 'failed') logger.error(text, fields);
    else if (outcome === 'invalid' || outcome === 'refused' || needsHostRestart.length > 0) logger.warn(text, fields);
    else logger.info(text, fields);
  }
}

const TRIGGERS: Readonly<Record<ReloadPayload['trigger'], string>> = {
  request: 'asked for',
  signal: 'by a signal',
  file: 'a file changed',
};

function unknownPlugin(id: string, plugins: PluginSet): NotFoundError {
  const known = plugins.runners.map((runner) => runner.id);
  const near = nearestName(id, known);
  const hint = near === undefined ? `there are: ${known.join(', ') || 'none'}` : `did you mean ${near}?`;
  return new NotFoundError('PLUGIN_UNKNOWN', `There is no plugin ${JSON.stringify(id.slice(0, MAX_SHOWN_LENGTH))}; ${hint}`, {
    phase: 'reload',
  });
}

/** It comes from an address, which may be long. */
const MAX_SHOWN_LENGTH = 80;
