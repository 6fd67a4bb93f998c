export const HEALTH_STATES = ['healthy', 'degraded', 'unhealthy'] as const;
export type Health = (typeof HEALTH_STATES)[number];

const HEALTHY_FROM = 0.8;
const DEGRADED_FROM = 0.5;
const DEGRADED_STALLED = 2;

/**
 * The health table of seed 001: healthy from 80 % success without a stalled worker, degraded from 50 % or with one or two,
 * unhealthy below or with more. The worse of both counts. Pure.
 */
export function judgeHealth(successRate: number, stalledWorkers: number): Health {
  if (successRate < DEGRADED_FROM || stalledWorkers > DEGRADED_STALLED) return 'unhealthy';
  if (successRate < HEALTHY_FROM || stalledWorkers > 0) return 'degraded';
  return 'healthy';
}
