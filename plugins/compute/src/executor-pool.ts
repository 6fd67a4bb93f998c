import {
  type CancelTimer,
  DEFAULT_BACKOFF,
  deadlineText,
  type IClock,
  type ILogger,
  type IRandom,
  messageOf,
  type RunningChild,
  Supervisor,
} from '@bellows/sdk';
import { computeError } from './errors.js';
import type { AnswerMessage, StatsMessage } from './executor/protocol.js';
import { ExecutorProcess, type ExecutorWork, type WorkAnswer } from './executor-process.js';

/** What an executor may be late beyond a deadline before it is ended: ending a thread takes some ms, under load longer. */
const ANSWER_GRACE_MS = 2_000;
/** A start takes tens of milliseconds; a process that is not up by then is stuck, and the work that waits for it with it. */
const START_TIMEOUT_MS = 10_000;
/** An executor with work speaks four times a second, whatever its guests do: one silent for so long is stopped or wedged. */
const SILENCE_TIMEOUT_MS = 10_000;
/** A killed process is gone within milliseconds; one in an uninterruptible wait is left to its broken channel. */
const STOP_TIMEOUT_MS = 5_000;

export interface ExecutorPoolOptions {
  readonly entry: URL;
  /** Of Node.js, for each process. */
  readonly flags: readonly string[];
  readonly maxExecutors: number;
  readonly maxPooledModules: number;
  /** For deadlines. */
  readonly clock: IClock;
  /** For how long processes take: those live in real time also where calls are on another clock. */
  readonly processClock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
}

export interface PoolWork {
  readonly work: ExecutorWork;
  /** `IClock.monotonicMs()` at which it must have ended. */
  readonly deadlineAt: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * The executor processes and who runs what. Work waits, first come first served, until an executor has a free thread;
 * processes are started when work needs them, replaced with back-off when they are lost, and ended when the limit falls.
 */
export class ExecutorPool {
  readonly #options: ExecutorPoolOptions;
  readonly #slots: Slot[];
  #waiting: Waiting[] = [];
  #limit = 0;
  #lost = 0;
  #stopped = false;

