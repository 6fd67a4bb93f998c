import type { IClock } from '../clock.js';
import type { Criticality } from '../operations.js';
import type { IRandom } from '../random.js';
import type { RetryPolicy } from './plan-retry.js';

/** What is used of `fetch`; a program may bring another one, for example with longer time-outs or certificates of its own. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a client measures and waits with. Its timers keep a program alive that waits for a call, unlike those of `systemClock`. */
export type ClientClock = Pick<IClock, 'monotonicMs' | 'setTimer'>;

export interface ClientOptions {
  /** Of the host, `http:` or `https:`; a path stays in front of the paths of the host. */
  readonly url: string;
  readonly token?: string;
  /** On whose behalf, unless a call says otherwise. Printable ASCII, at most 200 characters. */
  readonly tenant?: string;
  readonly user?: string;
  /** Default: that of the platform. */
  readonly fetch?: Fetch;
  /** False: nothing is tried twice. */
  readonly retry?: Partial<RetryPolicy> | false;
  /** An answer that is longer is given up. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
  readonly clock?: ClientClock;
  readonly random?: IRandom;
}

export interface AskOptions {
  /** Aborting rejects with `CancelledError` (`CALL_CANCELLED`); the host learns of it and cancels the work. */
  readonly signal?: AbortSignal;
  /** From now on, all tries and pauses included; the host is told what is left of it. */
  readonly deadlineMs?: number;
  /** Instead of that of the client. */
  readonly retry?: Partial<RetryPolicy> | false;
  /** W3C Trace Context, for joining the trace of the caller. */
  readonly traceparent?: string;
}

export interface ClientCallOptions extends AskOptions {
  /** With it the same call may be made again, and is done once. */
  readonly idempotencyKey?: string;
  readonly criticality?: Criticality;
  readonly tenant?: string;
  readonly user?: string;
}

export interface FollowOptions<T extends string> {
  /** Default: all. */
  readonly topics?: readonly T[];
  /** Aborting ends the sequence, without an error. */
  readonly signal?: AbortSignal;
  /** Of the last event that is known: those after it come first, as far as the host still has them. */
  readonly lastEventId?: number;
  /** Failures in a row after which the sequence ends with the last of them. Default: never. */
  readonly maxFailures?: number;
  /** Tells that events are missing from here on: `gap`, the host had them no more; `unreadable`, one was no event or too large. */
  readonly onLoss?: (reason: 'gap' | 'unreadable') => void;
}

/** Bytes to send. A stream or an iterable is sent once, while it is read; browsers take streams over HTTP/2 only, so give them a `Blob`. */
export type UploadSource = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;
