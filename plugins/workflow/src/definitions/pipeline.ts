import type { StageFunction } from '@bellows/sdk/workflow';
import type { Template } from './template.js';

export type StageKind = 'operation' | 'run' | 'workflow' | 'timer' | 'signal';

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  /** Error codes after which no other attempt is made, besides the kinds that never help to repeat. */
  readonly nonRetryable: readonly string[];
}

/** What a stage may read when it begins. */
export interface StageValues {
  /** The input of the run. */
  readonly input: unknown;
  /** The output of a stage this one depends on, directly or not. */
  output(stage: number): unknown;
}

/** Where the input of a stage comes from: JSON with `${…}` inside, parsed, or a function of a TypeScript definition. See `resolveInput`. */
export type InputSource =
  | { readonly kind: 'template'; readonly template: Template }
  | { readonly kind: 'function'; readonly of: (values: StageValues) => unknown };

export interface Compensation {
  readonly action: { readonly operation: string } | { readonly run: StageFunction };
  /** May read the output of its own stage too. */
  readonly input: InputSource;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
}

export interface Stage {
  readonly index: number;
  readonly name: string;
  readonly kind: StageKind;
  /** Indexes, ascending; those it reads outputs of included. */
  readonly dependsOn: readonly number[];
  /** The reverse of `dependsOn`. */
  readonly dependants: readonly number[];
  /** kind operation. */
  readonly operation: string | null;
  /** kind run. */
  readonly run: StageFunction | null;
  /** kind workflow. */
  readonly workflow: { readonly name: string; readonly version: number | null } | null;
  /** kind signal: the name it waits for. */
  readonly signal: string | null;
  /** kind timer: its input must be ms, or `{ until: <ms since 1970> }`. For others what they are called with. */
  readonly input: InputSource;
  readonly retry: RetryPolicy;
  /** Of one attempt. kind signal: how long it waits at most. null: no bound. */
  readonly timeoutMs: number | null;
  readonly compensation: Compensation | null;
}

/** A definition that was found good, ready to run. Immutable; shared by all its runs. */
export interface Pipeline {
  readonly name: string;
  readonly version: number;
  /** SHA-256 of all that decides how runs go on; code of functions apart. Another hash under the same version is refused. */
  readonly hash: string;
  readonly stages: readonly Stage[];
  /** Stages without dependencies, ascending. */
  readonly roots: readonly number[];
  /** Longest chain of stages, without those of child workflows. */
  readonly depth: number;
  readonly maxDepth: number | null;
  /** null: the output of the last stage, or of all last stages by name. */
  readonly output: InputSource | null;
  /** Throws `RUN_INPUT_INVALID` for an input that does not fit, else answers what stages see. null or left out: any input will do. */
  readonly checkInput?: ((input: unknown) => unknown) | null;
  /** null: came over an operation; else the file. */
  readonly file: string | null;
  /** As given, for the store; null where it holds functions. */
  readonly json: string | null;
  /** Where `json` is null, what tells which stages another definition changes; see `outlineOf`. */
  readonly outline?: string | null;
}
