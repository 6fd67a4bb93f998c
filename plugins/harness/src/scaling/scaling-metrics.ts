import { type BackpressureState, backpressureLevel, type CacheStats, type ScalingMetrics } from '@bellows/sdk';
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

/** What the governor and the metrics page read. Pure. */
export function scalingMetrics(readings: ScalingReadings): ScalingMetrics {
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
