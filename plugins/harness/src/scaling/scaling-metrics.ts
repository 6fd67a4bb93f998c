import { type BackpressureState, backpressureLevel, type CacheStats, type DescribedMetrics, type MetricDescription } from '@bellows/sdk';
import { HEALTH_STATES } from './judge-health.js';
import type { IssueQueue } from './scale-dependencies.js';
import type { ScaleMetrics } from './scale-metrics.js';

export interface ScalingReadings {
  readonly metrics: ScaleMetrics;
  readonly queue: IssueQueue;
  readonly cache: CacheStats | undefined;
  readonly backpressure: BackpressureState;
  readonly waitP95Ms: number;
  readonly rejected: number;
  readonly stalls: number;
  /** Workers the law allows. */
  readonly law: number;
}

/** What the keys mean that only this subsystem has. */
export const HARNESS_METRICS = {
  'workers.current': { what: 'Workers there are, each for one agent at a time.', unit: 'workers' },
  'workers.idle': { what: 'Workers without an agent.', unit: 'workers' },
  'workers.stalled': { what: 'Workers whose agent shows neither progress nor life.', unit: 'workers' },
  'workers.law': { what: 'Workers the own law allows, below the ceiling of the governor.', unit: 'workers' },
  health: { what: `${HEALTH_STATES.map((state, level) => `${level} ${state}`).join(', ')}.`, unit: 'level' },
  'scale.operations.total': { what: 'Changes of the number of workers, since the start.', unit: 'changes' },
  'stalls.total': { what: 'Agents ended because they stalled, since the start.', unit: 'agents' },
  'merge.queueDepth': { what: 'Verified work that waits to land.', unit: 'landings' },
  'sessions.successRate': {
    what: 'Sessions that ended well, of those that ended in the last half hour; 1 before the first one.',
    unit: '0 to 1',
  },
  'sessions.p95Ms': { what: 'How long sessions took: 95 of 100 at most so long, over the last half hour.', unit: 'ms' },
  'sessions.perMinute': { what: 'Sessions that ended, over the last half hour.', unit: 'per minute' },
} as const satisfies Readonly<Record<string, MetricDescription>>;

/** What the governor and the metrics page read. Pure. */
export function scalingMetrics(readings: ScalingReadings): DescribedMetrics<typeof HARNESS_METRICS> {
  const { metrics, queue, cache, backpressure, waitP95Ms, rejected, stalls, law } = readings;
  return {
    demand: metrics.activeWorkers + queue.ready,
    inUse: metrics.activeWorkers,
    'queue.depth': queue.ready,
    'queue.oldestMs': queue.oldestReadyMs,
    'wait.p95Ms': waitP95Ms,
    'rejected.total': rejected,
    'completed.total': metrics.totalSessionsCompleted,
    'failed.total': metrics.totalSessionsFailed,
    memoryBytes: 0,
    'cache.size': cache?.size ?? 0,
    'cache.hitRate': cache?.hitRate ?? 0,
    'cache.memoryBytes': cache?.memoryBytes ?? 0,
    'backpressure.state': backpressureLevel(backpressure),
    'backpressure.queueDepth': queue.waiting,
    'workers.current': metrics.currentWorkers,
    'workers.idle': metrics.idleWorkers,
    'workers.stalled': metrics.stalledWorkers,
    'workers.law': law,
    health: HEALTH_STATES.indexOf(metrics.health),
    'scale.operations.total': metrics.scaleOperations,
    'stalls.total': stalls,
    'merge.queueDepth': metrics.mergeQueueDepth,
    'sessions.successRate': metrics.successRate,
    'sessions.p95Ms': metrics.p95SessionDurationMs,
    'sessions.perMinute': metrics.throughputPerMinute,
  };
}
