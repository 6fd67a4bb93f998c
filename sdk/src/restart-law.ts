import { type BackoffOptions, backoffMs } from './backoff.js';
import type { IRandom } from './random.js';
import { type RestartIntensityOptions, RestartWindow } from './restart-intensity.js';

export interface SupervisorBackoff extends BackoffOptions {
  /** One that ran this long begins again with the shortest pause. Default: ten times the longest pause it had reached. */
  readonly healthyMs?: number;
  /**
   * `always` (default): a pause before each restart, and beyond the intensity it gives up.
   * `beyond-intensity`: at once within the intensity, beyond it with pauses, and never gives up: for leaves such as plugins and agents.
   */
  readonly applies?: 'always' | 'beyond-intensity';
}

export interface RestartLawOptions {
  readonly intensity: RestartIntensityOptions;
  readonly backoff?: SupervisorBackoff | undefined;
  readonly random: IRandom;
}

/** What the law remembers of one thing that is kept running. Whoever keeps it running sets `upSinceMs`. */
export interface RestartPace {
  /** `IClock.monotonicMs` at which it came up; `null` while it is not up, and when a start failed. */
  upSinceMs: number | null;
  /** How many pauses in a row; decides the next one. */
  pauses: number;
}

/**
 * When to start again what has ended: at once, after a pause, or not any more. One law is one budget, for one thing or for several
 * that share it. It sets no timer and starts nothing.
 */
export class RestartLaw {
  readonly #window: RestartWindow;
  readonly #backoff: SupervisorBackoff | undefined;
  readonly #random: IRandom;

  constructor({ intensity, backoff, random }: RestartLawOptions) {
    this.#window = new RestartWindow(intensity);
    this.#backoff = backoff;
    this.#random = random;
  }

  /**
   * To be called once for each end and for each start that failed; it counts. Answers how many milliseconds to wait, 0 for at once,
   * and `null` for giving up.
   */
  next(pace: RestartPace, nowMs: number): number | null {
    const exceeded = this.#window.add(nowMs);
    const backoff = this.#backoff;
    if (backoff === undefined) return exceeded ? null : 0;
    if (pace.upSinceMs !== null && nowMs - pace.upSinceMs >= healthyAfterMs(pace.pauses, backoff)) pace.pauses = 0;
    pace.upSinceMs = null;
    if (backoff.applies !== 'beyond-intensity' && exceeded) return null;
    if (backoff.applies === 'beyond-intensity' && !exceeded) return 0;
    pace.pauses += 1;
    return backoffMs(pace.pauses, this.#random, backoff);
  }
}

function healthyAfterMs(pauses: number, { healthyMs, initialMs, factor, maxMs }: SupervisorBackoff): number {
  return healthyMs ?? HEALTHY_FACTOR * Math.min(maxMs, initialMs * factor ** Math.max(0, pauses - 1));
}

/** Well past the pause, so that a child that dies slowly does not count as cured (Kubernetes: twice its longest pause). */
const HEALTHY_FACTOR = 10;
