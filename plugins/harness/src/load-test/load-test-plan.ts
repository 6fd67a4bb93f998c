import { seededRandom } from '@bellows/sdk';
import type { LoadTestSpec } from './load-test-spec.js';

export interface PlannedIssue {
  readonly id: string;
  /** From the beginning of the test. */
  readonly arrivesAtMs: number;
  /** How long its agent takes. */
  readonly durationMs: number;
  /** Whether its first attempt fails. */
  readonly fails: boolean;
}

/**
 * What each issue does and when it comes; all times are divided by the speed. The same spec gives the same plan. So many first attempts
 * fail that they are `failureRate` of all sessions, spread by chance over the issues.
 */
export function planLoadTest(spec: LoadTestSpec): readonly PlannedIssue[] {
  const { totalIssues, avgSessionDurationMs, sessionDurationVariance, failureRate, rampUpMs, speed, seed } = spec;
  const random = seededRandom(seed);
  const failing = failingIssues(totalIssues, failureRate);
  const order = shuffled(totalIssues, () => random.next());
  const fails = new Set(order.slice(0, failing));
  return Array.from({ length: totalIssues }, (_, index) => ({
    id: `load-${index + 1}`,
    arrivesAtMs: (rampUpMs * index) / totalIssues / speed,
    durationMs: (avgSessionDurationMs * (1 + sessionDurationVariance * (2 * random.next() - 1))) / speed,
    fails: fails.has(index),
  }));
}

/** With f failing issues of n there are n + f sessions, f of which fail: f = n × r ÷ (1 − r). */
function failingIssues(total: number, rate: number): number {
  return Math.min(total, Math.round((total * rate) / (1 - rate)));
}

/** Fisher and Yates. */
function shuffled(length: number, next: () => number): readonly number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last -= 1) {
    const other = Math.floor(next() * (last + 1));
    [order[last], order[other]] = [order[other] as number, order[last] as number];
  }
  return order;
}
