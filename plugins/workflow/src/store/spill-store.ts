import { Worker } from 'node:worker_threads';
import { assertStorePath, BellowsError, type IPersistentBackingStore, NotReadyError } from '@bellows/sdk';
import type { SpillAnswer, SpillRequest, SpillThreadData, SpillValue } from './spill-protocol.js';

export interface SpillStoreOptions {
  /** How large the file may grow; null or left out is as large as the disk. */
  readonly maxBytes?: number | null;
  /** The built program of the thread; tests that run from the sources name it. */
  readonly threadEntry?: URL;
}

/**
 * The SDK's SQLite store with large pages, in a thread of its own, for values too large to be written on the event loop.
 * The thread starts with the first call, keeps no idle process alive, and is started anew by the next call when it died;
 * calls under way then reject with `STORE_UNREACHABLE`. The folder of the file must be there.
 */
export class SpillStore implements IPersistentBackingStore, AsyncDisposable {
  readonly #file: string;
  readonly #entry: URL;
  readonly #data: SpillThreadData;
  readonly #calls = new Map<number, Call>();
  #worker: Worker | undefined;
  #lastId = 0;
  #closing: Promise<void> | undefined;

  constructor(file: string, { maxBytes = null, threadEntry = THREAD_ENTRY }: SpillStoreOptions = {}) {
    this.#file = file;
    this.#entry = threadEntry;
    this.#data = { file, maxBytes };
  }

  async write(path: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    // one copy, because the caller may go on using its array; the copy is handed over as it is
    const copy = new Uint8Array(data);
    await this.#call((id) => ({ type: 'write', id, path, data: copy }), signal, [copy.buffer]);
  }

  async read(path: string, signal?: AbortSignal): Promise<Uint8Array | null> {
    this.#check(path, signal);
    return (await this.#call((id) => ({ type: 'read', id, path }), signal)) as Uint8Array | null;
  }

  async delete(path: string, signal?: AbortSignal): Promise<void> {
    this.#check(path, signal);
    await this.#call((id) => ({ type: 'delete', id, path }), signal);
  }

  async exists(path: string, signal?: AbortSignal): Promise<boolean> {
    this.#check(path, signal);
    return (await this.#call((id) => ({ type: 'exists', id, path }), signal)) as boolean;
  }

  async list(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    this.#check(null, signal);
    return (await this.#call((id) => ({ type: 'list', id, path: prefix }), signal)) as readonly string[];
  }

  /** Commits what is under way, then ends the thread. Twice is fine; every other call afterwards rejects with `STORE_CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(path: string | null, signal: AbortSignal | undefined): void {
    if (path !== null) assertStorePath(path);
    signal?.throwIfAborted();
    if (this.#closing === undefined) return;
    throw new NotReadyError('STORE_CLOSED', `The store ${this.#file} is closed: use it only between start and stop`);
  }

  #call(request: (id: number) => SpillRequest, signal?: AbortSignal, transfer: readonly ArrayBuffer[] = []): Promise<SpillValue> {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#startWorker());
      const onAbort = () => {
        worker.postMessage({ type: 'abort', id } satisfies SpillRequest);
        this.#take(id)?.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#calls.set(id, { worker, resolve, reject, settled: () => signal?.removeEventListener('abort', onAbort) });
      worker.ref();
      worker.postMessage(request(id), transfer);
    });
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#entry, { workerData: this.#data, name: 'bellows-spill' });
    worker.on('message', (answer: SpillAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker, undefined));
    return worker;
  }

  #settle(answer: SpillAnswer): void {
    // none where the call was aborted meanwhile
    const call = this.#take(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(new BellowsError(answer.error.kind, answer.error.code, answer.error.message, { status: answer.error.status }));
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.settled();
    // while it is closed the process must live until the thread has ended
    if (this.#calls.size === 0 && this.#closing === undefined) this.#worker?.unref();
    return call;
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const [id, call] of [...this.#calls]) {
      if (call.worker !== worker) continue;
      const message = `The thread of the store ${this.#file} ended: try again, what was not acknowledged may or may not be stored`;
      this.#take(id)?.reject(new NotReadyError('STORE_UNREACHABLE', message, cause === undefined ? {} : { cause }));
    }
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.ref();
    worker.postMessage({ type: 'close' } satisfies SpillRequest);
    await ended;
  }
}

const THREAD_ENTRY = new URL('./spill-thread.js', import.meta.url);

interface Call {
  readonly worker: Worker;
  resolve(value: SpillValue): void;
  reject(reason: unknown): void;
  /** Stops listening for an abort. */
  settled(): void;
}
