import { DEFAULT_BACKOFF, messageOf, type RunningChild, Supervisor } from '@bellows/sdk';
import type { StatsMessage } from './executor/protocol.js';
import type { ExecutorPoolOptions } from './executor-pool.js';
import { ExecutorProcess } from './executor-process.js';

/** A start takes tens of milliseconds; a process that is not up by then is stuck, and the work that waits for it with it. */
const START_TIMEOUT_MS = 10_000;
/** An executor with work speaks four times a second, whatever its guests do: one silent for so long is stopped or wedged. */
const SILENCE_TIMEOUT_MS = 10_000;
/** A killed process is gone within milliseconds; one in an uninterruptible wait is left to its broken channel. */
const STOP_TIMEOUT_MS = 5_000;
/** So many ends in quick succession without one answer between them are no accident; until then calls wait, well below a second. */
const FAILING_ENDS = 4;
/** So many starts in a row that took their whole time: what waits has waited long enough. */
const FAILING_TIMEOUTS = 2;

export interface ExecutorSlotEvents {
  /** It ended by itself and is replaced. */
  lost(how: string): void;
  /** It may take work now, or does not any more. */
  changed(): void;
}

/**
 * The place of one executor process, which a supervisor keeps filled from `start` until its threads are taken away.
 *
 * ```text
 * empty ──▶ starting ──▶ ready          (the supervisor forks again: lost ──▶ starting)
 *   ▲           └──┬───────┴──▶ lost
 *   └── ending ◀───┴─────────────┘
 * ```
 */
export class ExecutorSlot {
  readonly #options: ExecutorPoolOptions;
  readonly #events: ExecutorSlotEvents;
  #state: 'empty' | 'starting' | 'ready' | 'lost' | 'ending' = 'empty';
  #supervisor: Supervisor | undefined;
  /** The end of what the supervisor runs, once it has begun. */
  #ended: Promise<void> | undefined;
  #process: ExecutorProcess | undefined;
  #threads = 0;
  #busy = 0;
  #stats: StatsMessage | undefined;
  #losses = 0;
  #lastEnd = '';
  /** Since the last answer. */
  #endsInARow = 0;
  /** Since one came up. */
  #timeoutsInARow = 0;
  /** It keeps ending, so that the next start has to wait, and none has come up since. */
  #isCrashing = false;
  /** How many messages had come at the last look that found a new one, or no work, and when that was. */
  #heard: { readonly process: ExecutorProcess | undefined; readonly count: number; readonly at: number };

  constructor(options: ExecutorPoolOptions, events: ExecutorSlotEvents) {
    this.#options = options;
    this.#events = events;
    this.#heard = { process: undefined, count: 0, at: 0 };
  }

  get state() {
    return this.#state;
  }

  get process(): ExecutorProcess | undefined {
    return this.#process;
  }

  /** What its process last told of itself. */
  get stats(): StatsMessage | undefined {
    return this.#stats;
  }

  /** How many threads it may run; 0: it shall end. */
  get threads(): number {
    return this.#threads;
  }

  /** How many more calls it can take now. */
  get free(): number {
    return this.#state === 'ready' ? this.#threads - this.#busy : 0;
  }

  /** How many processes were lost so far. */
  get losses(): number {
    return this.#losses;
  }

  /** How the last one that was lost ended; empty when none was. */
  get lastEnd(): string {
    return this.#lastEnd;
  }

  /** Its processes end one after the other, and none is up. */
  get isFailing(): boolean {
    return this.#state !== 'ready' && (this.#isCrashing || this.#timeoutsInARow >= FAILING_TIMEOUTS);
  }

