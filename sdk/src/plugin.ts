import type { z } from 'zod';
import type { IClock } from './clock.js';
import type { ErrorDetail } from './errors.js';
import type { IEventBus } from './event-bus-contract.js';
import type { ILogger } from './logger.js';
import type { IOperations } from './operations.js';
import type { IPersistentBackingStore } from './persistent-backing-store.js';
import type { IRandom } from './random.js';
import type { IScalableSubsystem } from './scalable-subsystem.js';
import type { Token } from './token.js';

export type Owned = Disposable | AsyncDisposable | (() => void | Promise<void>);

/** A change of a running plugin's configuration in which every option that differs is marked `live`. */
export interface Reconfiguration<C = unknown> {
  /** Valid by the plugin's schema, defaults filled in, frozen. */
  readonly config: C;
  readonly previous: C;
  /** Paths of the options that differ, inside the plugin's configuration (`executors`, `retry.maxAttempts`). Never empty. */
  readonly changed: readonly string[];
  /** Aborts when the change took too long, or when the plugin is being stopped. */
  readonly signal: AbortSignal;
}

/** Takes a change over whole, or throws `RefusedError` and changes nothing. */
export type Reconfigure<C = unknown> = (change: Reconfiguration<C>) => void | Promise<void>;

/** What a plugin gets when it is activated. Everything taken through it is given back when the plugin stops. */
export interface PluginContext<C = unknown> {
  readonly id: string;
  /** Valid by the plugin's schema, defaults filled in, frozen. */
  readonly config: C;
  /** A folder of the plugin's own, made before activation (absolute). */
  readonly dataDir: string;
  /** From where relative paths in the configuration are meant (absolute): the folder of the file that holds it. */
  readonly configFolder: string;
  readonly bus: IEventBus;
  readonly operations: IOperations;
  /** Sees only paths of this plugin. */
  readonly store: IPersistentBackingStore;
  readonly logger: ILogger;
  readonly clock: IClock;
  readonly random: IRandom;
  /** Aborts when the plugin is being stopped, or when its activation took too long. */
  readonly signal: AbortSignal;
  /** A service of the host (`TOKENS`). `PluginError` (`SERVICE_UNKNOWN`) when there is none. */
  get<T>(token: Token<T>): T;
  /**
   * Hands over something to release: after the plugin has stopped, last in first out, each once, each in its own try,
   * all within the stop time-out. After the stop it is released at once. Returns what it was given.
   */
  own<T extends Owned>(owned: T): T;
  /**
   * Takes over changes of options that are marked `live` without a restart: calls come one at a time, never before the activation has
   * ended and never after the stop has begun. A plugin that registers none is restarted for every change; a second call replaces the
   * first. Throwing `RefusedError` keeps the configuration as it was; after any other error or too long a time the plugin is asked to
   * take the old configuration back, and restarted with it when that fails too.
   */
  onReconfigure(apply: Reconfigure<C>): void;
  /** Makes the subsystem known to metrics and governor until the plugin stops. `PluginError` when its name is not `<id>.…`. */
  registerSubsystem(subsystem: IScalableSubsystem): void;
  /**
   * Says that the plugin works only in part: its state is `degraded`, with a code and a sentence for people, and calls still go to it. It
   * stays so until {@link recover} with the same reason or until the stop; a live change does not end it, because only the plugin knows
   * whether the cause has gone. The same reason again replaces the message; of several reasons the first is shown. During the activation
   * it shows afterwards. `PluginError` (`DEGRADATION_INVALID`) for a reason that is no code such as `STORE_UNREACHABLE`, or no message.
   */
  degrade(reason: string, message: string): void;
  /** Ends what {@link degrade} began: the plugin is `active` when nothing else stands. Without it, and twice, is fine. */
  recover(reason: string): void;
}

/** Where a configuration stands. */
export interface ConfigPlace {
  /** As `PluginContext.configFolder`. */
  readonly configFolder: string;
  /** Aborts when the check took too long. */
  readonly signal: AbortSignal;
}

/** The default export of a plugin's package. Make it with {@link definePlugin}. */
export interface Plugin<C = unknown> {
  readonly [PLUGIN_BRAND]: 1;
  readonly id: string;
  /** A zod object schema; its defaults must make `{}` valid where every option has a sensible default. */
  readonly config: z.ZodType<C>;
  /**
   * Finds what a schema cannot: faults in files that the configuration names. Called for `bellows check` and before a start activates
   * anything, so that all problems of all plugins are told at once. It must change nothing. Answers every fault; throwing counts as one.
   */
  check?(config: C, place: ConfigPlace): Promise<readonly ErrorDetail[]>;
  /**
   * Called once per start, after everything in `needs` is active. The plugin is active when the promise resolves.
   * Throw `NotReadyError` for "later", `ConfigError` for a configuration that cannot work; anything else is the plugin's fault.
   * What it acquired before throwing must be in `ctx.own`, which is released in that case too.
   */
  activate(ctx: PluginContext<C>): void | Promise<void>;
}

export const PLUGIN_BRAND: unique symbol = Symbol.for('bellows/plugin') as never;

/** Checks nothing at run time; it fixes the types and marks the object as a plugin of this contract. */
export function definePlugin<S extends z.ZodType>(plugin: {
  readonly id: string;
  readonly config: S;
  check?(config: z.output<S>, place: ConfigPlace): Promise<readonly ErrorDetail[]>;
  activate(ctx: PluginContext<z.output<S>>): void | Promise<void>;
}): Plugin<z.output<S>> {
  return Object.freeze({ ...plugin, [PLUGIN_BRAND]: 1 as const }) as Plugin<z.output<S>>;
}

export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[PLUGIN_BRAND] === 1;
}
