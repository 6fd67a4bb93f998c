import type { Compensation, InputSource, RetryPolicy, Stage, StageKind } from './pipeline.js';

/** A stage that was read, before it is known how it hangs together with the others. */
export interface StageDraft extends Pick<Stage, 'operation' | 'run' | 'workflow' | 'signal'> {
  readonly name: string;
  readonly kind: StageKind;
  readonly input: InputSource;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly compensation: Compensation | null;
  /** Indexes of what it was said to depend on, and of what it reads; in any order, some twice. Faulty ones are left out. */
  readonly dependsOn: readonly number[];
  /** What of it decides how runs go on, as JSON. */
  readonly identity: unknown;
}

/** A whole definition that was read. `stages` holds null where one is faulty, so that indexes stay right. */
export interface PipelineDraft {
  readonly name: string;
  readonly version: number;
  readonly maxDepth: number | null;
  readonly names: readonly string[];
  readonly stages: readonly (StageDraft | null)[];
  readonly output: InputSource | null;
  readonly outputIdentity: unknown;
  readonly checkInput: ((input: unknown) => unknown) | null;
  readonly json: string | null;
  /** Texts of its functions; no part of what decides how runs go on. */
  readonly sources: readonly string[];
}
