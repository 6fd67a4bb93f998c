import type { IClock } from './clock.js';
import type { BellowsError } from './errors.js';
import type { IRandom } from './random.js';
import type { RestartIntensityOptions } from './restart-intensity.js';
import type { SupervisorBackoff } from './restart-law.js';
import type { RestartStrategy, RestartType } from './restart-plan.js';

export interface ChildExit {
  /** Whether it ended as intended; `false` makes a transient child start again. */
  readonly ok: boolean;
  readonly error?: unknown;
}

export interface RunningChild {
  /**
   * Called at most once, and not after the supervisor has heard of an exit. Resolves when the child has ended. Its signal aborts when
   * the time is up: then end by force, at once.
   */
  stop(signal: AbortSignal): Promise<void>;
  /** Resolves once, when the child has ended for whatever reason. A rejection counts as `ok: false`. */
  readonly exited: Promise<ChildExit>;
  /** Of a child that is a supervisor itself: how its own children are. Never throws. */
  status?(): readonly ChildStatus[];
}

export interface ChildSpec {
  /** Unique within the supervisor. */
  readonly id: string;
  /**
   * Its signal aborts when the supervisor stops; a child that comes up all the same is stopped then. The supervisor does nothing else
   * until this settles, so give it a time-out of its own. What is no running child is a start that failed (`CHILD_INVALID`).
   */
  start(signal: AbortSignal): Promise<RunningChild>;
  readonly restart: RestartType;
  /** 0: it is ended by force at once. `Infinity`: as long as it takes. */
  readonly stopTimeoutMs: number;
}

export interface SupervisorOptions {
  /** In the order in which they are started. */
  readonly children: readonly ChildSpec[];
  /** Which children start again when one ends. Default: `one_for_one`. */
  readonly strategy?: RestartStrategy;
  /** One budget for all children together. Default: 1 in 5 s, as in OTP. */
  readonly intensity?: RestartIntensityOptions;
  /** Default: none, every restart is at once. */
  readonly backoff?: SupervisorBackoff;
  readonly clock?: IClock;
  readonly random?: IRandom;
  /** Called once, after the remaining children were stopped, when the supervisor gives up. What it throws is ignored. */
  onEscalate?(error: BellowsError): void;
  /** A child ended by itself or failed to start; for logs. What it throws is ignored. */
  onChildExit?(id: string, exit: ChildExit): void;
  /** A child is started again only after a pause: it ends too often. What it throws is ignored. */
  onPause?(id: string, pauseMs: number): void;
}

export interface ChildStatus {
  readonly id: string;
  /** `restarting`: being started again, or in the pause before that. */
  readonly state: 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';
  readonly restarts: number;
  /** Of a running child that is a supervisor itself. */
  readonly children?: readonly ChildStatus[];
}

export interface StopProblem {
  readonly id: string;
  readonly error: unknown;
}
