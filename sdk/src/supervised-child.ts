import type { IClock } from './clock.js';
import { DeadlineError } from './errors.js';
import type { RestartPace } from './restart-law.js';
import type { ChildExit, ChildSpec, ChildStatus, RunningChild } from './supervisor-contract.js';
import { demandRunningChild } from './supervisor-demands.js';

/**
 * One child of a supervisor and what it does now. Who calls is the supervisor, one call at a time: `start` only when stopped.
 *
 * ```text
 * stopped ──▶ starting ──▶ running ──▶ stopping ──▶ stopped
 *    │                      │  ▲
 *    └───────▶ restarting ◀─┘  │   it ended, or was stopped with another one, and is to start again
 *                   └──────────┘
 * ```
 */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly pace: RestartPace = { upSinceMs: null, pauses: 0 };
  state: ChildStatus['state'] = 'stopped';
  restarts = 0;
  readonly #clock: IClock;
  #run: Run | undefined;
  #coming: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(spec: ChildSpec, clock: IClock) {
    this.spec = spec;
    this.#clock = clock;
  }

  get status(): ChildStatus {
    const { state, restarts } = this;
    const children = state === 'running' ? this.#run?.running.status?.() : undefined;
    return { id: this.spec.id, state, restarts, ...(children === undefined ? {} : { children }) };
  }

  /** Settles as the start of the spec does. `onExit` is called once, when it has ended by itself; then `takeExit` says how. */
  start(signal: AbortSignal, onExit: (exit: ChildExit) => void): Promise<void> {
    this.cancelRetry();
    this.#coming = this.#startNow(signal, onExit);
    return this.#coming;
  }

  /** How it ended, once; `undefined` when it was stopped or started since. */
  takeExit(): ChildExit | undefined {
    const exit = this.#run?.exit;
    if (exit !== undefined) this.#run = undefined;
    return exit;
  }

  /** Remembers an attempt that is to come, in place of an earlier one. */
  retryLater(cancel: () => void): void {
    this.cancelRetry();
    this.state = 'restarting';
    this.#cancelRetry = cancel;
  }

  cancelRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** Ends what runs and what is to come. Rejects with what went wrong; it counts as stopped all the same. */
  async stop(): Promise<void> {
    this.cancelRetry();
    try {
      if (this.#run?.exit === undefined && (this.#run !== undefined || this.#coming !== undefined)) {
        this.state = 'stopping';
        await this.#end();
      }
    } finally {
      this.#run = undefined;
      this.state = 'stopped';
    }
  }

  async #startNow(signal: AbortSignal, onExit: (exit: ChildExit) => void): Promise<void> {
    try {
      const run: Run = { running: demandRunningChild(this.spec.id, await this.spec.start(signal)), exit: undefined };
      const ended = (exit: ChildExit) => {
        if (this.#run !== run) return;
        run.exit = exit;
        if (this.state === 'running') onExit(exit);
      };
      const failed = (error: unknown) => ended({ ok: false, error });
      run.running.exited.then((exit) => (typeof exit?.ok === 'boolean' ? ended(exit) : failed(exit)), failed);
      this.#run = run;
      // one that was told to stop meanwhile is stopped as soon as it is there
      if (this.state === 'starting' || this.state === 'restarting') this.state = 'running';
      this.pace.upSinceMs = this.#clock.monotonicMs();
    } catch (error) {
      this.pace.upSinceMs = null;
      throw error;
    } finally {
      this.#coming = undefined;
    }
  }

  async #end(): Promise<void> {
    const { id, stopTimeoutMs } = this.spec;
    const force = new AbortController();
    const inTime = new DeadlineError('CHILD_STOP_TIMEOUT', `${id} did not stop within ${stopTimeoutMs} ms: it was ended by force`);
    if (stopTimeoutMs === 0) force.abort(inTime);
    const ended = this.#endWith(force.signal);
    // nobody may be left to hear of one that was left behind
    ended.catch(() => undefined);
    if (stopTimeoutMs > 0 && (await settles(ended, stopTimeoutMs, this.#clock))) return ended;
    force.abort(inTime);
    const isGone = this.#run !== undefined && (await settles(ended, FORCED_END_MS, this.#clock));
    if (!isGone) throw new DeadlineError('CHILD_STOP_TIMEOUT', `${id} did not stop within ${stopTimeoutMs} ms: it was left behind`);
    if (stopTimeoutMs > 0) throw inTime;
    return ended;
  }

  async #endWith(signal: AbortSignal): Promise<void> {
    // one that is coming up is stopped as soon as it is there, however late
    await this.#coming?.catch(() => undefined);
    // and it may have ended as soon
    if (this.#run?.exit === undefined) await this.#run?.running.stop(signal);
  }
}

interface Run {
  readonly running: RunningChild;
  /** Set when it has ended by itself and the supervisor has not dealt with that yet. */
  exit: ChildExit | undefined;
}

/** A killed process is gone within milliseconds; its successor should not meet it, and a stop should not wait for what never ends. */
const FORCED_END_MS = 1_000;

/** Whether it settles in time, either way. */
function settles(promise: Promise<void>, withinMs: number, clock: IClock): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = withinMs === Number.POSITIVE_INFINITY ? () => undefined : clock.setTimer(withinMs, () => resolve(false));
    const settled = () => {
      cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
