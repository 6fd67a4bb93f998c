import type { KeptValue } from './flow-records.js';

/** To which stage, or to what of the run, a value belongs. */
export interface CapturedAt {
  readonly runId: string;
  /** Index of the stage; -1 for the input of the run, -2 for its output, -3 - n for its n-th signal. */
  readonly stage: number;
}

/**
 * Keeps values of runs by size: up to 64 KiB inside of the event, up to `maxStateBytesPerStage` (10 MB) in the second file, above it
 * through the backing store at `dw://internal/pipeline-state/{runId}/{stage}`. The tiers differ in cost only.
 */
export interface ICapturedStates {
  /** At once for a small value; else resolves when the value is durable, before the event that names it is written. `STORE_FULL` … when it cannot be. */
  keep(at: CapturedAt, json: string): KeptValue | Promise<KeptValue>;
  /** The JSON. At once for a small value. `STATE_MISSING` when the file has lost it. */
  load(kept: KeptValue): string | Promise<string>;
  /** Removes everything large of a run. Silent when there is nothing. */
  forget(runId: string): Promise<void>;
}
