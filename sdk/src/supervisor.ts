import { type IClock, systemClock } from './clock.js';
import { CancelledError, InvariantError, messageOf, NotFoundError, PluginError, RefusedError } from './errors.js';
import { systemRandom } from './random.js';
import { DEFAULT_RESTART_INTENSITY, type RestartIntensityOptions } from './restart-intensity.js';
import { RestartLaw } from './restart-law.js';
import { planRestart, startsAgain } from './restart-plan.js';
import { SerialTasks } from './serial-tasks.js';
import { SupervisedChild } from './supervised-child.js';
import type { ChildExit, ChildSpec, ChildStatus, StopProblem, SupervisorOptions } from './supervisor-contract.js';
import { demandChildSpec, demandSupervisorOptions } from './supervisor-demands.js';

/**
 * Keeps children running as a supervisor of Erlang/OTP does. Starts in the given order, one after the other; stops in the reverse
 * order, each within its own time-out, and goes on after errors. Restarts by its strategy; a failing restart counts as a restart and
 * is tried again. More restarts than the intensity allows: stops all children and escalates.
 *
 * It does one thing at a time: while a child starts or stops, exits and calls wait. A child must not wait, inside its `start` or
 * `stop`, for a call to its own supervisor other than `status`.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: IClock;
  readonly #intensity: RestartIntensityOptions;
  readonly #law: RestartLaw;
  /** In start order. */
  readonly #children = new Map<string, SupervisedChild>();
  readonly #tasks = new SerialTasks();
  /** Aborts when the supervisor stops or gives up. */
  readonly #ending = new AbortController();
  /** Gives up the wait for the start under way. */
  #abandonStart: ((reason: unknown) => void) | undefined;
  #started = false;
  #stopping: Promise<readonly StopProblem[]> | undefined;

  /**
   * `InputError` (`SUPERVISOR_OPTIONS_INVALID`) for options that are unknown or mean nothing; `PluginError` for a child that cannot be one
   * (`CHILD_INVALID`), and for two of one id (`CHILD_ID_TAKEN`).
   */
  constructor(options: SupervisorOptions) {
    demandSupervisorOptions(options);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#intensity = options.intensity ?? DEFAULT_RESTART_INTENSITY;
    this.#law = new RestartLaw({ intensity: this.#intensity, backoff: options.backoff, random: options.random ?? systemRandom });
    for (const spec of options.children) this.#add(spec);
  }

  /**
   * Resolves when all children are up. When one fails to start, or `signal` aborts meanwhile, those already up are stopped and it
   * rejects with the reason. Once only: a stopped supervisor is not started again (`InvariantError`, `SUPERVISOR_STARTED`).
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#started || this.#stopping !== undefined) {
      throw new InvariantError('SUPERVISOR_STARTED', 'A supervisor was started after its start or stop: make a new one instead');
    }
    this.#started = true;
    const onAbort = () => this.#end(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      await this.#tasks.run(() => this.#startAll());
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Stops what runs, in reverse. Resolves with what went wrong on the way, never rejects. Safe without `start`, twice, at any time. */
  stop(): Promise<readonly StopProblem[]> {
    this.#end(stopped());
    this.#stopping ??= this.#tasks.run(() => this.#stopAll());
    return this.#stopping;
  }

  /** In start order. */
  status(): readonly ChildStatus[] {
    return [...this.#children.values()].map(({ status }) => status);
  }

  /**
   * Adds a child behind the others and resolves when it is up. Rejects with `CHILD_INVALID`, with `CHILD_ID_TAKEN`, also for one that is stopped, and with
   * what its start failed with; then it was not added. As all calls for one child it demands a supervisor that was started, and
   * rejects with `SUPERVISOR_STOPPED` when that is being stopped.
   */
  startChild(spec: ChildSpec): Promise<void> {
    return this.#call(async () => {
      const child = this.#add(spec);
      try {
        await this.#up(child, 'starting');
      } catch (error) {
        // the stop has still to end one whose start goes on
        if (!this.#ending.signal.aborted) this.#children.delete(spec.id);
        throw error;
      }
    });
  }

  /**
   * Stops a child, or calls its next attempt off, and keeps it until `restartChild` or `deleteChild`; a temporary one is forgotten.
   * Twice is fine. Rejects with `CHILD_UNKNOWN`, and with what went wrong while it stopped: it counts as stopped then too.
   */
  stopChild(id: string): Promise<void> {
    return this.#call(async () => {
      const child = this.#known(id);
      if (child.spec.restart === 'temporary') this.#children.delete(id);
      await child.stop();
    });
  }

  /** Starts a stopped child; it counts no restart. Rejects with `CHILD_UNKNOWN`, `CHILD_NOT_STOPPED`, or what its start failed with. */
  restartChild(id: string): Promise<void> {
    return this.#call(() => this.#up(this.#stoppedOne(id), 'starting'));
  }

  /** Forgets a stopped child. Rejects with `CHILD_UNKNOWN`, `CHILD_NOT_STOPPED`. */
  deleteChild(id: string): Promise<void> {
    return this.#call(async () => void this.#children.delete(this.#stoppedOne(id).spec.id));
  }

  #call(task: () => Promise<void>): Promise<void> {
    return this.#tasks.run(() => {
      if (!this.#started)
        throw new InvariantError('SUPERVISOR_NOT_STARTED', 'A child was handed to a supervisor before its start: start it first');
      if (this.#ending.signal.aborted) throw stopped();
      return task();
    });
  }

  #add(spec: ChildSpec): SupervisedChild {
    demandChildSpec(spec);
    if (this.#children.has(spec.id)) {
      throw new PluginError('CHILD_ID_TAKEN', `Two children of one supervisor are called ${spec.id}: give each an id of its own`);
    }
    const child = new SupervisedChild(spec, this.#clock);
    this.#children.set(spec.id, child);
    return child;
  }

  #known(id: string): SupervisedChild {
    const child = this.#children.get(id);
    if (child === undefined) throw new NotFoundError('CHILD_UNKNOWN', `The supervisor has no child ${id}: see its status for those it has`);
    return child;
  }

  #stoppedOne(id: string): SupervisedChild {
    const child = this.#known(id);
    if (child.state === 'stopped') return child;
    throw new RefusedError('CHILD_NOT_STOPPED', `The child ${id} is ${child.state}: stop it first`);
  }

  async #startAll(): Promise<void> {
    for (const child of this.#children.values()) await this.#up(child, 'starting');
  }

  /** Does not wait for a start that ignores its signal: the stop of the child bounds how long that one may hold things up. */
  #up(child: SupervisedChild, state: 'starting' | 'restarting'): Promise<void> {
    const { signal } = this.#ending;
    return new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      child.state = state;
      this.#abandonStart = reject;
      const failed = (error: unknown) => {
        if (child.state === state) child.state = 'stopped';
        reject(error);
      };
      child.start(signal, (exit) => this.#onExit(child, exit)).then(resolve, failed);
    });
  }

  #onExit(child: SupervisedChild, exit: ChildExit): void {
    if (!this.#ending.signal.aborted) this.#report(child, exit);
    this.#tasks.post(() => this.#afterExit(child));
  }

  /** `undefined` when there is nothing to wait for. */
  #afterExit(child: SupervisedChild): void | Promise<void> {
    // it may have been stopped or started since, together with another one
    const exit = this.#ending.signal.aborted ? undefined : child.takeExit();
    if (exit === undefined) return;
    child.state = 'stopped';
    if (startsAgain(child.spec.restart, exit.ok)) return this.#restart(child, exit.error);
    if (child.spec.restart === 'temporary') this.#children.delete(child.spec.id);
  }

  /** Counts, then starts again at once or later, or gives up. */
  #restart(child: SupervisedChild, cause: unknown): void | Promise<void> {
    const pauseMs = this.#law.next(child.pace, this.#clock.monotonicMs());
    if (pauseMs === null) return this.#escalate(child, cause);
    if (pauseMs === 0) return this.#startAgain(child);
    quietly(() => this.#options.onPause?.(child.spec.id, pauseMs));
    child.retryLater(this.#clock.setTimer(pauseMs, () => this.#tasks.post(() => this.#retry(child, () => this.#startAgain(child)))));
    return this.#stopOthers(child);
  }

  #retry(child: SupervisedChild, attempt: () => void | Promise<void>): void | Promise<void> {
    if (child.state === 'restarting' && !this.#ending.signal.aborted) return attempt();
  }

  async #startAgain(child: SupervisedChild): Promise<void> {
    await this.#stopOthers(child);
    for (const each of planRestart(this.#strategy, this.#children.values(), child).start) {
      if (this.#ending.signal.aborted) return;
      each.restarts += 1;
      try {
        await this.#up(each, 'restarting');
      } catch (error) {
        return this.#onFailedRestart(each, error);
      }
    }
  }

  async #stopOthers(child: SupervisedChild): Promise<void> {
    for (const other of planRestart(this.#strategy, this.#children.values(), child).stop) {
      if (this.#ending.signal.aborted) return;
      if (other.spec.restart === 'temporary') this.#children.delete(other.spec.id);
      await other.stop().catch((error: unknown) => this.#report(other, { ok: false, error }));
    }
  }

  #onFailedRestart(child: SupervisedChild, error: unknown): void {
    if (this.#ending.signal.aborted) return;
    this.#report(child, { ok: false, error });
    // a turn of the event loop between two attempts: a start that fails at once must not keep everything else waiting
    const next = setImmediate(() => this.#tasks.post(() => this.#retry(child, () => this.#restart(child, error))));
    child.retryLater(() => clearImmediate(next));
  }

  #escalate(child: SupervisedChild, cause: unknown): void {
    const { maxRestarts, maxSeconds } = this.#intensity;
    child.state = 'stopped';
    const error = new PluginError(
      'RESTARTS_EXCEEDED',
      `${child.spec.id} had to be restarted, and more than ${maxRestarts} restarts within ${maxSeconds} s are not allowed: ` +
        `find out why it ends (${cause === undefined ? 'it gave no error' : messageOf(cause)}), or allow more`,
      { phase: 'supervise', cause },
    );
    void this.stop().then(() => quietly(() => this.#options.onEscalate?.(error)));
  }

  #end(reason: unknown): void {
    this.#ending.abort(reason);
    this.#abandonStart?.(this.#ending.signal.reason);
  }

  async #stopAll(): Promise<readonly StopProblem[]> {
    const problems: StopProblem[] = [];
    for (const child of [...this.#children.values()].reverse()) {
      await child.stop().catch((error: unknown) => problems.push({ id: child.spec.id, error }));
    }
    return problems;
  }

  get #strategy() {
    return this.#options.strategy ?? 'one_for_one';
  }

  #report(child: SupervisedChild, exit: ChildExit): void {
    quietly(() => this.#options.onChildExit?.(child.spec.id, exit));
  }
}

/**
 * The short form: a started supervisor over `children`, of which more than `maxRestarts` restarts within `maxSeconds` are too many.
 * Rejects as `start` does.
 */
export async function supervise(options: SuperviseOptions): Promise<Supervisor> {
  const { maxRestarts, maxSeconds, signal, ...rest } = options;
  const supervisor = new Supervisor({ ...rest, intensity: { maxRestarts, maxSeconds } });
  await supervisor.start(signal);
  return supervisor;
}

export interface SuperviseOptions extends RestartIntensityOptions, Omit<SupervisorOptions, 'intensity'> {
  readonly signal?: AbortSignal;
}

function stopped(): CancelledError {
  return new CancelledError('SUPERVISOR_STOPPED', 'The supervisor stops: nothing is started any more');
}

/** Listeners of the caller: what they throw must not change what the supervisor does. */
function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // promised in SupervisorOptions
  }
}
