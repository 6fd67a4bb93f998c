import { MalformedModule } from '../modules/byte-reader.js';
import { LimitsTooSmall } from '../modules/clamp-module-limits.js';
import { UnsupportedFeature } from '../modules/read-module.js';
import { ExecutorThread } from './executor-thread.js';
import { compile, keyOf, ModuleCache } from './module-cache.js';
import type { CallMessage, CheckMessage, Fault, FromExecutor, GuestCall, ModuleRef, Outcome, ToExecutor } from './protocol.js';

/** A start function that hangs must not hold a thread: making an instance ahead of time may take this long. */
const REFILL_DEADLINE_MS = 1_000;
/** setTimeout takes at most 2^31 - 1 ms and fires at once for more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The executor process: keeps threads, gives each idle one a call, ends those that take too long. It never runs a
 * guest itself, so it always answers. Times are the machine's: this side has no injected clock, its tests run the
 * real process.
 */
export class Executor {
  readonly #send: (message: FromExecutor) => void;
  readonly #modules = new ModuleCache((key) => this.#dropModule(key));
  readonly #threads = new Set<ExecutorThread>();
  readonly #queue: Job[] = [];
  /** Everything that was not answered yet. */
  readonly #jobs = new Map<number, Pick<Job, 'stop'>>();
  /** How many instances each module wants ready on each thread: rises with its calls up to its pool size. */
  readonly #wanted = new Map<string, number>();
  #maxThreads = 1;

  constructor(send: (message: FromExecutor) => void) {
    this.#send = send;
  }

  handle(message: ToExecutor): void {
    if (message.type === 'configure') {
      this.#maxThreads = message.threads;
      this.#modules.capacity = message.maxPooledModules;
      this.#next();
    } else if (message.type === 'call') this.#accept(message);
    else if (message.type === 'check') this.#check(message);
    else if (message.type === 'cancel') this.#jobs.get(message.id)?.stop({ code: 'CANCELLED', message: 'the caller went away' });
    else this.#trim();
  }

  /** Whether anything was not answered yet. */
  get busy(): boolean {
    return this.#jobs.size > 0;
  }

  stats(): FromExecutor {
    const warm: Record<string, number> = {};
    for (const thread of this.#threads) {
      for (const [key, count] of thread.warm) {
        const hash = key.slice(0, key.indexOf(':'));
        warm[hash] = (warm[hash] ?? 0) + count;
      }
    }
    return { type: 'stats', rssBytes: process.memoryUsage.rss(), threads: this.#threads.size, warm };
  }

  #accept(message: CallMessage): void {
    const job: Job = { module: message.module, call: message.call, compiled: undefined, thread: undefined, stop: () => {} };
    const startedAt = performance.now();
    const timer = setTimeout(() => job.stop(DEADLINE), Math.min(message.deadlineMs, MAX_TIMER_MS));
    const finish = (outcome: Outcome) => {
      if (!this.#jobs.delete(message.id)) return;
      clearTimeout(timer);
      this.#send({ type: 'answer', id: message.id, outcome, durationMs: performance.now() - startedAt });
    };
    job.finish = finish;
    job.stop = (fault) => {
      const queued = this.#queue.indexOf(job);
      if (queued >= 0) this.#queue.splice(queued, 1);
      if (job.thread !== undefined) job.thread.end(fault);
      finish({ ok: false, fault });
    };
    this.#jobs.set(message.id, job);
    this.#modules.load(message.module).then(
      (compiled) => {
        if (!this.#jobs.has(message.id)) return;
        job.compiled = compiled;
        this.#queue.push(job);
        this.#next();
      },
      (error: unknown) => finish({ ok: false, fault: compileFault(error) }),
    );
  }

  #check(message: CheckMessage): void {
    const startedAt = performance.now();
    const answer = (outcome: Outcome | null) => {
      if (!this.#jobs.delete(message.id)) return;
      clearTimeout(timer);
      this.#send({ type: 'answer', id: message.id, outcome, durationMs: performance.now() - startedAt });
    };
    const timer = setTimeout(() => answer({ ok: false, fault: DEADLINE }), Math.min(message.deadlineMs, MAX_TIMER_MS));
    this.#jobs.set(message.id, { stop: (fault) => answer({ ok: false, fault }) });
    compile(message.module).then(
      () => answer(null),
      (error: unknown) => answer({ ok: false, fault: compileFault(error) }),
    );
  }

  /** Ends idle threads that are too many, then starts what can start: on an idle thread or on a new one. */
  #next(): void {
    let surplus = this.#surplus;
    for (const thread of this.#threads) {
      if (surplus <= 0) break;
      if (!thread.idle) continue;
      thread.end(NOT_NEEDED);
      surplus -= 1;
    }
    while (this.#queue.length > 0) {
      const job = this.#queue[0] as Job;
      const thread = this.#idleThread(keyOf(job.module)) ?? this.#newThread();
      if (thread === undefined) break;
      this.#queue.shift();
      this.#run(thread, job);
    }
  }