  /** Lowering ends idle threads, and at 0 the process as soon as it has no work. */
  setThreads(threads: number): void {
    if (threads === this.#threads) return;
    this.#threads = threads;
    if (threads > 0) this.#process?.configure(threads, this.#options.maxPooledModules);
    this.#endIfDrained();
  }

  /** Only when `empty`. */
  start(): void {
    const { clock, random, logger } = this.#options;
    this.#state = 'starting';
    this.#supervisor = new Supervisor({
      children: [{ id: 'executor', start: async () => this.#fork(), restart: 'permanent', stopTimeoutMs: STOP_TIMEOUT_MS }],
      // A crash now and then is replaced at once; one after the other means that something is wrong with this machine.
      intensity: { maxRestarts: 1, maxSeconds: 5 },
      backoff: { ...DEFAULT_BACKOFF, applies: 'beyond-intensity' },
      clock,
      random,
      onChildExit: (_id, { error }) => {
        this.#losses += 1;
        this.#endsInARow += 1;
        this.#lastEnd = messageOf(error);
        this.#events.lost(this.#lastEnd);
      },
      onPause: () => {
        this.#isCrashing ||= this.#endsInARow >= FAILING_ENDS;
        this.#events.changed();
      },
    });
    // A process that cannot be started counts as one that ended, so this does not fail.
    void this.#supervisor.start().catch((error) => logger.error('An executor could not be started', { error }));
  }

  /** Answers the process for one more call. Only when there is room; `giveBack` is to follow when the call has ended. */
  take(): ExecutorProcess {
    this.#busy += 1;
    return this.#process as ExecutorProcess;
  }

  giveBack({ isAnswered }: { readonly isAnswered: boolean }): void {
    this.#busy -= 1;
    if (isAnswered) this.#endsInARow = 0;
    this.#endIfDrained();
  }

  /** Ends a process that has work and says nothing. */
  endIfSilent(): void {
    const { processClock, logger } = this.#options;
    const process = this.#process;
    const now = processClock.monotonicMs();
    if (process === undefined || this.#busy === 0 || process !== this.#heard.process || process.heard !== this.#heard.count) {
      this.#heard = { process, count: process?.heard ?? 0, at: now };
    } else if (now - this.#heard.at >= SILENCE_TIMEOUT_MS) {
      logger.error('An executor has work and says nothing: it is ended', { pid: process.pid });
      void process.kill();
    }
  }

  /** Resolves when its process is gone; nothing is to be started afterwards. */
  async stop(): Promise<void> {
    if (this.#supervisor !== undefined) await this.#end(this.#supervisor);
  }

  #fork(): RunningChild {
    this.#state = 'starting';
    const { entry, flags, processClock, logger, maxPooledModules } = this.#options;
    let process: ExecutorProcess;
    try {
      process = new ExecutorProcess(entry, flags, {
        ready: () => {
          cancelTimeout();
          if (this.#state === 'starting') this.#becomeReady();
        },
        stats: (stats) => {
          this.#stats = stats;
        },
        gone: () => {
          cancelTimeout();
          // one that was left behind must not take the place of its successor down
          if (this.#process === process) this.#becomeLost();
        },
      });
    } catch (error) {
      return this.#notForked(error);
    }
    this.#process = process;
    const cancelTimeout = processClock.setTimer(START_TIMEOUT_MS, () => {
      logger.error('An executor process did not come up in time and is ended', { pid: process.pid, timeoutMs: START_TIMEOUT_MS });
      this.#timeoutsInARow += 1;
      void process.kill();
    });
    process.configure(Math.max(1, this.#threads), maxPooledModules);
    const exited = process.gone.then((how) => {
      this.#events.changed();
      return { ok: false, error: how };
    });
    return { exited, stop: async () => void (await process.kill()) };
  }

  /** A machine without memory or processes refuses at once: that counts as a process that ended, and is tried again. */
  #notForked(error: unknown): RunningChild {
    this.#becomeLost();
    const exited = Promise.resolve().then(() => {
      this.#events.changed();
      return { ok: false, error };
    });
    return { exited, stop: async () => {} };
  }

  #becomeReady(): void {
    this.#state = 'ready';
    this.#timeoutsInARow = 0;
    this.#isCrashing = false;
    this.#events.changed();
  }

  #becomeLost(): void {
    this.#process = undefined;
    this.#stats = undefined;
    if (this.#state !== 'ending') this.#state = 'lost';
  }

  #endIfDrained(): void {
    if (this.#threads > 0 || this.#busy > 0 || this.#supervisor === undefined || this.#state === 'ending') return;
    this.#state = 'ending';
    void this.#end(this.#supervisor).then(() => {
      this.#supervisor = undefined;
      this.#ended = undefined;
      this.#state = 'empty';
      this.#endsInARow = 0;
      this.#timeoutsInARow = 0;
      this.#isCrashing = false;
      this.#events.changed();
    });
  }

  /** A process that does not end is told of, once, and left behind. */
  #end(supervisor: Supervisor): Promise<void> {
    this.#ended ??= supervisor.stop().then((problems) => {
      const { logger } = this.#options;
      const pid = this.#process?.pid;
      for (const { error } of problems) logger.error(`An executor process was not ended: ${messageOf(error)}`, { pid });
    });
    return this.#ended;
  }
}
