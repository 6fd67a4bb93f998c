import { type BellowsError, type CancelTimer, CrashLog, deadlineText, type IClock, type ILogger, type IRandom } from '@bellows/sdk';
import { computeError } from './errors.js';
import type { AnswerMessage, StatsMessage } from './executor/protocol.js';
import type { ExecutorWork, WorkAnswer } from './executor-process.js';
import { ExecutorSlot } from './executor-slot.js';

/** What an executor may be late beyond a deadline before it is ended: ending a thread takes some ms, under load longer. */
const ANSWER_GRACE_MS = 2_000;

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
  /** Told when work begins to be refused because no process stays up, with what it hears, and with undefined when one does again. */
  readonly onFailing?: (error: BellowsError | undefined) => void;
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
 * While none of them stays up, work is refused at once, and they are tried all the same.
 */
export class ExecutorPool {
  readonly #options: ExecutorPoolOptions;
  readonly #slots: readonly ExecutorSlot[];
  readonly #losses: CrashLog;
  #waiting: Waiting[] = [];
  #limit = 0;
  #isFailing = false;
  #stopped = false;

  constructor(options: ExecutorPoolOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#losses = new CrashLog({ clock, logger });
    const events = {
      lost: (how: string) => this.#losses.write('', 'An executor process ended unexpectedly and is replaced', { how }),
      changed: () => this.#next(),
    };
    this.#slots = Array.from({ length: options.maxExecutors }, () => new ExecutorSlot(options, events));
  }

  /** How many calls may run at once over all executors. Lowering ends idle threads and processes, never running work. */
  setLimit(limit: number): void {
    if (limit === this.#limit || this.#stopped) return;
    this.#limit = limit;
    const processes = Math.min(this.#slots.length, limit);
    this.#slots.forEach((slot, index) => {
      const threads = index < processes ? Math.floor(limit / processes) + (index < limit % processes ? 1 : 0) : 0;
      slot.setThreads(threads);
    });
    this.#next();
  }

  /**
   * Resolves with what the executor answered. Rejects with `DEADLINE_EXCEEDED`, `EXECUTOR_LOST`, `EXECUTORS_FAILING`,
   * `COMPUTE_STOPPING`, or with the reason of `signal`; then the work has ended or its thread has.
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
    for (const slot of this.#slots) slot.process?.trim();
  }

  /**
   * To be called every second or so: ends executors that have work and say nothing. Without it the work would wait for
   * its deadline, which may be hours away; with it, it hears `EXECUTOR_LOST`.
   */
  endSilent(): void {
    for (const slot of this.#slots) slot.endIfSilent();
  }

  /** While true, work is refused at once: none of the processes stays up. */
  get isFailing(): boolean {
    return this.#isFailing;
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
      lost: this.#slots.reduce((sum, { losses }) => sum + losses, 0),
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
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    this.#losses.flush();
  }

  #next(): void {
    if (this.#stopped) return;
    while (this.#waiting.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) break;
      this.#dispatch(slot, this.#waiting.shift() as Waiting);
    }
    this.#startOthers();
    this.#refuseWhileFailing();
  }

  /** The one with most threads free; of equals the first, whose pools are the warmest. */
  #freeSlot(): ExecutorSlot | undefined {
    let best: ExecutorSlot | undefined;
    for (const slot of this.#slots) if (slot.free > (best?.free ?? 0)) best = slot;
    return best;
  }

  /** As many as the waiting work can use beside those that are starting. */
  #startOthers(): void {
    let coming = this.#slots.reduce((sum, slot) => sum + (slot.state === 'starting' ? slot.threads : 0), 0);
    for (const slot of this.#slots) {
      if (coming >= this.#waiting.length) return;
      if (slot.state !== 'empty' || slot.threads === 0) continue;
      slot.start();
      coming += slot.threads;
    }
  }

  #refuseWhileFailing(): void {
    const wasFailing = this.#isFailing;
    this.#isFailing = this.#noneStaysUp();
    if (this.#isFailing !== wasFailing) this.#options.onFailing?.(this.#isFailing ? failing(this.#lastEnd) : undefined);
    if (!this.#isFailing) return;
    for (const entry of this.#waiting.splice(0)) {
      entry.leave();
      entry.reject(failing(this.#lastEnd));
    }
  }

  /** Of those that may run. */
  #noneStaysUp(): boolean {
    let isMeant = false;
    for (const { threads, isFailing } of this.#slots) {
      if (threads > 0 && !isFailing) return false;
      isMeant ||= threads > 0;
    }
    return isMeant;
  }

  get #lastEnd(): string {
    return this.#slots.map(({ lastEnd }) => lastEnd).find((how) => how !== '') ?? '';
  }

  #dispatch(slot: ExecutorSlot, entry: Waiting): void {
    entry.leave();
    const { signal, deadlineAt } = entry;
    const process = slot.take();
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
      if (signal?.aborted) entry.reject(signal.reason);
      else if (answer !== 'lost') entry.resolve(answer);
      else entry.reject(overdue ? late('its executor did not answer either') : this.#stopped ? endedByStop() : lost());
      slot.giveBack({ isAnswered: answer !== 'lost' });
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
  );
}

function failing(how: string) {
  return computeError(
    'EXECUTORS_FAILING',
    `No executor process stays up; the last ended with ${how}: free memory or processes of this machine, and see the log of the host`,
    { retryAfterMs: 1_000 },
  );
}

/** As `lost`, without retryAfterMs: that would tell a caller that the guest has not run. */
function endedByStop() {
  return computeError('COMPUTE_STOPPING', 'Compute was stopped while the call ran: it is safe to repeat if running it twice does no harm');
}

function stopping() {
  return computeError('COMPUTE_STOPPING', 'Compute is being stopped: call again when the host is ready', { retryAfterMs: 1_000 });
}
