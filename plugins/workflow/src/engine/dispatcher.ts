import type { IClock } from '@bellows/sdk';
import type { LiveRun } from './live-run.js';
import type { ReadyQueue, ReadyStage } from './ready-queue.js';

/** Where slots come from; see `PipelineScalingManager`. */
export interface TransactionSlots {
  tryAcquireTransactionSlot(): boolean;
  /** False when the time was up first. Never rejects. */
  acquireTransactionSlot(): Promise<boolean>;
  releaseTransactionSlot(): void;
  recordWait(waitedMs: number, nowMs: number): void;
}

export interface DispatcherOptions {
  readonly queue: ReadyQueue;
  readonly slots: TransactionSlots;
  readonly clock: Pick<IClock, 'monotonicMs'>;
  /** Answers that are not durable yet fill the memory: nothing begins until {@link Dispatcher.eased} finds it otherwise. */
  isFull(): boolean;
  /** Executes with the slot that was taken for it, and gives that back when it has ended. Must not throw. */
  execute(ready: ReadyStage): void;
}

/** So many stages begin before the event loop goes round: their results then share commits, and nobody else waits long. */
const BATCH = 512;

/** Brings ready stages and free slots together, in the order of the queue. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #isPlanned = false;
  #waitsForSlot = false;
  #isStopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  push(run: LiveRun, stage: number): void {
    const { queue, clock } = this.#options;
    queue.push({ run, stage, sinceMs: clock.monotonicMs() });
    this.#plan();
  }

  /** Looks again. */
  eased(): void {
    if (this.#options.queue.length > 0) this.#plan();
  }

  /** Nothing begins any more; what waits stays in the queue. */
  stop(): void {
    this.#isStopped = true;
  }

  get #mayBegin(): boolean {
    return !this.#isStopped && !this.#options.isFull();
  }

  #plan(): void {
    if (this.#isPlanned || this.#waitsForSlot) return;
    this.#isPlanned = true;
    // not at once: the caller is in the middle of something, often of the answers of one commit
    queueMicrotask(() => this.#dispatch());
  }

  #dispatch(): void {
    this.#isPlanned = false;
    const { queue, slots } = this.#options;
    for (let count = 0; queue.length > 0 && this.#mayBegin; count += 1) {
      if (count === BATCH) {
        this.#isPlanned = true;
        setImmediate(() => this.#dispatch());
        return;
      }
      if (!slots.tryAcquireTransactionSlot()) {
        this.#waitForSlot();
        return;
      }
      this.#begin();
    }
  }

  /** One wait for all: whoever is at the head of the queue then goes first. */
  #waitForSlot(): void {
    this.#waitsForSlot = true;
    this.#options.slots.acquireTransactionSlot().then((isOurs) => {
      this.#waitsForSlot = false;
      if (isOurs) this.#begin();
      this.#dispatch();
    });
  }

  #begin(): void {
    const { queue, slots, clock, execute } = this.#options;
    const ready = this.#mayBegin ? queue.shift() : undefined;
    if (ready === undefined) {
      slots.releaseTransactionSlot();
      return;
    }
    const nowMs = clock.monotonicMs();
    slots.recordWait(nowMs - ready.sinceMs, nowMs);
    execute(ready);
  }
}
