import { CrashLog, type IClock, type ILogger, type PluginContext, PluginError } from '@bellows/sdk';
import type { StateChange } from './plugin-lifecycle.js';

/** As the codes of errors are written; a program that reads a status branches on it. */
const REASON = /^[A-Z][A-Z0-9_]{0,63}$/;
const MAX_SHOWN_LENGTH = 200;

export interface PluginHealthOptions {
  readonly plugin: string;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** {@link PluginHealth.trouble} may be another one. */
  readonly onChange: () => void;
}

/**
 * Why one plugin works only in part, from an activation to the stop after it: an error that nobody caught, which stays to the end, and
 * what it says of itself until it says that this is over.
 */
export class PluginHealth implements Disposable {
  readonly #options: PluginHealthOptions;
  readonly #said = new Map<string, string>();
  /** A plugin may say it as often as it likes. */
  readonly #log: CrashLog;
  #fault: StateChange | undefined;
  #isOver = false;

  constructor(options: PluginHealthOptions) {
    this.#options = options;
    this.#log = new CrashLog(options);
  }

  /** What its state is to show: an error comes first, then what was said first. Undefined while it works in full. */
  get trouble(): StateChange | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const [first] = this.#said;
    return first && { reason: first[0], message: first[1] };
  }

  /** For the context of the plugin. */
  get words(): Pick<PluginContext, 'degrade' | 'recover'> {
    return {
      degrade: (reason, message) => {
        this.#demandWords(reason, message);
        if (this.#isOver) return;
        if (!this.#said.has(reason)) this.#log.write(reason, `is degraded (${reason}): ${message}`);
        this.#said.set(reason, message);
        this.#options.onChange();
      },
      recover: (reason) => {
        if (!this.#said.delete(reason)) return;
        this.#log.write(`${reason} ended`, `has recovered (${reason})`);
        this.#options.onChange();
      },
    };
  }

  /** An error of it was caught by nobody. */
  broke(reason: string, message: string): void {
    this.#fault = { reason, message, failed: { code: reason, message } };
    this.#options.onChange();
  }

  /** The plugin has stopped: what it says from here on changes nothing. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#said.clear();
    this.#log.flush();
  }

  #demandWords(reason: unknown, message: unknown): void {
    if (typeof reason === 'string' && REASON.test(reason) && typeof message === 'string' && message.trim() !== '') return;
    const { plugin } = this.#options;
    const shown = [reason, message].map((word) =>
      typeof word === 'string' ? JSON.stringify(word.slice(0, MAX_SHOWN_LENGTH)) : typeof word,
    );
    throw new PluginError(
      'DEGRADATION_INVALID',
      `plugin ${plugin} called degrade(${shown.join(', ')}): give a code such as "STORE_UNREACHABLE" and a sentence for people`,
      { plugin },
    );
  }
}
