import { type CancelTimer, DEFAULT_BACKOFF, type IClock, type ILogger, type IRandom, RestartLaw, type RestartPace } from '@bellows/sdk';
import type { PluginSet } from './plugin-set.js';

/** So many restarts in a minute are at once; more of them wait, longer each time: a plugin that breaks again and again is not cured by haste. */
const INTENSITY = Object.freeze({ maxRestarts: 5, maxSeconds: 60 });

export interface PluginSupervisionOptions {
  readonly plugins: PluginSet;
  /** Stops a plugin and what needs it, in order, and starts them again. Rejects when the host stops. */
  readonly restart: (id: string) => Promise<unknown>;
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
}

/**
 * Starts plugins again that break while they run, where the configuration says so (`onUncaughtError: restart`): by the law of the
 * supervisors of leaves, so at once within the intensity, then with pauses, and it never gives up. One restart at a time for each plugin.
 */
export class PluginSupervision implements Disposable {
  readonly #options: PluginSupervisionOptions;
  readonly #supervised = new Map<string, Supervised>();
  #isClosed = false;

  constructor(options: PluginSupervisionOptions) {
    this.#options = options;
  }

  /** An error of this plugin was caught by nobody. Never throws. */
  broke(id: string): void {
    const { plugins, clock, random, logger } = this.#options;
    if (this.#isClosed || plugins.isStopping || plugins.runner(id)?.loaded.entry.onUncaughtError !== 'restart') return;
    const one = this.#supervised.get(id) ?? newcomer(random);
    this.#supervised.set(id, one);
    // what breaks on the way down, or before the restart that is planned, is answered by that one
    if (one.isBusy) return;
    one.isBusy = true;
    const pauseMs = one.law.next(one.pace, clock.monotonicMs()) ?? DEFAULT_BACKOFF.maxMs;
    logger.warn(`is started again because it broke${pauseMs < 1 ? '' : `, in ${Math.round(pauseMs)} ms: it has done so before`}`, {
      plugin: id,
    });
    one.cancel = clock.setTimer(pauseMs, () => void this.#restart(id, one));
  }

  /** What is planned does not come; what is under way ends with the plugins. Twice is fine. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const { cancel } of this.#supervised.values()) cancel();
  }

  async #restart(id: string, one: Supervised): Promise<void> {
    const { plugins, restart, clock } = this.#options;
    try {
      await restart(id);
    } catch {
      // the host stops, or a reload has taken the plugin away
    }
    one.isBusy = false;
    const runner = plugins.runner(id);
    if (runner?.isUp) one.pace.upSinceMs = clock.monotonicMs();
    else if (runner?.status.state === 'failed') this.broke(id);
  }
}

interface Supervised {
  readonly law: RestartLaw;
  readonly pace: RestartPace;
  isBusy: boolean;
  cancel: CancelTimer;
}

function newcomer(random: IRandom): Supervised {
  const backoff = { ...DEFAULT_BACKOFF, applies: 'beyond-intensity' } as const;
  return {
    law: new RestartLaw({ intensity: INTENSITY, backoff, random }),
    pace: { upSinceMs: null, pauses: 0 },
    isBusy: false,
    cancel: () => {},
  };
}