  constructor(options: ExecutorPoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.maxExecutors }, () => ({
      state: 'empty',
      supervisor: undefined,
      process: undefined,
      threads: 0,
      busy: 0,
      stats: undefined,
      heard: { process: undefined, count: 0, at: 0 },
    }));
  }

  /** How many calls may run at once over all executors. Lowering ends idle threads and processes, never running work. */
  setLimit(limit: number): void {
    if (limit === this.#limit || this.#stopped) return;
    this.#limit = limit;
    const processes = Math.min(this.#slots.length, limit);
    this.#slots.forEach((slot, index) => {
      const threads = index < processes ? Math.floor(limit / processes) + (index < limit % processes ? 1 : 0) : 0;
      if (threads === slot.threads) return;
      slot.threads = threads;
      if (threads > 0) slot.process?.configure(threads, this.#options.maxPooledModules);
      this.#endIfDrained(slot);
    });
    this.#next();
  }

  /**
   * Resolves with what the executor answered. Rejects with `DEADLINE_EXCEEDED`, `EXECUTOR_LOST`, `COMPUTE_STOPPING`,
   * or with the reason of `signal`; then the work has ended or its thread has.
   */
  run({ work, deadlineAt, signal }: PoolWork): Promise<Pick<AnswerMessage, 'outcome' | 'durationMs'>> {
    if (this.#stopped) return Promise.reject(stopping());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const entry: Waiting = { work, deadlineAt, signal, resolve, reject, leave: () => {} };
      const remove = (error: unknown) => {
        this.#waiting = this.#waiting.filter((other) => other !== entry);
        entry.leave();
        reject(error);
      };
      const cancelTimer = this.#options.clock.setTimer(this.#leftMs(deadlineAt), () => remove(late('it waited for an executor')));
      const onAbort = () => remove(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      entry.leave = () => {
        cancelTimer();
        signal?.removeEventListener('abort', onAbort);
      };
      this.#waiting.push(entry);
      this.#next();
    });
  }

  /** Gives up the instances made ahead of time; running calls notice nothing. */
  trim(): void {
    for (const { process } of this.#slots) process?.trim();
  }

  /**
   * To be called every second or so: ends executors that have work and say nothing. Without it the work would wait for
   * its deadline, which may be hours away; with it, it hears `EXECUTOR_LOST`.
   */
  endSilent(): void {
    const now = this.#options.processClock.monotonicMs();
    for (const slot of this.#slots) {
      const { process, heard } = slot;
      if (process === undefined || slot.busy === 0 || process !== heard.process || process.heard !== heard.count) {
        slot.heard = { process, count: process?.heard ?? 0, at: now };
      } else if (now - heard.at >= SILENCE_TIMEOUT_MS) {
        this.#options.logger.error('An executor has work and says nothing: it is ended', { pid: process.pid });
        void process.kill();
      }
    }
  }

  /** Instances of a module ready on all executors, as they last reported. */
  warm(hash: string): number {
    return this.#sum((stats) => stats.warm[hash] ?? 0);
  }

  get metrics() {
    return {
      executors: this.#slots.filter((slot) => slot.process !== undefined).length,
      threads: this.#sum((stats) => stats.threads),
      rssBytes: this.#sum((stats) => stats.rssBytes),
      lost: this.#lost,
      waiting: this.#waiting.length,
    };
  }

  get pids(): readonly number[] {
    return this.#slots.flatMap((slot) => slot.process?.pid ?? []);
  }

  /** Ends everything at once and resolves when no process is left. Twice is fine; nothing starts afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const entry of this.#waiting.splice(0)) {
      entry.leave();
      entry.reject(stopping());
    }
    await Promise.all(this.#slots.map((slot) => slot.supervisor?.stop()));
  }

  #next(): void {
    while (this.#waiting.length > 0 && !this.#stopped) {
      const slot = this.#freeSlot();
      if (slot === undefined) break;
      this.#dispatch(slot, this.#waiting.shift() as Waiting);
    }
    if (!this.#stopped) this.#startOthers();
  }

  /** The one with most threads free; of equals the first, whose pools are the warmest. */
  #freeSlot(): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots) {
      const free = slot.threads - slot.busy;
      if (slot.state === 'ready' && free > 0 && (best === undefined || free > best.threads - best.busy)) best = slot;
    }
    return best;
  }

  /** As many as the waiting work can use beside those that are starting. */
  #startOthers(): void {
    let coming = this.#slots.reduce((sum, slot) => sum + (slot.state === 'starting' ? slot.threads : 0), 0);
    for (const slot of this.#slots) {
      if (coming >= this.#waiting.length) return;
      if (slot.state !== 'empty' || slot.threads === 0) continue;
      this.#start(slot);
      coming += slot.threads;
    }
  }

  #start(slot: Slot): void {
    const { clock, random, logger } = this.#options;
    slot.state = 'starting';
    slot.supervisor = new Supervisor({
      children: [{ id: 'executor', start: async () => this.#fork(slot), restart: 'permanent', stopTimeoutMs: STOP_TIMEOUT_MS }],
      // A crash now and then is replaced at once; one after the other means that something is wrong with this machine.
      intensity: { maxRestarts: 1, maxSeconds: 5 },
      backoff: { ...DEFAULT_BACKOFF, applies: 'beyond-intensity' },
      clock,
      random,
      onChildExit: (_id, { error }) => {
        this.#lost += 1;
        logger.warn('An executor process ended unexpectedly and is replaced', { how: messageOf(error) });
      },
    });
    // A process that cannot be started counts as one that ended, so this does not fail.
    void slot.supervisor.start().catch((error) => logger.error('An executor could not be started', { error }));
  }

  #fork(slot: Slot): RunningChild {
    slot.state = 'starting';
    const { entry, flags, processClock, logger, maxPooledModules } = this.#options;
    let process: ExecutorProcess;
    try {
      process = new ExecutorProcess(entry, flags, {
        ready: () => {
          cancelTimeout();
          if (slot.state !== 'starting') return;
          slot.state = 'ready';
          this.#next();
        },
        stats: (stats) => {
          slot.stats = stats;
        },
        gone: () => {
          cancelTimeout();
          // one that was left behind must not take the place of its successor down
          if (slot.process !== process) return;
          slot.process = undefined;
          slot.stats = undefined;
          if (slot.state !== 'ending') slot.state = 'lost';
        },
      });
    } catch (error) {
      return this.#notForked(slot, error);
    }
    slot.process = process;
    const cancelTimeout = processClock.setTimer(START_TIMEOUT_MS, () => {
      logger.error('An executor process did not come up in time and is ended', { pid: process.pid, timeoutMs: START_TIMEOUT_MS });
      void process.kill();
    });
    process.configure(Math.max(1, slot.threads), maxPooledModules);
    const exited = process.gone.then((how) => {
      this.#next();
      return { ok: false, error: how };
    });
    return { exited, stop: async () => void (await process.kill()) };
  }

  /** A machine without memory or processes refuses at once: that counts as a process that ended, and is tried again. */
  #notForked(slot: Slot, error: unknown): RunningChild {
    slot.state = 'lost';
    const exited = Promise.resolve().then(() => {
      this.#next();
      return { ok: false, error };
    });
    return { exited, stop: async () => {} };
  }

  #endIfDrained(slot: Slot): void {
    if (slot.threads > 0 || slot.busy > 0 || slot.supervisor === undefined || slot.state === 'ending') return;
    slot.state = 'ending';
    void slot.supervisor.stop().then(() => {
      slot.supervisor = undefined;
      slot.state = 'empty';
      this.#next();
    });
  }

  #dispatch(slot: Slot, entry: Waiting): void {
    entry.leave();
    const { signal, deadlineAt } = entry;
    const process = slot.process as ExecutorProcess;
    slot.busy += 1;
    let overdue = false;
    const killWhenLate = (delayMs: number) =>
      this.#options.clock.setTimer(delayMs, () => {
        overdue = true;
        this.#options.logger.error('An executor did not answer in time and is ended', { pid: process.pid });
        void process.kill();
      });
    const leftMs = Math.max(1, this.#leftMs(deadlineAt));
    let cancelKill: CancelTimer = killWhenLate(leftMs + ANSWER_GRACE_MS);
    const cancelWork = process.send({ ...entry.work, deadlineMs: leftMs }, (answer: WorkAnswer) => {
      cancelKill();
      signal?.removeEventListener('abort', onAbort);
      slot.busy -= 1;
      if (signal?.aborted) entry.reject(signal.reason);
      else if (answer !== 'lost') entry.resolve(answer);
      else entry.reject(overdue ? late('its executor did not answer either') : this.#stopped ? stopping() : lost());
      this.#endIfDrained(slot);
      this.#next();
    });
    const onAbort = () => {
      cancelWork();
      cancelKill();
      cancelKill = killWhenLate(ANSWER_GRACE_MS);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  }

  #leftMs(deadlineAt: number): number {
    return Math.max(0, deadlineAt - this.#options.clock.monotonicMs());
  }

  #sum(of: (stats: StatsMessage) => number): number {
    return this.#slots.reduce((sum, { stats }) => sum + (stats === undefined ? 0 : of(stats)), 0);
  }
}

