import { judgeHealth } from './judge-health.js';
import type { ScaleMetrics } from './scale-metrics.js';

/** Why `judgeHealth` says what it says, for people. Pure. */
export function healthReason({
  successRate,
  stalledWorkers,
  totalSessionsCompleted,
  totalSessionsFailed,
}: Pick<ScaleMetrics, 'successRate' | 'stalledWorkers' | 'totalSessionsCompleted' | 'totalSessionsFailed'>): string {
  const state = judgeHealth(successRate, stalledWorkers);
  const rate = `${(successRate * 100).toFixed(1)} % of the sessions of the last half hour succeeded`;
  const stalled = stalledWorkers === 1 ? '1 worker is stalled' : `${stalledWorkers} workers are stalled`;
  if (state === 'healthy') {
    return totalSessionsCompleted + totalSessionsFailed === 0
      ? 'No session has ended yet, and no worker is stalled'
      : `${rate}, and no worker is stalled`;
  }
  const reasons = [...(judgeHealth(successRate, 0) === 'healthy' ? [] : [`only ${rate}`]), ...(stalledWorkers > 0 ? [stalled] : [])];
  return sentence(reasons.join(', and '));
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
