import { shortDuration } from './durations.js';

interface Scenario {
  readonly issues: number;
  readonly agents: number;
  readonly sessionMs: number;
  /** Issues come in over this time. */
  readonly rampUpMs: number;
  /** Of the sessions. */
  readonly failureRate: number;
}

/** The load tests of the harness plugin, from the smallest, with its numbers: they are told before it is asked to begin. */
export const LOAD_TESTS: Readonly<Record<string, Scenario>> = Object.freeze({
  smoke: { issues: 10, agents: 5, sessionMs: 30_000, rampUpMs: 10_000, failureRate: 0.1 },
  light: { issues: 50, agents: 8, sessionMs: 45_000, rampUpMs: 30_000, failureRate: 0.1 },
  medium: { issues: 100, agents: 15, sessionMs: 60_000, rampUpMs: 60_000, failureRate: 0.1 },
  heavy: { issues: 200, agents: 25, sessionMs: 60_000, rampUpMs: 90_000, failureRate: 0.1 },
  stress: { issues: 300, agents: 35, sessionMs: 60_000, rampUpMs: 120_000, failureRate: 0.15 },
});

/** What a load test will do, and how long that takes at least; undefined of one that is not known here. */
export function loadTestPlan(name: string, speed = 1): string | undefined {
  const scenario = LOAD_TESTS[name];
  if (!scenario) return undefined;
  const { issues, agents, sessionMs } = scenario;
  const faster = speed === 1 ? '' : ` (${shortDuration(sessionMs)} ÷ ${speed})`;
  const takes = shortDuration(expectedMs(scenario) / speed);
  return `Load test ${name}: ${issues} issues, up to ${agents} agents at once, sessions of ${shortDuration(sessionMs / speed)}${faster}. It takes at least ${takes}, more on a busy machine; interrupting ends it.`;
}

/** All agents are busy until the sessions are done, those of first attempts that fail too; or the last issue comes later. */
function expectedMs({ issues, agents, sessionMs, rampUpMs, failureRate }: Scenario): number {
  const sessions = issues / (1 - failureRate);
  return Math.max(rampUpMs + sessionMs, Math.ceil(sessions / agents) * sessionMs);
}
