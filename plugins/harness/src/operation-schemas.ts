import { z } from '@bellows/sdk';
import { ISSUE_STATUSES, JOB_STATUSES } from './jobs/job-records.js';
import { jobRequestSchema } from './jobs/job-requests.js';
import { loadTestInputSchema, loadTestResultsSchema } from './load-test/load-test-spec.js';
import { HEALTH_STATES } from './scaling/judge-health.js';

const count = z.int().min(0);
const timeSchema = z.number().describe('ms since 1970');
const idSchema = z.string().min(1).max(200);
const statusSchema = z.enum(JOB_STATUSES);

const outcome = {
  landed: z.array(z.strictObject({ issue: z.string(), commit: z.string() })).readonly(),
  failed: z
    .array(z.strictObject({ issue: z.string(), reason: z.string(), attempts: count }))
    .readonly()
    .describe('Those that ended otherwise; `reason` of the last attempt'),
};

const jobIdDescription =
  'The one that was asked for; else one that follows from the idempotency key: a stage of a workflow, whose key is `<run>/<stage>`, finds its job again';

const jobSchema = z.strictObject({
  id: z.string().describe(jobIdDescription),
  status: statusSchema,
  repo: z.string(),
  branch: z.string(),
  issues: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      status: z.enum(ISSUE_STATUSES),
      attempts: count,
      commit: z.string().optional(),
      reason: z.string().optional().describe('Why the latest failed attempt failed'),
      message: z.string().optional(),
      log: z.string().optional().describe('File with what the agent of the last attempt wrote'),
      verifyLog: z.string().optional().describe('File with what the verification wrote, where that failed last'),
      startedAt: timeSchema.optional(),
      endedAt: timeSchema.optional(),
    }),
  ),
  ...outcome,
  warnings: z.array(z.string()).readonly(),
  createdAt: timeSchema,
  endedAt: timeSchema.optional(),
});

const runInputSchema = z.strictObject({
  ...jobRequestSchema.shape,
  mustLand: z
    .enum(['all', 'some'])
    .optional()
    .describe('When fewer issues land, the call fails with JOB_FAILED. Without it every end of the job is an answer'),
});

const runSchema = z.strictObject({
  id: z.string(),
  status: statusSchema,
  ...outcome,
});

const scaleMetrics = {
  currentWorkers: count,
  activeWorkers: count,
  idleWorkers: count,
  stalledWorkers: count,
  queueDepth: count,
  mergeQueueDepth: count,
  throughputPerMinute: z.number(),
  avgSessionDurationMs: z.number(),
  p95SessionDurationMs: z.number(),
  successRate: z.number(),
  totalSessionsCompleted: count,
  totalSessionsFailed: count,
  health: z.enum(HEALTH_STATES),
  healthReason: z.string().describe('Why the health is what it is'),
  backpressureActive: z.boolean(),
  scaleOperations: count,
  lastScaleAt: z.string().nullable(),
};

export const schemas = Object.freeze({
  start: { input: jobRequestSchema, output: z.strictObject({ id: z.string() }) },
  run: { input: runInputSchema, output: runSchema },
  get: { input: z.strictObject({ id: idSchema }), output: jobSchema },
  wait: {
    input: z.strictObject({ id: idSchema, timeoutMs: z.int().min(0).default(30_000).describe('Then the job is answered as it is') }),
    output: jobSchema,
  },
  list: {
    input: z.strictObject({
      limit: z.int().min(1).max(1_000).default(50),
      cursor: z
        .string()
        .regex(/^\d{1,15}$/, 'give what an earlier answer had as cursor')
        .optional(),
    }),
    output: z.strictObject({
      items: z.array(
        z.strictObject({
          id: z.string(),
          status: statusSchema,
          repo: z.string(),
          branch: z.string(),
          issues: count,
          landed: count,
          failed: count,
          createdAt: timeSchema,
          endedAt: timeSchema.nullable(),
        }),
      ),
      cursor: z.string().optional(),
    }),
  },
  metrics: {
    input: z.strictObject({}),
    output: z.strictObject({
      ...scaleMetrics,
      runningJobs: count,
      workers: z.strictObject({ limit: count, limitedBy: z.string(), reason: z.string() }),
    }),
  },
  cancel: { input: z.strictObject({ id: idSchema }), output: jobSchema },
  loadTest: { input: loadTestInputSchema, output: loadTestResultsSchema },
});
