declare const OUTPUT: unique symbol;

/**
 * A stage of the workflow that is being defined. Naming it in `after` of another stage makes that one wait for it and hands its
 * output over: `after: { count }` → `({ count }) => count.words`. Outputs pass through JSON: a `Date` comes out as text.
 */
export interface StageRef<O = unknown> {
  readonly name: string;
  /** For the compiler only; there is no such property. */
  readonly [OUTPUT]: O;
}

/** Stages to wait for, each under the name its output gets; an array of stages gives an array of outputs. */
export type After = Readonly<Record<string, StageRef | readonly StageRef[]>>;

/** These two are taken: the input of the run, and in compensations the output of the stage itself. */
export interface ReservedNames {
  readonly input?: never;
  readonly output?: never;
}

export type OutputOf<R> = R extends StageRef<infer O> ? O : R extends readonly StageRef<infer O>[] ? readonly O[] : never;

/** What the functions of a stage read: the input of the run and the outputs named in `after`. */
export type StageInputs<I, A> = { readonly input: I } & { readonly [K in keyof A]: OutputOf<A[K]> };

declare const TYPE: unique symbol;

/** A type as a value; see {@link type}. */
export interface TypeOf<T> {
  /** For the compiler only. */
  readonly [TYPE]?: T;
}

/**
 * Says what comes out of a stage the compiler cannot know: `output: type<{ words: number }>()`. A promise to the compiler; nothing
 * checks it at run time.
 */
export function type<T>(): TypeOf<T> {
  return Object.freeze({});
}
