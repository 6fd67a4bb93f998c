import type { Health } from '../scaling/judge-health.js';

export interface LoadTestOutcome {
  readonly successRate: number;
  readonly health: Health;
  readonly workerStalls: number;
  readonly peakConcurrentWorkers: number;
  readonly targetWorkers: number;
}

const MIN_SUCCESS_RATE = 0.8;
const MAX_STALL_RATIO = 0.1;
const MAX_PEAK_DEVIATION = 0.2;

/** The acceptance criteria of seed 001: names each that is not met; empty is a pass. Pure. */
export function failedCriteria({
  successRate,
  health,
  workerStalls,
  peakConcurrentWorkers,
  targetWorkers,
}: LoadTestOutcome): readonly string[] {
  const failed: string[] = [];
  if (successRate < MIN_SUCCESS_RATE) failed.push(`the success rate is ${(successRate * 100).toFixed(1)} %, it should be at least 80 %`);
  if (health === 'unhealthy') failed.push('health is unhealthy at the end');
  // no stall at all is within the bound however few workers there are
  if (workerStalls > 0 && workerStalls >= MAX_STALL_RATIO * targetWorkers) {
    failed.push(`${workerStalls} workers stalled, it should be fewer than 10 % of ${targetWorkers}`);
  }
  if (Math.abs(peakConcurrentWorkers - targetWorkers) > MAX_PEAK_DEVIATION * targetWorkers) {
    failed.push(`at most ${peakConcurrentWorkers} agents ran at once, it should be within 20 % of ${targetWorkers}`);
  }
  return failed;
}
