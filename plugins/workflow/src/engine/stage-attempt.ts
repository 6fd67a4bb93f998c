import { type CallAuthority, CancelledError, type CancelTimer, type IClock, type IOperations, isBellowsError } from '@bellows/sdk';
import type { StageCall, StageFunction } from '@bellows/sdk/workflow';
import { workflowError } from '../errors.js';
import { LateInput } from './input-reader.js';
import type { LiveRun } from './live-run.js';
import { readableError } from './stage-error.js';

/** What an attempt is made with. */
export interface AttemptServices {
  readonly operations: IOperations;
  readonly clock: IClock;
  /** Called exactly once for each attempt that was begun, within `begin` or later. */
  settled(attempt: StageAttempt, isOk: boolean, value: unknown): void;
}

export interface AttemptPlan {
  readonly run: LiveRun;
  readonly stage: number;
  readonly attempt: number;
  /** The compensation of the stage, not the stage. */
  readonly isUndo: boolean;
}

/** A function that does not end when its signal aborts is given up after this time, so that a cancelled run comes to its end. */
const ABORT_GRACE_MS = 5_000;
/** The other side may look at its clock so much earlier. */
const DEADLINE_SLACK_MS = 20;

/** One attempt to execute a stage or its compensation; also what the function of the stage sees of it. */
export class StageAttempt implements StageCall {
  readonly run: LiveRun;
  readonly index: number;
  readonly attempt: number;
  readonly isUndo: boolean;
  readonly #services: AttemptServices;
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #cancelTimer: CancelTimer | undefined;
  /** On the monotonic clock: from here on a deadline that passed is the time-out of the stage. */
  #lateFromMs = Number.POSITIVE_INFINITY;
  #isSettled = false;

  constructor({ run, stage, attempt, isUndo }: AttemptPlan, services: AttemptServices) {
    this.run = run;
    this.index = stage;
    this.attempt = attempt;
    this.isUndo = isUndo;
    this.#services = services;
  }

  get runId(): string {
    return this.run.record.id;
  }

  get workflow(): string {
    return this.run.record.name;
  }

  get stage(): string {
    return this.#stage.name;
  }

  get idempotencyKey(): string {
    // `~` is in no name of a stage: the key of no stage of a child run
    return `${this.runId}/${this.stage}${this.isUndo ? '/~compensate' : ''}`;
  }

  /** Made when it is asked for: most functions never look at it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** A function of its own, so that it may be taken out of the object. */
  get call(): StageCall['call'] {
    return <O>(operation: string, input: unknown) => this.#call<O>(operation, input, undefined);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Executes. What answers at once is settled before this returns. */
  begin(readInput: () => unknown): void {
    try {
      const input = readInput();
      if (input instanceof LateInput) {
        this.#await(
          input.value.then((value) => {
            // its time was up, or the run was cancelled, while the input was read
            if (this.#abortReason !== undefined) throw this.#abortReason;
            return this.#act(value);
          }),
        );
        return;
      }
      const result = this.#act(input);
      if (isThenable(result)) this.#await(result);
      else this.#settle(true, result);
    } catch (error) {
      this.#settle(false, error);
    }
  }

  /** Aborts the signal; the attempt ends when its work does, at the latest a few seconds later. Twice is fine. */
  abort(reason: unknown = new CancelledError('RUN_CANCELLED', 'The run was cancelled', { plugin: 'workflow' })): void {
    if (this.#isSettled || this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#services.clock.setTimer(ABORT_GRACE_MS, () => this.#settle(false, reason));
    this.#controller?.abort(reason);
  }

  /** As `abort`, and ends at once: nobody waits for the outcome. */
  abandon(reason: unknown): void {
    this.abort(reason);
    this.#settle(false, reason);
  }

  get #stage() {
    return this.run.pipeline.stages[this.index]!;
  }

  get #timeoutMs(): number | null {
    return this.isUndo ? this.#stage.compensation!.timeoutMs : this.#stage.timeoutMs;
  }

  #act(input: unknown): unknown {
    const action = this.#action();
    if (typeof action === 'string') return this.#call(action, input, this.#timeoutMs ?? undefined, this.idempotencyKey);
    return action(input, this);
  }

  #action(): StageFunction | string {
    const { compensation, run, operation } = this.#stage;
    if (!this.isUndo) return run ?? operation!;
    const { action } = compensation!;
    return 'run' in action ? action.run : action.operation;
  }

  #call<O>(operation: string, input: unknown, deadlineMs: number | undefined, idempotencyKey?: string): Promise<O> {
    const { tenant, user, authority } = this.run.record;
    return this.#services.operations.call<O>(operation, input, {
      tenant,
      user,
      authority: authorityOf(authority, tenant),
      signal: this.signal,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      // Answers are kept in the history of the run; an attempt after a failure is to do its work again.
      ...(idempotencyKey === undefined ? {} : { idempotencyKey, keepAnswer: false }),
    });
  }

  #await(result: PromiseLike<unknown>): void {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs !== null) {
      const { clock } = this.#services;
      this.#lateFromMs = clock.monotonicMs() + timeoutMs - DEADLINE_SLACK_MS;
      this.#cancelTimer = clock.setTimer(timeoutMs, () => this.#timeOut(timeoutMs));
    }
    // what only looks like a promise may answer twice, or with another one
    const promise = result instanceof Promise ? result : Promise.resolve(result);
    promise.then(
      (value) => this.#settle(true, value),
      (error) => this.#settle(false, error),
    );
  }

  #timeOut(timeoutMs: number): void {
    const error = this.#timeoutError(timeoutMs);
    this.#abortReason = error;
    // settled first: the work may answer to the signal at once
    this.#settle(false, error);
    this.#controller?.abort(error);
  }

  /** The deadline of the operation is the time-out of the stage, told by the other side; one of its own that was earlier is not. */
  #told(error: unknown): unknown {
    const timeoutMs = this.#timeoutMs;
    const isDeadline = timeoutMs !== null && isBellowsError(error) && error.code === 'DEADLINE_EXCEEDED';
    return isDeadline && this.#services.clock.monotonicMs() >= this.#lateFromMs ? this.#timeoutError(timeoutMs) : error;
  }

  #timeoutError(timeoutMs: number) {
    const what = this.isUndo ? `The compensation of "${this.stage}"` : `The stage "${this.stage}"`;
    return workflowError('STAGE_TIMEOUT', `${what} took longer than its timeoutMs of ${timeoutMs} ms in attempt ${this.attempt}`);
  }

  #settle(isOk: boolean, value: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#cancelTimer?.();
    this.#services.settled(this, isOk, isOk ? value : this.#told(readableError(value)));
  }
}

/** A run reaches its own tenant's things only, whoever started it but an admin: what a token was bound to is not kept with the run. */
function authorityOf(authority: CallAuthority, tenant: string): CallAuthority {
  return authority.role === 'admin' ? authority : { ...authority, tenant };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
