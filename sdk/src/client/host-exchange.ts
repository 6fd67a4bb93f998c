import { sleepOn } from '../clock.js';
import { CancelledError, DeadlineError, isBellowsError, messageOf } from '../errors.js';
import type { IRandom } from '../random.js';
import type { AskOptions, ClientClock, Fetch } from './client-options.js';
import { planRetry, type RetryPolicy } from './plan-retry.js';
import { unreachable } from './read-answer.js';

export interface HostRequest {
  readonly method: 'GET' | 'POST';
  /** From the root of the host. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

export interface ExchangeOptions {
  /** Without a slash at the end. */
  readonly base: string;
  readonly token: string | undefined;
  readonly fetch: Fetch;
  readonly clock: ClientClock;
  readonly random: IRandom;
}

export interface TryOptions extends Pick<AskOptions, 'signal' | 'deadlineMs'> {
  readonly retry: RetryPolicy;
  readonly isSafe: boolean;
}

/** The host ends a call that is late by itself, and says more than this side knows. */
const HOST_ENDS_FIRST_MS = 500;

/** Requests to one host. Rejects with Bellows errors only. */
export class HostExchange {
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** Asks until it is answered, or a failure is not worth another try. `read` takes what it needs of the answer. */
  async ask<T>(request: HostRequest, options: TryOptions, read: (answer: Response) => Promise<T>): Promise<T> {
    const { clock, random } = this.#options;
    const { signal, deadlineMs = Number.POSITIVE_INFINITY, retry, isSafe } = options;
    const deadlineAt = clock.monotonicMs() + deadlineMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(request, { signal, deadlineAt }, read);
      } catch (error) {
        const remainingMs = deadlineAt - clock.monotonicMs();
        const waitMs = planRetry({ error, attempt, isSafe, remainingMs }, retry, random);
        if (waitMs === undefined) throw error;
        await sleepOn(clock, waitMs, signal).catch(() => {
          throw cancelled(signal);
        });
      }
    }
  }

  /** The answer with its body still to come. Aborting the signal ends both; otherwise whoever reads must read to the end or cancel. */
  async open(request: HostRequest, signal: AbortSignal): Promise<Response> {
    const { base, token, fetch } = this.#options;
    const { method, path, headers, body } = request;
    try {
      return await fetch(`${base}${path}`, {
        method,
        headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        // a redirect would take the token and the input elsewhere; a host sends none
        redirect: 'error',
        cache: 'no-store',
        signal,
        ...(body === undefined ? {} : { body }),
        ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
      });
    } catch (error) {
      if (isBellowsError(error)) throw error;
      throw unreachable(reasonOf(error), error);
    }
  }

  /** One try. Time and the signal of the caller hold even for a `fetch` that does not heed them. */
  async #once<T>(
    request: HostRequest,
    { signal, deadlineAt }: { readonly signal: AbortSignal | undefined; readonly deadlineAt: number },
    read: (answer: Response) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.#options;
    if (signal?.aborted) throw cancelled(signal);
    const abort = new AbortController();
    const given = Promise.withResolvers<never>();
    const end = (reason: Error) => {
      abort.abort(reason);
      given.reject(reason);
    };
    const onAbort = () => end(cancelled(signal));
    signal?.addEventListener('abort', onAbort, { once: true });
    const remainingMs = deadlineAt - clock.monotonicMs();
    const isLimited = Number.isFinite(remainingMs);
    const cancelTimer = isLimited ? clock.setTimer(Math.max(0, remainingMs) + HOST_ENDS_FIRST_MS, () => end(late())) : () => {};
    const headers = { ...request.headers, ...(isLimited ? { 'bellows-deadline-ms': String(Math.max(1, Math.round(remainingMs))) } : {}) };
    try {
      return await Promise.race([this.open({ ...request, headers }, abort.signal).then(read), given.promise]);
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** `fetch` hides what happened in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : messageOf(cause ?? error);
}

function cancelled(signal: AbortSignal | undefined): CancelledError {
  return new CancelledError('CALL_CANCELLED', 'The caller withdrew the call.', { phase: 'call', cause: signal?.reason });
}

function late(): DeadlineError {
  return new DeadlineError('DEADLINE_EXCEEDED', 'The deadline passed before the host answered: give it more time or less work.', {
    phase: 'call',
  });
}
