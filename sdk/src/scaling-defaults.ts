/** What only the author of a subsystem knows of its operations. The operator's `governor.subsystems` stands above it. */
export interface ScalingDefaults {
  /** Concurrent operations it should always have. At least 1. */
  readonly floor?: number;
  /** Cores one operation keeps busy; small for operations that mostly wait. Above 0. */
  readonly costCores?: number;
}

/** Names every value the governor could not compute with; empty when the defaults are usable. */
export function scalingDefaultProblems({ floor, costCores }: ScalingDefaults): string[] {
  const problems: string[] = [];
  if (floor !== undefined && !(Number.isSafeInteger(floor) && floor >= 1)) {
    problems.push(`floor must be a whole number of at least 1, it is ${String(floor)}`);
  }
  if (costCores !== undefined && !(Number.isFinite(costCores) && costCores > 0)) {
    problems.push(`costCores must be a finite number above 0, it is ${String(costCores)}`);
  }
  return problems;
}
