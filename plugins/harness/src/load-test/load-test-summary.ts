import type { SessionObserver } from '../jobs/session-runner.js';
import type { LoadTestResults, LoadTestSpec } from './load-test-spec.js';

/** Keeps every duration: there are some thousand at most, and percentiles shall be exact. */
export class SessionTally implements SessionObserver {
  readonly #durationsMs: number[] = [];
  #landed = 0;
  #peak = 0;

  onSessionStart(running: number): void {
    this.#peak = Math.max(this.#peak, running);
  }

  onSessionEnd(durationMs: number, landed: boolean): void {
    this.#durationsMs.push(durationMs);
    if (landed) this.#landed += 1;
  }

  get sessions(): number {
    return this.#durationsMs.length;
  }

  /** The most at once. */
  get peak(): number {
    return this.#peak;
  }

  get successRate(): number {
    return this.sessions === 0 ? 1 : this.#landed / this.sessions;
  }

  get avgMs(): number {
    return this.sessions === 0 ? 0 : this.#durationsMs.reduce((sum, ms) => sum + ms, 0) / this.sessions;
  }

  /** The smallest duration that at least so many are not longer than; 0 without sessions. */
  percentileMs(p: number): number {
    const sorted = this.#durationsMs.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0;
  }
}

/** A report for people. */
export function loadTestSummary(spec: LoadTestSpec, results: Omit<LoadTestResults, 'summary'>): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
  const planned = (ms: number) => (spec.speed === 1 ? seconds(ms) : `${seconds(ms / spec.speed)} (${seconds(ms)} ÷ ${spec.speed})`);
  const { speed, totalIssues, concurrentAgents, avgSessionDurationMs, rampUpMs, seed } = spec;
  const verdict = results.passed ? 'PASSED' : `FAILED: ${results.failedCriteria.join('; ')}`;
  return [
    `Load test: ${totalIssues} issues, ${concurrentAgents} agents, agents at work for ${planned(avgSessionDurationMs)}, ramp-up ${planned(rampUpMs)}, seed ${seed}`,
    speed === 1
      ? 'Real agents in a real repository, in real time'
      : `Real agents in a real repository; all times divided by ${speed}; below is what was measured`,
    'Workers of its own: the page and explain show none of them',
    `Took:         ${seconds(results.durationMs)}, ${results.throughputPerSecond.toFixed(2)} sessions/s`,
    `Sessions:     avg ${seconds(results.avgLatencyMs)}, p95 ${seconds(results.p95LatencyMs)}, p99 ${seconds(results.p99LatencyMs)}, with worktree, verification and landing`,
    `Success:      ${(results.successRate * 100).toFixed(1)} % of sessions, where one that failed and was tried again counts as failed; ${results.issuesLanded} issues landed, ${results.issuesFailed} failed`,
    `Workers:      at most ${results.peakConcurrentWorkers} at once, ${results.scaleOperations} scale operations, ${results.workerStalls} stalls`,
    `Backpressure: ${results.backpressureActivations} times`,
    `Health:       ${results.health}`,
    verdict,
  ].join('\n');
}
