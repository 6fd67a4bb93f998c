/** The four ceilings every subsystem understands. (Seed 000.) All are whole numbers of at least 1. */
export interface ScalingLimits {
  readonly maxCacheEntries: number;
  readonly maxMemoryBytes: number;
  /** compute: calls running or suspended at once; workflow: transaction slots; harness: workers. */
  readonly maxConcurrentOperations: number;
  readonly maxQueueDepth: number;
}

/** The defaults of seed 000. */
export const DEFAULT_SCALING_LIMITS: ScalingLimits = Object.freeze({
  maxCacheEntries: 10_000,
  maxMemoryBytes: 100 * 1024 * 1024,
  maxConcurrentOperations: 64,
  maxQueueDepth: 1_000,
});

/**
 * Who may use how much: the instance as a whole, each tenant, each user; the smallest applies.
 * With `autoSizeFromRam` the memory ceiling is `ramPercentage` (0 to 1) of the machine's memory instead.
 */
export interface SubsystemScalingPolicy {
  readonly instanceLimits: ScalingLimits;
  readonly tenantLimits?: ScalingLimits;
  readonly userLimits?: ScalingLimits;
  readonly autoSizeFromRam: boolean;
  readonly ramPercentage: number;
}

export const DEFAULT_SCALING_POLICY: SubsystemScalingPolicy = Object.freeze({
  instanceLimits: DEFAULT_SCALING_LIMITS,
  autoSizeFromRam: true,
  ramPercentage: 0.1,
});

/** The smaller of both, field by field: how ceilings of several origins combine. */
export function minLimits(a: ScalingLimits, b: ScalingLimits): ScalingLimits {
  return {
    maxCacheEntries: Math.min(a.maxCacheEntries, b.maxCacheEntries),
    maxMemoryBytes: Math.min(a.maxMemoryBytes, b.maxMemoryBytes),
    maxConcurrentOperations: Math.min(a.maxConcurrentOperations, b.maxConcurrentOperations),
    maxQueueDepth: Math.min(a.maxQueueDepth, b.maxQueueDepth),
  };
}

/**
 * The ceilings of a subsystem whose configured maxima change from `before` to `after`. Those that stood at the configured maximum only
 * repeat it and go with it. That of the concurrent operations is the governor's word and stays; where there was none yet, so that
 * `ceiling` is `before` itself, the answer is `after` itself.
 */
export function followConfigured(ceiling: ScalingLimits, before: ScalingLimits, after: ScalingLimits): ScalingLimits {
  if (ceiling === before) return after;
  const follow = (key: keyof ScalingLimits) => (ceiling[key] === before[key] ? after[key] : ceiling[key]);
  return {
    maxCacheEntries: follow('maxCacheEntries'),
    maxMemoryBytes: follow('maxMemoryBytes'),
    maxConcurrentOperations: ceiling.maxConcurrentOperations,
    maxQueueDepth: follow('maxQueueDepth'),
  };
}

/** Names every field that is not a whole number of at least 1; empty when the limits are usable. */
export function limitProblems(limits: ScalingLimits): string[] {
  return (['maxCacheEntries', 'maxMemoryBytes', 'maxConcurrentOperations', 'maxQueueDepth'] as const)
    .filter((key) => !Number.isSafeInteger(limits[key]) || limits[key] < 1)
    .map((key) => `${key} must be a whole number of at least 1, it is ${String(limits[key])}`);
}
