import type { BackpressureState } from './backpressure.js';
import type { LimitReason } from './scaling-decision.js';
import type { ScalingDefaults } from './scaling-defaults.js';
import type { ScalingLimits } from './scaling-limits.js';

/**
 * A part of a plugin that grows and shrinks with its load. (Seed 000: the manager of a subsystem.)
 *
 * Demands on the implementer:
 * - every member may be called at any time between construction and stop, also while `reconfigureLimits` is running;
 * - getters are cheap, never throw and have no side effects: the host reads them every second.
 */
export interface IScalableSubsystem {
  /** `<plugin id>.<subsystem>`, for example `compute.wasm`. Never changes. */
  readonly name: string;
  /** A flat snapshot; see {@link ScalingMetrics} for the keys that must be there. */
  getScalingMetrics(): ScalingMetrics;
  /**
   * Sets the ceilings the subsystem must stay below. Applies the whole of `limits` and resolves when they are in force,
   * or throws `RefusedError` and changes nothing. Never stops work that is running: lowering a limit drains.
   * Concurrent calls are applied in the order they were made. Calling it twice with the same limits changes nothing.
   */
  reconfigureLimits(limits: ScalingLimits, signal?: AbortSignal): Promise<void>;
  /** What is in force now: the smaller of the given ceilings, the configured maxima and the subsystem's own law. */
  readonly currentLimits: ScalingLimits;
  readonly currentBackpressureState: BackpressureState;
  /**
   * What the governor assumes where the operator's policy is silent; without it half the cores and one core per operation.
   * Read once, when the subsystem is registered, which refuses values nothing could be computed from.
   */
  readonly scalingDefaults?: ScalingDefaults;
  /** What holds `currentLimits.maxConcurrentOperations` where it is; left out by a subsystem without a law of its own. */
  readonly currentLimitReason?: LimitReason;
}

/** Keys every subsystem reports; a subsystem adds its own under a prefix (`pool.hits`, `executors.running`). */
export const REQUIRED_METRIC_KEYS = [
  /** operations wanted now: running plus waiting */
  'demand',
  /** operations running now */
  'inUse',
  'queue.depth',
  /** age of the oldest waiting operation, ms */
  'queue.oldestMs',
  /** 95th percentile of the wait for a slot over the last minute, ms */
  'wait.p95Ms',
  'rejected.total',
  'completed.total',
  'failed.total',
  'memoryBytes',
  'cache.size',
  /** 0 to 1; 0 before the first look-up */
  'cache.hitRate',
  'cache.memoryBytes',
  /** 0 normal, 1 warning, 2 critical, 3 shedding */
  'backpressure.state',
  'backpressure.queueDepth',
] as const;

export type RequiredMetricKey = (typeof REQUIRED_METRIC_KEYS)[number];

/** Flat, finite numbers. Units are in the key (`Ms`, `Bytes`); totals end in `.total` and never fall. */
export type ScalingMetrics = Readonly<Record<RequiredMetricKey, number> & Record<string, number>>;
