import { Worker } from 'node:worker_threads';
import type { Fault } from './protocol.js';
import type { FromThread, ToThread } from './thread-protocol.js';

/** Tells how a piece of work on a thread ended: with its answer, or with the thread. */
export type ThreadAnswer = FromThread | { readonly type: 'lost'; readonly fault: Fault };

/**
 * The heap of one thread, MiB. Guests have memory of their own; the heap holds only what a call carries in and out.
 */
const MAX_HEAP_MB = 256;

/** One worker thread and the one piece of work it may have. */
export class ExecutorThread {
  readonly #worker: Worker;
  /** Modules this thread was given. */
  readonly loaded = new Set<string>();
  /** Instances ready by module. */
  readonly warm = new Map<string, number>();
  #answer: ((answer: ThreadAnswer) => void) | undefined;
  #ended = false;

  constructor(onEnded: (thread: ExecutorThread) => void) {
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      // No execArgv, not even an empty one: a thread with flags of its own is free of the permissions of its process.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#worker.on('message', (message: FromThread) => this.#settle(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      this.#ended = true;
      this.#lose(lossOf(error));
    });
    this.#worker.on('exit', () => {
      this.#ended = true;
      this.#lose({ code: 'EXECUTOR_LOST', message: 'the executor thread ended' });
      onEnded(this);
    });
  }

  get idle(): boolean {
    return this.#answer === undefined && !this.#ended;
  }

  /** Takes no more work; until `onEnded` was called it may still be busy with the last. */
  get ended(): boolean {
    return this.#ended;
  }

  load(key: string, module: WebAssembly.Module): void {
    if (this.loaded.has(key)) return;
    this.loaded.add(key);
    this.#post({ type: 'load', key, module });
  }

  drop(key: string): void {
    if (!this.loaded.delete(key)) return;
    this.warm.delete(key);
    this.#post({ type: 'drop', key });
  }

  /** Only while idle. Answers exactly once, also when the thread ends. */
  work(message: Extract<ToThread, { type: 'run' | 'refill' }>, answer: (answer: ThreadAnswer) => void): void {
    this.#answer = (given) => {
      // dropped meanwhile: the thread counted before it heard of that
      if (given.type !== 'lost' && this.loaded.has(message.key)) this.warm.set(message.key, given.warm);
      answer(given);
    };
    this.#post(message);
  }

  /** Ends the thread wherever its guest is (about 2 ms, longer within one large `memory.fill`); running work is answered with `fault` at once. */
  end(fault: Fault): void {
    this.#ended = true;
    this.#lose(fault);
    void this.#worker.terminate();
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #lose(fault: Fault): void {
    this.#settle({ type: 'lost', fault });
  }

  #settle(given: ThreadAnswer): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(given);
  }
}

function lossOf(error: NodeJS.ErrnoException): Fault {
  if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { code: 'MEMORY_LIMIT', message: 'the call used up the heap of its executor thread' };
  }
  return { code: 'EXECUTOR_LOST', message: `the executor thread failed: ${error.message}` };
}
