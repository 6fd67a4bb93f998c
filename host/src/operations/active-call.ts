import {
  type BellowsError,
  type CallAuthority,
  type CallOptions,
  CancelledError,
  CRITICALITIES,
  type Criticality,
  FULL_AUTHORITY,
  isBellowsError,
  type OperationCall,
} from '@bellows/sdk';
import type { CallSpan } from './operation-tracing.js';

export interface ActiveCallOptions {
  readonly operation: string;
  readonly options: CallOptions;
  /** On `IClock.monotonicMs`; `Infinity` for none. */
  readonly deadlineAt: number;
  readonly traceId: string;
  readonly traceparent: string | undefined;
  readonly span: CallSpan | undefined;
}

/** Calls that do not say count as `degraded`: served under pressure, before `best_effort` and `bulk`, after `critical`. */
export const DEFAULT_CRITICALITY: Criticality = 'degraded';
export const DEFAULT_NAME = 'default';

/**
 * One running call: what its handler sees of it, and the one place that ends it early. The first reason to end it wins.
 * All a handler sees are own properties: authors copy calls (`{ ...call, deadlineAt }`), and a getter would stay behind. Making
 * the signal when it is first asked for saved 40 ns a call and cost a plugin its cancellation.
 */
export class ActiveCall implements OperationCall {
  readonly operation: string;
  readonly tenant: string;
  readonly user: string;
  readonly criticality: Criticality;
  readonly deadlineAt: number;
  readonly idempotencyKey?: string;
  readonly traceId: string;
  readonly traceparent?: string;
  readonly authority: CallAuthority;
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #span: CallSpan | undefined;
  #reason: BellowsError | undefined;
  #reject: ((reason: BellowsError) => void) | undefined;
  #isWorking = false;
  #onWorkEnd: (() => void) | undefined;
  #release: (() => void) | undefined;

  constructor({ operation, options, deadlineAt, traceId, traceparent, span }: ActiveCallOptions) {
    this.operation = operation;
    this.tenant = options.tenant ?? DEFAULT_NAME;
    this.user = options.user ?? DEFAULT_NAME;
    this.criticality = criticalityOf(options);
    this.deadlineAt = deadlineAt;
    this.traceId = traceId;
    // Not `??`: what was kept for later and came back as null is nobody's authority, not everybody's.
    this.authority = options.authority === undefined ? FULL_AUTHORITY : options.authority;
    this.signal = this.#controller.signal;
    this.#span = span;
    if (options.idempotencyKey !== undefined) this.idempotencyKey = options.idempotencyKey;
    if (traceparent !== undefined) this.traceparent = traceparent;
  }

  get span(): CallSpan | undefined {
    return this.#span;
  }

  /** Tells the handler to stop and rejects the caller at once, whether the handler listens or not. */
  abort(reason: BellowsError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller.abort(reason);
    this.#reject?.(reason);
  }

  /** Throws the reason of `abort`, where there was one. */
  throwIfEnded(): void {
    if (this.#reason) throw this.#reason;
  }

  /** The handler's answer, or the reason of `abort` when that comes first. What the handler does afterwards is ignored. */
  settle<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject;
      if (this.#reason) return reject(this.#reason);
      // Also a handler that throws before its first await, or answers without a promise, ends here.
      const answer = Promise.resolve(work());
      this.#isWorking = true;
      answer.then(
        (value) => {
          this.#endWork();
          resolve(value);
        },
        (error: unknown) => {
          this.#endWork();
          reject(error);
        },
      );
    });
  }

  /** Runs `then` once the handler has ended, which may be long after its caller got an answer; at once where it does not work. */
  afterWork(then: () => void): void {
    if (this.#isWorking) this.#onWorkEnd = then;
    else then();
  }

  /** How to give back the place that was taken for it. */
  hold(release: () => void): void {
    this.#release = release;
  }

  /** Gives the place back, where it has one. Twice is fine. */
  release(): void {
    this.#release?.();
    this.#release = undefined;
  }

  #endWork(): void {
    this.#isWorking = false;
    this.#onWorkEnd?.();
  }
}

/** Passes on a caller's abort. Returns how to stop listening. */
export function followCaller(call: ActiveCall, signal: AbortSignal | undefined): () => void {
  if (!signal) return NOTHING_TO_DO;
  const onAbort = () => call.abort(reasonOf(signal, call.operation));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}

/** A plugin in plain JavaScript may write anything; a class nobody knows would be let in by no rule. */
function criticalityOf({ criticality }: CallOptions): Criticality {
  return criticality !== undefined && CRITICALITIES.includes(criticality) ? criticality : DEFAULT_CRITICALITY;
}

const NOTHING_TO_DO = () => {};

function reasonOf(signal: AbortSignal, operation: string): BellowsError {
  if (isBellowsError(signal.reason)) return signal.reason;
  return new CancelledError('CANCELLED', `The call of ${operation} was cancelled by its caller.`, { phase: 'call', cause: signal.reason });
}
