import { hash } from 'node:crypto';
import { type BellowsError, type ErrorKind, isBellowsError, RefusedError } from '@bellows/sdk';
import type { ActiveCall } from './active-call.js';
import { SHARE_DIGITS } from './answer-shares.js';
import { inputDigest } from './input-digest.js';
import type { Answer, KeptAnswers } from './kept-answers.js';

/** Time or the caller may mend these, so a repeated call does its work again; every other answer is given again. */
const TRIED_AGAIN: ReadonlySet<ErrorKind> = new Set(['capacity', 'deadline', 'cancelled', 'not_ready']);

interface Running {
  readonly input: string;
  readonly ended: Promise<void>;
}

/**
 * Lets the work of calls with one idempotency key (of one tenant, user and operation) be done once. Who comes second waits for the first,
 * or gets its answer, which is on disk before the first one gets it. When the first one ends without an answer to keep, the next does the
 * work. A crash between the end of the work and the disk loses the answer, which then nobody has got: the work is done again.
 */
export class IdempotentCalls {
  readonly #kept: KeptAnswers;
  readonly #running = new Map<string, Running>();

  constructor(kept: KeptAnswers) {
    this.#kept = kept;
  }

  /**
   * The answer of `work`, or of an earlier call. `RefusedError`: `IDEMPOTENCY_KEY_REUSED` with another input, and
   * `IDEMPOTENCY_ANSWER_DROPPED` where the work was done and its answer was too large to keep. A call that ends while it waits stops
   * waiting; whoever it waits for is not disturbed.
   */
  async run(call: ActiveCall, input: unknown, work: () => Promise<unknown>): Promise<unknown> {
    const key = keyOf(call);
    const digest = inputDigest(input);
    for (;;) {
      const running = this.#running.get(key);
      if (!running) return this.#lead({ call, key, digest }, work);
      demandSameInput(running.input, digest, call);
      await untilEnded(running.ended, call.signal);
      const answer = await this.#kept.find(key);
      if (answer) return again(answer, digest, call);
    }
  }

  /** From here to the end of it, everybody else with the key waits. */
  async #lead({ call, key, digest }: { call: ActiveCall; key: string; digest: string }, work: () => Promise<unknown>): Promise<unknown> {
    const ended = Promise.withResolvers<void>();
    this.#running.set(key, { input: digest, ended: ended.promise });
    try {
      const answer = await this.#kept.find(key);
      if (answer) return again(answer, digest, call);
      call.signal.throwIfAborted();
      return await this.#doAndKeep({ call, key, digest }, work);
    } finally {
      this.#running.delete(key);
      ended.resolve();
    }
  }

  async #doAndKeep(
    { call, key, digest }: { call: ActiveCall; key: string; digest: string },
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    try {
      const value = await work();
      await this.#kept.keep(key, { input: digest, outcome: { is: 'value', value } });
      return value;
    } catch (error) {
      if (isAnswer(error, call)) await this.#kept.keep(key, { input: digest, outcome: { is: 'error', error } });
      throw error;
    }
  }
}

/** Names come from callers: as digests they are of one length and of letters a path may have. The tenant's comes first. */
function keyOf({ tenant, user, operation, idempotencyKey }: ActiveCall): string {
  const whole = hash('sha256', JSON.stringify([tenant, user, operation, idempotencyKey]));
  return hash('sha256', tenant).slice(0, SHARE_DIGITS) + whole.slice(SHARE_DIGITS);
}

function again({ input, outcome }: Answer, digest: string, call: ActiveCall): unknown {
  demandSameInput(input, digest, call);
  call.span?.note('bellows.idempotency.replayed', true);
  if (outcome.is === 'value') return outcome.value;
  if (outcome.is === 'error') throw outcome.error;
  throw new RefusedError(
    'IDEMPOTENCY_ANSWER_DROPPED',
    `A call of ${call.operation} with this idempotency key has done its work and ended well, but its answer was too large to keep: look for what it did, or call with another key.`,
    { phase: 'call', data: { bytes: outcome.bytes } },
  );
}

function demandSameInput(first: string, digest: string, { operation }: ActiveCall): void {
  if (first === digest) return;
  throw new RefusedError(
    'IDEMPOTENCY_KEY_REUSED',
    `A call of ${operation} with this idempotency key had another input: use a new key for new work.`,
    { phase: 'call' },
  );
}

/** A handler that was told to stop may fail with anything: that says nothing of the work. */
function isAnswer(error: unknown, { signal }: ActiveCall): error is BellowsError {
  return !signal.aborted && isBellowsError(error) && error.retryAfterMs === undefined && !TRIED_AGAIN.has(error.kind);
}

/** Rejects with the reason of `signal` when that aborts first. */
function untilEnded(ended: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    void ended.then(() => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
  });
}
