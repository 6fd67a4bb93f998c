import { z } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import { HEALTH_STATES } from '../scaling/judge-health.js';

const ratio = z.number().min(0).max(1);
const durationMs = z.number().min(0).max(86_400_000);

export const loadTestSpecSchema = z.strictObject({
  totalIssues: z.int().min(1).max(10_000).default(100),
  concurrentAgents: z.int().min(1).max(1_000).default(15).describe('The most agents at once, and the peak that is aimed at'),
  avgSessionDurationMs: durationMs.default(60_000),
  sessionDurationVariance: ratio.default(0.3).describe('0.3: evenly between 70 % and 130 % of the average'),
  failureRate: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.1)
    .describe('Of the sessions: first attempts that fail; each issue succeeds at its second'),
  rampUpMs: durationMs.default(60_000).describe('Issues come in evenly over this time'),
  speed: z.number().min(0.1).max(1_000).default(1).describe('All times are divided by it; the report says so'),
  seed: z.int().min(0).default(1).describe('Durations and failures follow from it'),
});

/** What a load test does. (Seed 001.) */
export type LoadTestSpec = z.output<typeof loadTestSpecSchema>;

/** Number of issues, agents, average session and ramp as the original project had them. */
export const LOAD_TEST_SCENARIOS = Object.freeze({
  smoke: scenario({ totalIssues: 10, concurrentAgents: 5, avgSessionDurationMs: 30_000, rampUpMs: 10_000 }),
  light: scenario({ totalIssues: 50, concurrentAgents: 8, avgSessionDurationMs: 45_000, rampUpMs: 30_000 }),
  medium: scenario({ totalIssues: 100, concurrentAgents: 15, avgSessionDurationMs: 60_000, rampUpMs: 60_000 }),
  heavy: scenario({ totalIssues: 200, concurrentAgents: 25, avgSessionDurationMs: 60_000, rampUpMs: 90_000 }),
  stress: scenario({ totalIssues: 300, concurrentAgents: 35, avgSessionDurationMs: 60_000, rampUpMs: 120_000, failureRate: 0.15 }),
});

export type LoadTestScenario = keyof typeof LOAD_TEST_SCENARIOS;

const SCENARIO_NAMES = ['smoke', 'light', 'medium', 'heavy', 'stress'] as const satisfies readonly LoadTestScenario[];

/** A whole spec from parts of it. `LOAD_TEST_INVALID` for numbers out of range. */
export function generateLoadTestSpec(given: Partial<LoadTestSpec> = {}): LoadTestSpec {
  const parsed = loadTestSpecSchema.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw harnessError('LOAD_TEST_INVALID', `The load test cannot run: ${problems.join('; ')}`);
}

/** `LOAD_TEST_INVALID` when there is no such scenario. */
export function scenarioSpec(name: string): LoadTestSpec {
  if (Object.hasOwn(LOAD_TEST_SCENARIOS, name)) return LOAD_TEST_SCENARIOS[name as LoadTestScenario];
  throw harnessError('LOAD_TEST_INVALID', `There is no scenario ${JSON.stringify(name)}: use ${SCENARIO_NAMES.join(', ')}`);
}

/** A scenario, parts of a spec, or both: the parts stand above the scenario. */
export const loadTestInputSchema = z.strictObject({
  scenario: z.enum(SCENARIO_NAMES).optional(),
  ...Object.fromEntries(Object.entries(loadTestSpecSchema.shape).map(([key, field]) => [key, field.removeDefault().optional()])),
} as unknown as { scenario: z.ZodOptional<z.ZodEnum<{ [K in LoadTestScenario]: K }>> } & {
  [K in keyof LoadTestSpec]: z.ZodOptional<z.ZodNumber>;
});

export const loadTestResultsSchema = z.strictObject({
  throughputPerSecond: z.number(),
  avgLatencyMs: z.number().describe('Of sessions, from when a worker took the issue to landed or failed'),
  p95LatencyMs: z.number(),
  p99LatencyMs: z.number(),
  successRate: ratio.describe('Of sessions: one that failed and was tried again counts as failed'),
  peakConcurrentWorkers: z.int(),
  scaleOperations: z.int(),
  backpressureActivations: z.int().describe('How many batches of new issues had to wait outside because the queue was full'),
  workerStalls: z.int(),
  health: z.enum(HEALTH_STATES),
  issuesLanded: z.int(),
  issuesFailed: z.int(),
  durationMs: z.number(),
  speedFactor: z.number(),
  passed: z.boolean(),
  failedCriteria: z.array(z.string()).readonly(),
  summary: z.string(),
});

/** Seed 001, "Load Test Results"; what it does not name stands beside it. */
export type LoadTestResults = z.output<typeof loadTestResultsSchema>;

function scenario(fields: Partial<LoadTestSpec>): LoadTestSpec {
  return generateLoadTestSpec(fields);
}
