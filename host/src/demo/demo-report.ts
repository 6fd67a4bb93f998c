import type { ScalingDecision } from '@bellows/sdk';
import type { CeilingMove } from './ceiling-moves.js';

export const SUBSYSTEMS = { compute: 'compute.wasm', workflow: 'workflow.pipeline', harness: 'harness.scale' } as const;
export type DemoPart = keyof typeof SUBSYSTEMS;

/** What one subsystem has done, and how it was checked. */
export interface PartReport {
  readonly part: DemoPart;
  readonly seconds: number;
  /** Sentences for people, of numbers that were measured. */
  readonly did: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** How the result was compared with something else than what made it. */
  readonly verified: readonly string[];
  /** What is not as it should be; empty when all is well. */
  readonly problems: readonly string[];
}

/** A file that the demo made: in its folder, or on a branch of the clone. */
export interface MadeFile {
  /** Relative to the folder of the demo; of a landed file, to the clone. */
  readonly path: string;
  readonly bytes: number;
  /** On which branch, where it is a landed file, and by which commit. */
  readonly landed?: { readonly branch: string; readonly commit: string };
}

/** A time in which the subsystems wanted something else than before. */
export interface DemoAct {
  /** `alone`, `together`, `at rest`. */
  readonly name: string;
  readonly at: number;
}

/** All that happened; with `--json` this is what is printed. */
export interface DemoReport {
  readonly ok: boolean;
  readonly version: string;
  readonly seconds: number;
  readonly repository: {
    readonly folder: string;
    readonly head: string;
    readonly files: number;
    /** What was left out, and why. */
    readonly notes: readonly string[];
  };
  readonly machine: { readonly cores: number };
  readonly parts: readonly PartReport[];
  readonly files: readonly MadeFile[];
  readonly acts: readonly DemoAct[];
  readonly ceilings: readonly CeilingMove[];
  /** The decisions of which the moves are made, the oldest first. */
  readonly decisions: readonly ScalingDecision[];
  readonly problems: readonly string[];
  /** Where everything is kept; null when it is removed. */
  readonly kept: string | null;
}
