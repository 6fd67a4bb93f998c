import { Worker } from 'node:worker_threads';
import { BellowsError, NotReadyError } from '../errors.js';
import type { SqliteFileOptions } from './sqlite-file.js';
import type { Change, ChangeResult, StreamHead, WriterAnswer, WriterData, WriterRequest, WriterValue } from './sqlite-protocol.js';

/**
 * The thread that writes a store: everything that waits for the disk, and large values, happen there. It starts with the first call, keeps no
 * idle process alive, and is started anew by the next call when it ended; calls it had under way then reject with `STORE_WRITER_LOST`.
 *
 * All changes that wait while a commit is under way share the next one, because the sync to disk is what costs.
 */
export class SqliteWriter {
  readonly #file: string;
  readonly #options: SqliteFileOptions;
  readonly #pending = new Set<PendingChange>();
  readonly #calls = new Map<number, Call>();
  #worker: Worker | undefined;
  #lastId = 0;
  #isCommitting = false;
  #onIdle: (() => void) | undefined;

  constructor(file: string, options: SqliteFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Resolves when it is durable, with the stream it replaced. A signal that aborts before its commit began takes it back at once. */
  change(change: Change, signal?: AbortSignal): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#pending.delete(pending);
        reject(signal?.reason);
        this.#tellIdle();
      };
      const pending: PendingChange = { change, resolve, reject, begun: () => signal?.removeEventListener('abort', onAbort) };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.add(pending);
      // at the end of this turn: what else is changed in it shares the commit
      if (this.#pending.size === 1 && !this.#isCommitting) setImmediate(() => this.#commitPending());
    });
  }

  /** A value as one array. */
  async whole(head: StreamHead): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#call((id) => ({ type: 'value', id, ...head }))) as Uint8Array<ArrayBuffer>;
  }

  async piece(stream: number, seq: number): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#call((id) => ({ type: 'piece', id, stream, seq }))) as Uint8Array<ArrayBuffer>;
  }

  /** Opens the file in the thread, which brings one of an earlier version to this one. */
  async open(): Promise<void> {
    await this.#call((id) => ({ type: 'open', id }));
  }

  /** Resolves when all that was asked for before is answered. To be called once. */
  async idle(): Promise<void> {
    this.#commitPending();
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#tellIdle();
    });
  }

  /** Resolves when the thread has closed the file and ended. To be called last. */
  async end(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    // the process must live until then
    worker.ref();
    worker.postMessage({ type: 'close' } satisfies WriterRequest);
    await ended;
  }

  #commitPending(): void {
    if (this.#isCommitting || this.#pending.size === 0) return;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const each of pending) each.begun();
    const changes = pending.map(({ change }) => change);
    // the arrays were made for this: they are handed over without another copy
    const owned = changes.flatMap((change) => ('data' in change ? [change.data.buffer] : []));
    this.#isCommitting = true;
    this.#call((id) => ({ type: 'commit', id, changes }), owned)
      .then(
        (results) => settle(pending, results as readonly ChangeResult[]),
        (error: unknown) => {
          for (const each of pending) each.reject(error);
        },
      )
      .finally(() => {
        this.#isCommitting = false;
        this.#commitPending();
        this.#tellIdle();
      });
  }

  #call(request: (id: number) => WriterRequest, transfer: readonly ArrayBuffer[] = []): Promise<WriterValue> {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#startWorker());
      this.#calls.set(id, { worker, resolve, reject });
      worker.ref();
      worker.postMessage(request(id), transfer);
    });
  }

  #startWorker(): Worker {
    const { busyTimeoutMs, maxBytes, streamsInUse } = this.#options;
    const workerData: WriterData = { file: this.#file, busyTimeoutMs, maxBytes, keep: streamsInUse() };
    // named in package.json, because this code is bundled into a file of another folder; and always the built one, also for tests of the sources
    const worker = new Worker(new URL(import.meta.resolve('#sqlite-thread')), {
      workerData,
      name: 'bellows-store',
      // flags of the process may forbid a program that is a file, such as `--input-type`
      execArgv: [],
    });
    worker.on('message', (answer: WriterAnswer) => this.#answer(answer));
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker, undefined));
    return worker;
  }

  #answer(answer: WriterAnswer): void {
    const call = this.#take(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(revived(answer.error));
  }

  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (this.#calls.size === 0) this.#worker?.unref();
    this.#tellIdle();
    return call;
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) this.#worker = undefined;
    for (const [id, call] of [...this.#calls]) {
      if (call.worker !== worker) continue;
      const message = `The thread that writes the store ${this.#file} ended: try again, what was not acknowledged may or may not be stored`;
      this.#take(id)?.reject(new NotReadyError('STORE_WRITER_LOST', message, cause === undefined ? {} : { cause }));
    }
  }

  #tellIdle(): void {
    if (this.#calls.size === 0 && this.#pending.size === 0 && !this.#isCommitting) this.#onIdle?.();
  }
}

interface PendingChange {
  readonly change: Change;
  readonly resolve: (replaced: number | null) => void;
  readonly reject: (reason: unknown) => void;
  /** It can no longer be taken back. */
  readonly begun: () => void;
}

interface Call {
  readonly worker: Worker;
  readonly resolve: (value: WriterValue) => void;
  readonly reject: (reason: unknown) => void;
}

function settle(pending: readonly PendingChange[], results: readonly ChangeResult[]): void {
  for (const [index, result] of results.entries()) {
    if (result.ok) pending[index]?.resolve(result.replaced);
    else pending[index]?.reject(revived(result.error));
  }
}

function revived({ kind, code, message, status }: Extract<WriterAnswer, { ok: false }>['error']): BellowsError {
  return new BellowsError(kind, code, message, { status });
}
