import { type Health, judgeHealth } from './judge-health.js';
import type { SessionCounts } from './session-counts.js';
import type { WorkerPoolMetrics } from './worker-pool.js';

/** Seed 001, "Metrics". Durations, rates and health are of the last half hour; totals since the start. */
export interface ScaleMetrics {
  readonly currentWorkers: number;
  readonly activeWorkers: number;
  readonly idleWorkers: number;
  readonly stalledWorkers: number;
  /** Issues that are ready and wait for a worker. */
  readonly queueDepth: number;
  /** Verified work that waits to land. */
  readonly mergeQueueDepth: number;
  readonly throughputPerMinute: number;
  readonly avgSessionDurationMs: number;
  readonly p95SessionDurationMs: number;
  /** 0 to 1; 1 before the first session ended. */
  readonly successRate: number;
  readonly totalSessionsCompleted: number;
  readonly totalSessionsFailed: number;
  readonly health: Health;
  readonly backpressureActive: boolean;
  /** Changes of the number of workers by the law. */
  readonly scaleOperations: number;
  /** When the number last changed, ISO 8601; null before. */
  readonly lastScaleAt: string | null;
}

type Taken = 'stalledWorkers' | 'queueDepth' | 'mergeQueueDepth' | 'backpressureActive' | 'scaleOperations' | 'lastScaleAt';

export interface ScaleReadings extends Pick<ScaleMetrics, Taken> {
  readonly workers: WorkerPoolMetrics;
  readonly sessions: SessionCounts;
}

/** From what was read; nothing of it changes. */
export function scaleMetricsFrom({ workers, sessions, ...taken }: ScaleReadings): ScaleMetrics {
  const { window, completed, failed } = sessions;
  const { successRate } = window;
  return {
    ...taken,
    currentWorkers: workers.totalWorkers,
    activeWorkers: workers.workingWorkers,
    idleWorkers: workers.availableWorkers,
    throughputPerMinute: window.perMinute,
    avgSessionDurationMs: window.avgMs,
    p95SessionDurationMs: window.p95Ms,
    successRate,
    totalSessionsCompleted: completed,
    totalSessionsFailed: failed,
    health: judgeHealth(successRate, taken.stalledWorkers),
  };
}

/** A few lines for people. */
export function formatScaleMetrics(metrics: ScaleMetrics): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return [
    `Workers:     ${metrics.activeWorkers}/${metrics.currentWorkers} active, ${metrics.idleWorkers} idle, ${metrics.stalledWorkers} stalled`,
    `Queue:       ${metrics.queueDepth} ready, ${metrics.mergeQueueDepth} to land`,
    `Throughput:  ${metrics.throughputPerMinute.toFixed(1)} sessions/min`,
    `Sessions:    avg ${seconds(metrics.avgSessionDurationMs)}, p95 ${seconds(metrics.p95SessionDurationMs)}`,
    `Success:     ${(metrics.successRate * 100).toFixed(1)} % (${metrics.totalSessionsCompleted} completed, ${metrics.totalSessionsFailed} failed)`,
    `Health:      ${metrics.health}${metrics.backpressureActive ? ', new jobs are refused (queue full)' : ''}`,
    `Scale ops:   ${metrics.scaleOperations}${metrics.lastScaleAt === null ? '' : `, the last at ${metrics.lastScaleAt}`}`,
  ].join('\n');
}
