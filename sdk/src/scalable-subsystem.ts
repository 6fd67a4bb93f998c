import type { BackpressureState } from './backpressure.js';
import type { RequiredMetricKey } from './metric-descriptions.js';
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
  /**
   * The configured maxima, where a live change of the configuration moves them. The governor decides only about
   * `maxConcurrentOperations`; as the other ceilings it gives these, as they are then. Left out: the limits at the registration.
   */
  readonly configuredLimits?: ScalingLimits;
  /** What holds `currentLimits.maxConcurrentOperations` where it is; left out by a subsystem without a law of its own. */
  readonly currentLimitReason?: LimitReason;
}

/** Flat, finite numbers. Units are in the key (`Ms`, `Bytes`); totals end in `.total` and never fall. */
export type ScalingMetrics = Readonly<Record<RequiredMetricKey, number> & Record<string, number>>;
