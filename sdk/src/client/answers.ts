import type { MachineSample } from '../machine.js';
import type { OperationInfo } from '../operations.js';
import type { PluginStatus } from '../plugin-status.js';
import type { ScalingLimits } from '../scaling-limits.js';

/** `/v1/status`. A host of another version may say more. */
export interface StatusAnswer {
  readonly ready: boolean;
  readonly version: string;
  readonly pid: number;
  /** ms since 1970. */
  readonly startedAt: number;
  readonly configFile: string | null;
  readonly configRevision: number;
  readonly dataDir: string;
  readonly machine: MachineSample;
  readonly plugins: readonly PluginStatus[];
  readonly subsystems: readonly SubsystemAnswer[];
}

export interface SubsystemAnswer {
  /** `compute.wasm`. */
  readonly name: string;
  readonly plugin: string;
  readonly limits: ScalingLimits;
  /** The governor's ceiling on concurrent operations. */
  readonly ceiling: number;
  readonly backpressure: string;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface PluginsAnswer {
  readonly plugins: readonly PluginStatus[];
}

export interface OperationsAnswer {
  readonly operations: readonly OperationInfo[];
}

export interface UploadAnswer {
  /** What goes into the input of an operation. */
  readonly url: string;
  readonly bytes: number;
}
