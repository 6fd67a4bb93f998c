import type { ScalingDecision } from '@bellows/sdk';
import type { HostStatus } from '../../../src/host-view.js';
import { backOffMs } from '../state/back-off.js';
import { decisionOf, hostEventOf, TOPICS } from '../state/host-event.js';
import type { ConnectionPhase } from '../state/host-state.js';
import { isOtherRun } from '../state/reduce.js';
import { SseParser, type StreamBlock } from '../state/sse-parser.js';
import { type HostRequests, RequestFailure } from './host-requests.js';
import type { Store } from './store.js';

/** The host says something every 15 s; twice that and more is a connection that is dead and does not know it. */
const SILENCE_MS = 40_000;
/** A status takes milliseconds. */
const ANSWER_MS = 10_000;
/** Whoever opens the page's link in another tab is let in here, too. */
const LOCKED_RETRY_MS = 3_000;
/** What fits on the page of decisions. */
const FIRST_DECISIONS = 300;

export interface Timers {
  now(): number;
  /** Answers how to end it. */
  after(delayMs: number, callback: () => void): () => void;
  random(): number;
}

export interface LiveConnectionOptions {
  readonly store: Store;
  readonly requests: HostRequests;
  readonly timers: Timers;
}

/**
 * Keeps the store like the host: the status, then every event as it comes, from the last one that is known. What breaks is tried again,
 * ever more slowly. A host that was started again is another run, of which nothing old holds.
 */
export class LiveConnection {
  readonly #options: LiveConnectionOptions;
  #abort: AbortController | undefined;
  #attempt = 0;
  #wake: (() => void) | undefined;
  #isStopped = false;
  #isPaused = false;

  constructor(options: LiveConnectionOptions) {
    this.#options = options;
  }

  /** Goes on until `stop`. Never rejects. Call it once. */
  async run(): Promise<void> {
    this.#phase('connecting');
    while (!this.#isStopped) {
      if (this.#isPaused) {
        await this.#pause(null);
        continue;
      }
      const abort = new AbortController();
      this.#abort = abort;
      try {
        await this.#follow(abort);
        await this.#lose('The host has closed the connection.');
      } catch (error) {
        if (!this.#isStopped && !this.#isPaused) await this.#recover(error);
      } finally {
        abort.abort();
      }
    }
  }

  /** At once, instead of when it is due. */
  retryNow(): void {
    this.#wake?.();
  }

  /** Holds no connection until `resume`. Twice is fine. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#phase('connecting');
    this.#abort?.abort();
    this.#wake?.();
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.#abort?.abort();
    this.#wake?.();
  }

  async #follow(abort: AbortController): Promise<void> {
    const { store, requests } = this.#options;
    const before = await this.#status(abort);
    // ids of another run count from the beginning: going on after ours would leave out what they have
    const afterId = isOtherRun(store.state, before) ? undefined : store.state.lastEventId;
    store.dispatch({ type: 'status', status: before });
    const stream = await within(this.#options.timers, abort, () => requests.events(TOPICS, afterId, abort.signal));
    // what happened between the status and the stream
    store.dispatch({ type: 'status', status: await this.#status(abort) });
    await this.#loadDecisions(abort);
    this.#attempt = 0;
    this.#phase('live');
    await this.#read(stream, abort);
  }

  async #read(stream: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await within(this.#options.timers, abort, () => reader.read(), SILENCE_MS);
      if (done) return;
      const tooLarge = parser.tooLarge;
      for (const block of parser.push(decoder.decode(value, { stream: true }))) this.#take(block, abort);
      this.#options.store.dispatch({ type: 'unreadable', count: parser.tooLarge - tooLarge });
    }
  }

  #take(block: StreamBlock, abort: AbortController): void {
    const { store } = this.#options;
    if (block.event === 'gap') {
      store.dispatch({ type: 'gap' });
      void this.#catchUp(abort, true);
      return;
    }
    const event = hostEventOf(block);
    if (event === undefined) {
      store.dispatch({ type: 'unreadable', count: 1 });
      return;
    }
    store.dispatch({ type: 'event', event });
    // whether the host is ready, and what binds each subsystem, is in the status alone
    if (event.topic === 'status') void this.#catchUp(abort, false);
  }

  /** What was missed, as far as it can be asked for; when that fails, so will the stream. */
  async #catchUp(abort: AbortController, withDecisions: boolean): Promise<void> {
    try {
      this.#options.store.dispatch({ type: 'status', status: await this.#status(abort) });
      if (withDecisions) await this.#loadDecisions(abort);
    } catch {
      // the next status says it
    }
  }

  #status(abort: AbortController): Promise<HostStatus> {
    return within(this.#options.timers, abort, () => this.#options.requests.get<HostStatus>('/v1/status', abort.signal));
  }

  async #loadDecisions(abort: AbortController): Promise<void> {
    const { requests, store, timers } = this.#options;
    const path = `/v1/decisions?limit=${FIRST_DECISIONS}`;
    const answer = await within(timers, abort, () => requests.get<{ decisions: readonly ScalingDecision[] }>(path, abort.signal));
    store.dispatch({ type: 'decisions', decisions: answer.decisions.flatMap((given) => decisionOf(given) ?? []) });
  }

  async #recover(error: unknown): Promise<void> {
    const status = error instanceof RequestFailure ? error.status : 0;
    if (status !== 401 && status !== 403) return this.#lose(error instanceof RequestFailure ? error.message : 'The host does not answer.');
    this.#phase('locked', { message: (error as RequestFailure).message });
    await this.#pause(LOCKED_RETRY_MS);
  }

  async #lose(message: string): Promise<void> {
    if (this.#isStopped || this.#isPaused) return;
    this.#attempt += 1;
    const { timers } = this.#options;
    const delayMs = backOffMs(this.#attempt, timers.random());
    this.#phase('lost', { message, retryAt: timers.now() + delayMs });
    await this.#pause(delayMs);
  }

  /** Until it is woken, at the latest after this; null: only then. */
  #pause(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const cancel = delayMs === null ? () => {} : this.#options.timers.after(delayMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        cancel();
        resolve();
      };
    });
  }

  #phase(phase: ConnectionPhase, more: { readonly message?: string; readonly retryAt?: number } = {}): void {
    const { store, timers } = this.#options;
    const { connection } = store.state;
    const since = connection.phase === phase ? connection.since : timers.now();
    store.dispatch({ type: 'connection', connection: { phase, since, ...more } });
  }
}

/** Gives up all of the connection when this part of it takes too long. */
async function within<T>(timers: Timers, abort: AbortController, work: () => Promise<T>, limitMs = ANSWER_MS): Promise<T> {
  const silent = Promise.withResolvers<never>();
  const cancel = timers.after(limitMs, () => {
    abort.abort();
    silent.reject(new RequestFailure(0, 'SILENT', 'The host has stopped answering.'));
  });
  try {
    return await Promise.race([work(), silent.promise]);
  } finally {
    cancel();
  }
}
