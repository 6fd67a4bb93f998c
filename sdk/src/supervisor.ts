import { type BackoffOptions, backoffMs } from './backoff.js';
import { type IClock, systemClock } from './clock.js';
import { type BellowsError, CancelledError, DeadlineError, InvariantError, messageOf, PluginError } from './errors.js';
import { type IRandom, systemRandom } from './random.js';
import { countRestart, DEFAULT_RESTART_INTENSITY, type RestartIntensityOptions } from './restart-intensity.js';

export interface ChildExit {
  /** Whether it ended as intended; `false` makes a transient child start again. */
  readonly ok: boolean;
  readonly error?: unknown;
}

export interface RunningChild {
  /** Called at most once, also when the child has exited meanwhile. Its signal aborts when the time is up: then end by force. */
  stop(signal: AbortSignal): Promise<void>;
  /** Resolves once, when the child has ended for whatever reason. A rejection counts as `ok: false`. */
  readonly exited: Promise<ChildExit>;
}

export interface ChildSpec {
  /** Unique within the supervisor. */
  readonly id: string;
  /** Its signal aborts when the supervisor stops; a child that comes up all the same is stopped then. */
  start(signal: AbortSignal): Promise<RunningChild>;
  /** After an exit: `permanent` always starts again, `transient` only after a failure, `temporary` never. */
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly stopTimeoutMs: number;
}

export interface SupervisorBackoff extends BackoffOptions {
  /** A child that ran this long begins again with the shortest pause. Default: ten times the longest pause it had reached. */
  readonly healthyMs?: number;
  /**
   * `always` (default): a pause before each restart, and beyond the intensity it gives up.
   * `beyond-intensity`: at once within the intensity, beyond it with pauses, and never gives up: for leaves such as plugins and agents.
   */
  readonly applies?: 'always' | 'beyond-intensity';
}

export interface SupervisorOptions {
  readonly children: readonly ChildSpec[];
  /** One budget for all children together. Default: 1 in 5 s, as in OTP. */
  readonly intensity?: RestartIntensityOptions;
  readonly backoff?: SupervisorBackoff;
  readonly clock?: IClock;
  readonly random?: IRandom;
  /** Called once, after the remaining children were stopped, when the supervisor gives up. What it throws is ignored. */
  onEscalate?(error: BellowsError): void;
  /** A child ended or failed to start; for logs. What it throws is ignored. */
  onChildExit?(id: string, exit: ChildExit): void;
}

export interface ChildStatus {
  readonly id: string;
  /** `restarting`: being started again, or in the pause before that. */
  readonly state: 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';
  readonly restarts: number;
}

export interface StopProblem {
  readonly id: string;
  readonly error: unknown;
}

