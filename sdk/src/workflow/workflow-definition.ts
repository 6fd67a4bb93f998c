import type { StageFunction } from './stage-call.js';

export const WORKFLOW_BRAND: unique symbol = Symbol.for('bellows/workflow') as never;
declare const INPUT: unique symbol;
declare const RESULT: unique symbol;

/** How often and when a stage is tried again. What is left out has the defaults of YAML definitions. */
export interface RetryOptions {
  readonly maxAttempts?: number;
  readonly initialMs?: number;
  readonly factor?: number;
  readonly maxMs?: number;
  /** Codes of errors after which no other attempt is made. */
  readonly nonRetryable?: readonly string[];
}

/** Checks the input of a run; a schema of zod is one. What `parse` returns is what stages see; what it throws refuses the run. */
export interface InputSchema<T = unknown, G = unknown> {
  parse(input: unknown): T;
  /** Of a schema that follows Standard Schema: `G`, what is given to it, where that differs from `T` (defaults, transformations). */
  readonly '~standard'?: { readonly types?: { readonly input: G } | undefined };
}

/** Reads `{ input, … }` with one field for each name in `after`. */
export type InputFunction = (inputs: Readonly<Record<string, unknown>>) => unknown;

export interface CompensationDefinition {
  /** Exactly one of the two. */
  readonly operation: string | null;
  readonly run: StageFunction | null;
  /** null: an operation gets an object without fields, a function everything it may read. */
  readonly input: InputFunction | null;
  readonly retry: RetryOptions | null;
  readonly timeoutMs: number | null;
}

export interface StageDefinition {
  readonly name: string;
  readonly kind: 'operation' | 'run' | 'workflow' | 'timer' | 'signal';
  /** Names of stages by the names their outputs get. */
  readonly after: Readonly<Record<string, string | readonly string[]>>;
  readonly operation: string | null;
  readonly run: StageFunction | null;
  readonly workflow: { readonly name: string; readonly version: number | null } | null;
  readonly signal: string | null;
  /** kind timer: ms, or `{ until: <ms since 1970> }`. */
  readonly timer: number | { readonly until: number } | null;
  /** null: an operation or workflow gets an object without fields, a function everything it may read. */
  readonly input: InputFunction | null;
  readonly retry: RetryOptions | null;
  readonly timeoutMs: number | null;
  readonly compensate: CompensationDefinition | null;
}

export interface OutputDefinition {
  readonly after: StageDefinition['after'];
  readonly of: InputFunction;
}

/** What `defineWorkflow` returns: plain frozen data and functions. `I` is what it takes, `O` what comes out. */
export interface WorkflowDefinition<I = never, O = unknown> {
  readonly [WORKFLOW_BRAND]: 1;
  readonly name: string;
  readonly version: number;
  readonly maxDepth: number | null;
  /** null: any input will do. */
  readonly input: InputSchema | null;
  readonly stages: readonly StageDefinition[];
  /** null: the output of the last stage, or of all last stages by name. */
  readonly output: OutputDefinition | null;
  /** For the compiler only; there are no such properties. */
  readonly [INPUT]?: (input: I) => void;
  readonly [RESULT]?: O;
}

/** Also true for what another copy of this package made. */
export function isWorkflowDefinition(value: unknown): value is WorkflowDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[WORKFLOW_BRAND] === 1;
}