/**
 * ```text
 * empty ──▶ starting ──▶ ready          (the supervisor forks again: lost ──▶ starting)
 *   ▲           └──┬───────┴──▶ lost
 *   └── ending ◀───┴─────────────┘
 * ```
 */
interface Slot {
  state: 'empty' | 'starting' | 'ready' | 'lost' | 'ending';
  supervisor: Supervisor | undefined;
  process: ExecutorProcess | undefined;
  /** How many threads it may run; 0: it shall end. */
  threads: number;
  busy: number;
  stats: StatsMessage | undefined;
  /** How many messages had come at the last look that found a new one, or no work, and when that was. */
  heard: { readonly process: ExecutorProcess | undefined; readonly count: number; readonly at: number };
}

interface Waiting extends PoolWork {
  readonly resolve: (answer: Pick<AnswerMessage, 'outcome' | 'durationMs'>) => void;
  readonly reject: (error: unknown) => void;
  leave: () => void;
}

function late(where: string) {
  return computeError('DEADLINE_EXCEEDED', deadlineText('The call', where));
}

function lost() {
  return computeError(
    'EXECUTOR_LOST',
    'The executor process of the call ended before it answered: the call is safe to repeat if running it twice does no harm',
    { retryAfterMs: 100 },
  );
}

function stopping() {
  return computeError('COMPUTE_STOPPING', 'Compute is being stopped: call again when the host is ready', { retryAfterMs: 1_000 });
}