/**
 * Keeps children running, one for one: a child that ends is started again alone. Starts in the given order, one after the other;
 * stops in the reverse order, each within its own time-out, and goes on after errors. A failing restart counts as a restart
 * and is tried again. More restarts than the intensity allows: stops all children and escalates.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: IClock;
  readonly #random: IRandom;
  readonly #intensity: RestartIntensityOptions;
  readonly #children: readonly Child[];
  /** Aborts when the supervisor stops or gives up. */
  readonly #ending = new AbortController();
  #restartsAtMs: readonly number[] = [];
  #started = false;
  #stopping: Promise<readonly StopProblem[]> | undefined;

  /** `PluginError` (`CHILD_ID_TAKEN`) for two children of one id. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#intensity = options.intensity ?? DEFAULT_RESTART_INTENSITY;
    checkIds(options.children);
    this.#children = options.children.map((spec) => ({
      spec,
      state: 'stopped',
      running: undefined,
      starting: undefined,
      upSinceMs: 0,
      restarts: 0,
      attempt: 0,
    }));
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
    const onAbort = () => this.#ending.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      signal?.throwIfAborted();
      for (const child of this.#children) {
        await this.#unlessEnding(this.#up(child, 'starting'));
      }
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Stops what runs, in reverse. Resolves with what went wrong on the way, never rejects. Safe without `start`, twice, at any time. */
  stop(): Promise<readonly StopProblem[]> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** In start order. */
  status(): readonly ChildStatus[] {
    return this.#children.map(({ spec, state, restarts }) => ({ id: spec.id, state, restarts }));
  }

  /** Does not wait for a start that ignores its signal: `stop` bounds how long that one may hold things up. */
  async #unlessEnding(starting: Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    const ended = Promise.withResolvers<never>();
    const onEnd = () => ended.reject(signal.reason);
    if (signal.aborted) onEnd();
    signal.addEventListener('abort', onEnd, { once: true });
    try {
      await Promise.race([starting, ended.promise]);
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', onEnd);
    }
  }

  #up(child: Child, state: 'starting' | 'restarting'): Promise<void> {
    child.state = state;
    child.starting = this.#startNow(child).finally(() => {
      child.starting = undefined;
    });
    return child.starting;
  }

  async #startNow(child: Child): Promise<void> {
    try {
      const running = await child.spec.start(this.#ending.signal);
      child.running = running;
      child.state = 'running';
      child.upSinceMs = this.#clock.monotonicMs();
      running.exited.then(
        (exit) => this.#onExit(child, exit),
        (error: unknown) => this.#onExit(child, { ok: false, error }),
      );
    } catch (error) {
      child.state = 'stopped';
      throw error;
    }
  }

  #onExit(child: Child, exit: ChildExit): void {
    child.running = undefined;
    if (child.state === 'running') child.state = 'stopped';
    if (this.#ending.signal.aborted) return;
    this.#report(child, exit);
    const { restart } = child.spec;
    if (restart === 'temporary' || (restart === 'transient' && exit.ok)) return;
    if (this.#clock.monotonicMs() - child.upSinceMs >= this.#healthyMs(child)) child.attempt = 0;
    child.state = 'restarting';
    void this.#restart(child, exit.error);
  }

  /** Never rejects. */
  async #restart(child: Child, cause: unknown): Promise<void> {
    let lastError = cause;
    while (!this.#ending.signal.aborted) {
      const { exceeded, restartsAtMs } = countRestart(this.#restartsAtMs, this.#clock.monotonicMs(), this.#intensity);
      this.#restartsAtMs = restartsAtMs;
      if (exceeded && this.#options.backoff?.applies !== 'beyond-intensity') return this.#escalate(child, lastError);
      if (!(await this.#pause(child, exceeded))) return;
      child.restarts += 1;
      try {
        return await this.#up(child, 'restarting');
      } catch (error) {
        lastError = error;
        if (!this.#ending.signal.aborted) this.#report(child, { ok: false, error });
        child.state = 'restarting';
      }
      // a turn of the event loop between two attempts: a start that fails at once must not keep everything else waiting
      await new Promise((resolve) => setImmediate(resolve));
    }
    child.state = 'stopped';
  }

  /** Waits before a restart where that is wanted. `false` when the supervisor ended meanwhile. */
  async #pause(child: Child, exceeded: boolean): Promise<boolean> {
    const { backoff } = this.#options;
    if (backoff === undefined || (backoff.applies === 'beyond-intensity' && !exceeded)) return true;
    child.attempt += 1;
    try {
      await this.#clock.sleep(backoffMs(child.attempt, this.#random, backoff), this.#ending.signal);
      return true;
    } catch {
      child.state = 'stopped';
      return false;
    }
  }

  #healthyMs({ attempt }: Child): number {
    const { backoff } = this.#options;
    if (backoff === undefined) return 0;
    const longestMs = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** Math.max(0, attempt - 1));
    return backoff.healthyMs ?? HEALTHY_FACTOR * longestMs;
  }

  #escalate(child: Child, cause: unknown): void {
    child.state = 'stopped';
    const { maxRestarts, maxSeconds } = this.#intensity;
    const error = new PluginError(
      'RESTARTS_EXCEEDED',
      `${child.spec.id} had to be restarted, and more than ${maxRestarts} restarts within ${maxSeconds} s are not allowed: ` +
        `find out why it ends (${cause === undefined ? 'it gave no error' : messageOf(cause)}), or allow more`,
      { phase: 'supervise', cause },
    );
    void this.stop().then(() => quietly(() => this.#options.onEscalate?.(error)));
  }

  async #stopAll(): Promise<readonly StopProblem[]> {
    this.#ending.abort(new CancelledError('SUPERVISOR_STOPPED', 'The supervisor stops: nothing is started any more'));
    const problems: StopProblem[] = [];
    for (const child of this.#children.toReversed()) {
      try {
        await this.#stopChild(child);
      } catch (error) {
        problems.push({ id: child.spec.id, error });
      }
      child.state = 'stopped';
    }
    return problems;
  }

  async #stopChild(child: Child): Promise<void> {
    if (child.starting === undefined && child.running === undefined) return;
    child.state = 'stopping';
    const force = new AbortController();
    const stopped = (async () => {
      // one that is coming up is stopped as soon as it is there, however late
      await child.starting?.catch(() => undefined);
      await child.running?.stop(force.signal);
    })();
    const { id, stopTimeoutMs } = child.spec;
    await within(stopped, stopTimeoutMs, this.#clock, () => {
      const error = new DeadlineError('CHILD_STOP_TIMEOUT', `${id} did not stop within ${stopTimeoutMs} ms: it was left behind`);
      force.abort(error);
      return error;
    });
  }

  #report(child: Child, exit: ChildExit): void {
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

interface Child {
  readonly spec: ChildSpec;
  state: ChildStatus['state'];
  running: RunningChild | undefined;
  /** The start under way, first or repeated. */
  starting: Promise<void> | undefined;
  upSinceMs: number;
  restarts: number;
  /** How many pauses in a row; decides the next one. */
  attempt: number;
}

/** Well past the pause, so that a child that dies slowly does not count as cured (Kubernetes: twice its longest pause). */
const HEALTHY_FACTOR = 10;

function checkIds(children: readonly ChildSpec[]): void {
  const ids = new Set<string>();
  for (const { id } of children) {
    if (ids.has(id)) throw new PluginError('CHILD_ID_TAKEN', `Two children of one supervisor are called ${id}: give each an id of its own`);
    ids.add(id);
  }
}

function within(promise: Promise<void>, timeoutMs: number, clock: IClock, onTimeout: () => unknown): Promise<void> {
  if (timeoutMs === Number.POSITIVE_INFINITY) return promise;
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(timeoutMs, () => reject(onTimeout()));
    promise.then(resolve, reject).finally(cancel);
  });
}

/** Listeners of the caller: what they throw must not change what the supervisor does. */
function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // promised in SupervisorOptions
  }
}
