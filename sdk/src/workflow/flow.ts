import type { StageCall } from './stage-call.js';
import type { After, ReservedNames, StageInputs, StageRef, TypeOf } from './stage-ref.js';
import type { RetryOptions, WorkflowDefinition } from './workflow-definition.js';

/** `after` was left out: there is nothing to read but the input. */
export type NoStages = Record<never, never>;

/** What every stage may say. */
export interface StageOptions<A> {
  /** Stages to wait for, and whose outputs this one reads. */
  readonly after?: A & ReservedNames;
  /** Of one attempt. Default: no bound. */
  readonly timeoutMs?: number;
}

/** How a stage is undone when a later one fails for good: an operation or a function. Called only for a stage that completed. */
export type CompensateOptions<I, A, O> = {
  readonly retry?: RetryOptions;
  /** Of one attempt. Default: a minute. */
  readonly timeoutMs?: number;
} & (
  | { readonly operation: string; readonly input?: (inputs: StageInputs<I, A> & { readonly output: O }) => unknown }
  | { readonly run: (inputs: StageInputs<I, A> & { readonly output: O }, call: StageCall) => unknown }
);

export interface OperationOptions<I, A, O> extends StageOptions<A> {
  /** `<plugin>.<verb>` */
  readonly operation: string;
  /** The type of what comes out: `type<{ words: number }>()`. */
  readonly output?: TypeOf<O>;
  /** Left out: an object without fields. */
  readonly input?: (inputs: StageInputs<I, A>) => unknown;
  readonly retry?: RetryOptions;
  readonly compensate?: CompensateOptions<I, A, O>;
}

export interface RunOptions<I, A, In, O> extends StageOptions<A> {
  /** What `run` is called with. Left out: everything, `{ input, … }`. */
  readonly input?: (inputs: StageInputs<I, A>) => In;
  /** At least once, in the host's process. What it returned is recorded, and from then on it is never called again for this run. */
  readonly run: (input: In, call: StageCall) => O | Promise<O>;
  readonly retry?: RetryOptions;
  readonly compensate?: CompensateOptions<I, A, O>;
}

export interface ChildOptions<I, A, In, O> extends Pick<StageOptions<A>, 'after'> {
  /** A definition of TypeScript, whose types are then known, or the name of any. */
  readonly workflow: WorkflowDefinition<In, O> | string;
  /** With a name only. Default: the newest when the stage begins. */
  readonly version?: number;
  /** With a name: the type of what comes out. */
  readonly output?: TypeOf<O>;
  /** Left out: an object without fields. */
  readonly input?: (inputs: StageInputs<I, A>) => In;
  readonly compensate?: CompensateOptions<I, A, O>;
}

/** A pause, or a time of the wall clock. */
export type TimerOptions<I, A> = Pick<StageOptions<A>, 'after'> &
  (
    | { readonly ms: number | ((inputs: StageInputs<I, A>) => number) }
    | { /** ms since 1970 */ readonly until: number | ((inputs: StageInputs<I, A>) => number) }
  );

export interface SignalOptions<A, T = unknown> extends StageOptions<A> {
  /** The name of the signal. Default: that of the stage. */
  readonly signal?: string;
  /** The type of its payload, as `signal<…>` says it too: `type<{ by: string }>()`. */
  readonly output?: TypeOf<T>;
}

/** What the run as a whole answers; see {@link Flow.output}. */
export interface FlowOutput<O = unknown> {
  readonly output: TypeOf<O>;
}

/**
 * Builds the stages of one workflow, within `defineWorkflow` only. Names are a letter, then letters, digits, _ and -, each once.
 * Write options in the order `after`, `input`, `run`, `compensate`: the compiler finds types from left to right.
 */
export interface Flow<I> {
  /**
   * Calls an operation of the host.
   * @example const count = flow.operation('count', { operation: 'compute.invoke', input: ({ input }) => ({ module: 'words', stdin: input.text }) });
   */
  operation<A extends After = NoStages, O = unknown>(name: string, options: OperationOptions<I, A, O>): StageRef<O>;
  /**
   * Calls a function of this file.
   * @example const bill = flow.run('bill', { after: { count }, run: async ({ count }) => ({ cents: count.words * 2 }) });
   */
  run<A extends After = NoStages, In = StageInputs<I, A>, O = unknown>(
    name: string,
    options: RunOptions<I, A, In, O>,
  ): StageRef<Awaited<O>>;
  /**
   * Runs another workflow to its end.
   * @example flow.workflow('ship', { after: { bill }, workflow: shipping, input: ({ bill }) => ({ parcel: bill.parcel }) });
   */
  workflow<A extends After = NoStages, In = unknown, O = unknown>(name: string, options: ChildOptions<I, A, In, O>): StageRef<O>;
  /**
   * Waits; nothing is held meanwhile, and a restart of the host does not matter.
   * @example flow.timer('coolDown', { after: { bill }, ms: 60_000 });
   */
  timer<A extends After = NoStages>(name: string, options: TimerOptions<I, A>): StageRef<null>;
  /**
   * Waits for a signal, at most `timeoutMs`; its payload is the output. Nothing checks that payload.
   * @example const approval = flow.signal<{ by: string }>('approval', { timeoutMs: 86_400_000 });
   */
  signal<T = unknown>(name: string, options?: SignalOptions<After, T>): StageRef<T>;
  /**
   * Says what the run answers. Return it from the function given to `defineWorkflow`, so that the type is known to others.
   * @example return flow.output({ bill }, ({ bill }) => bill.cents);
   */
  output<A extends After, O>(after: A & ReservedNames, of: (inputs: StageInputs<I, A>) => O): FlowOutput<O>;
}