  #idleThread(key: string): ExecutorThread | undefined {
    if (this.#surplus > 0) return undefined;
    let idle: ExecutorThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.idle) continue;
      if ((thread.warm.get(key) ?? 0) > 0) return thread;
      idle ??= thread;
    }
    return idle;
  }

  get #surplus(): number {
    let live = 0;
    for (const thread of this.#threads) if (!thread.ended) live += 1;
    return live - this.#maxThreads;
  }

  /** Those that are being ended count until they are gone: a guest deep in one long instruction still has its core. */
  #newThread(): ExecutorThread | undefined {
    if (this.#threads.size >= this.#maxThreads) return undefined;
    const thread = new ExecutorThread((ended) => {
      this.#threads.delete(ended);
      this.#next();
    });
    this.#threads.add(thread);
    return thread;
  }

  #run(thread: ExecutorThread, job: Job): void {
    const key = keyOf(job.module);
    job.thread = thread;
    thread.load(key, job.compiled as WebAssembly.Module);
    thread.work({ type: 'run', key, call: job.call }, (answer) => {
      job.thread = undefined;
      if (answer.type === 'lost') job.finish?.({ ok: false, fault: answer.fault });
      else if (answer.type === 'ran') {
        job.finish?.(answer.outcome);
        this.#refillLater(thread, job.module, answer.outcome.ok);
      }
      this.#next();
    });
  }

  /**
   * Off the hot path: only once the thread would otherwise be idle, a millisecond at a time, under a deadline. It begins
   * when half are used up, because a message to a thread costs more than a small instance.
   */
  #refillLater(thread: ExecutorThread, module: ModuleRef, ok: boolean): void {
    const key = keyOf(module);
    // pushed out while the call ran: nobody else would ever tell the threads
    if (!this.#modules.has(key)) {
      this.#dropModule(key);
      return;
    }
    if (ok) this.#wanted.set(key, Math.min(module.maxPoolSize, (this.#wanted.get(key) ?? 0) + 1));
    const warm = thread.warm.get(key) ?? 0;
    if (warm * 2 <= (this.#wanted.get(key) ?? 0)) setImmediate(() => this.#refill(thread, key));
  }

  #refill(thread: ExecutorThread, key: string): void {
    const size = this.#wanted.get(key) ?? 0;
    const enough = (thread.warm.get(key) ?? 0) >= size;
    if (enough || !thread.idle || !thread.loaded.has(key) || this.#queue.length > 0) return;
    const timer = setTimeout(() => {
      this.#wanted.delete(key);
      thread.end(DEADLINE);
    }, REFILL_DEADLINE_MS);
    thread.work({ type: 'refill', key, size }, (answer) => {
      clearTimeout(timer);
      if (answer.type === 'refilled' && answer.ok) setImmediate(() => this.#refill(thread, key));
      else this.#wanted.delete(key);
      this.#next();
    });
  }

  #trim(): void {
    this.#wanted.clear();
    for (const thread of this.#threads) for (const key of thread.loaded) thread.drop(key);
  }

  #dropModule(key: string): void {
    this.#wanted.delete(key);
    for (const thread of this.#threads) thread.drop(key);
  }
}

const NOT_NEEDED: Fault = Object.freeze({ code: 'EXECUTOR_LOST', message: 'the thread was not needed any more' });
const DEADLINE: Fault = Object.freeze({ code: 'DEADLINE_EXCEEDED', message: 'the time given was used up' });

interface Job {
  readonly module: ModuleRef;
  readonly call: GuestCall;
  compiled: WebAssembly.Module | undefined;
  thread: ExecutorThread | undefined;
  stop: (fault: Fault) => void;
  finish?: (outcome: Outcome) => void;
}

function compileFault(error: unknown): Fault {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return { code: 'MODULE_FILE_MISSING', phase: 'compile', message };
  if (error instanceof LimitsTooSmall) return { code: 'MEMORY_LIMIT', phase: 'compile', message };
  // it was whole when it was put
  if (error instanceof MalformedModule || error instanceof UnsupportedFeature) {
    return { code: 'MODULE_INVALID', phase: 'compile', message: `the file of the module is damaged: ${message}` };
  }
  if (error instanceof WebAssembly.CompileError) return { code: 'MODULE_INVALID', phase: 'compile', message };
  return { code: 'EXECUTOR_BROKEN', phase: 'compile', message };
}
