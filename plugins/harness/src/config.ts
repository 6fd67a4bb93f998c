import { option, z } from '@bellows/sdk';

const MIB = 1024 * 1024;
const count = z.int().min(1);
const durationMs = z
  .int()
  .min(1)
  .max(7 * 24 * 3_600_000);

/** The documented defaults of seed 001 (its "Default Configuration"). */
export const scaleConfigSchema = z.strictObject({
  minWorkers: option(count.max(10_000).default(4), {
    what: 'The fewest workers; a worker runs one agent at a time.',
    unit: 'workers',
    raise: 'when first issues wait although the machine is idle',
    lower: 'to leave more of a small machine to others',
  }),
  maxWorkers: option(count.max(10_000).default(30), {
    what: 'The most workers.',
    change: 'live',
    unit: 'workers',
    raise: 'when `explain harness.scale` names it and the provider of the model allows more',
    lower: 'when agents are throttled or the machine is short of memory',
  }),
  targetQueueDepth: option(count.default(10), {
    what: 'One more worker for every so many waiting issues: the size of a step up.',
    change: 'live',
    unit: 'issues',
    raise: 'to grow in smaller steps',
    lower: 'to grow in larger steps',
  }),
  maxQueueDepth: option(count.max(10_000_000).default(100), {
    what: 'Past so many waiting issues new jobs are refused with CAPACITY; running ones go on.',
    change: 'live',
    unit: 'issues',
    raise: 'when jobs are large and may wait',
    lower: 'when callers would rather hear early that there is no room',
  }),
  workerStallTimeoutMs: option(durationMs.default(10 * 60_000), {
    what: 'An agent without progress, and without a sign of life that explains it, for so long is ended and its issue tried again.',
    unit: 'ms',
    raise: 'when healthy agents are ended while they wait for something silent',
    lower: 'to notice dead agents sooner',
  }),
  healthCheckIntervalMs: option(durationMs.default(30_000), {
    what: 'How often agents are looked at.',
    unit: 'ms',
    raise: 'to save CPU with very many agents',
    lower: 'together with workerStallTimeoutMs',
  }),
  scaleUpThreshold: option(z.number().min(0).default(2.0), {
    what: 'Waiting issues per worker above which workers are added.',
    change: 'live',
    unit: 'issues per worker',
    raise: 'to keep fewer agents',
    lower: 'to start agents sooner',
  }),
  scaleDownThreshold: option(z.number().min(0).default(0.5), {
    what: 'Waiting issues per worker below which idle workers are removed.',
    change: 'live',
    unit: 'issues per worker',
    raise: 'to shrink sooner',
    lower: 'to keep workers for the next burst',
  }),
  scaleCooldownMs: option(z.int().min(0).max(86_400_000).default(60_000), {
    what: 'The least time between two changes of the number of workers.',
    change: 'live',
    unit: 'ms',
    raise: 'when the number flaps',
    lower: 'when it follows the load too slowly',
  }),
  maxSessionsPerWorker: option(count.default(50), {
    what: 'After so many sessions a worker takes work only when no other is free, and is replaced.',
    change: 'live',
    unit: 'sessions',
    raise: 'for very short sessions',
    lower: 'to spread the work more evenly',
  }),
});

export type ScaleConfig = z.output<typeof scaleConfigSchema>;

export const DEFAULT_SCALE_CONFIG: ScaleConfig = Object.freeze(scaleConfigSchema.parse({}));

/** Every option of the plugin: the only source of defaults, texts and types. */
export const harnessConfigSchema = z.strictObject({
  scale: option(scaleConfigSchema.prefault({}), { what: 'How many workers there are, and how their number follows the queue.' }),
  maxAttempts: option(count.max(100).default(3), {
    what: 'How often an issue is tried before it is reported as failed.',
    change: 'live',
    unit: 'attempts',
    raise: 'when agents fail by chance',
    lower: 'when attempts are dear',
  }),
  sessionTimeoutMs: option(durationMs.default(2 * 3_600_000), {
    what: 'The longest time of one session, however busy.',
    change: 'live',
    unit: 'ms',
    raise: 'for very long tasks',
    lower: 'to bound what one issue may cost',
  }),
  verifyTimeoutMs: option(durationMs.default(30 * 60_000), {
    what: 'The longest time of one run of the verification command.',
    change: 'live',
    unit: 'ms',
    raise: 'when tests take longer',
    lower: 'when tests that hang should be noticed sooner',
  }),
  maxConcurrentVerifications: option(count.max(1_000).nullable().default(null), {
    what: 'Verification commands at once; null is one per core.',
    change: 'live',
    unit: 'commands',
    raise: 'when verification waits while cores are idle',
    lower: 'when each uses several cores',
  }),
  killGraceMs: option(z.int().min(0).max(600_000).default(5_000), {
    what: 'From SIGTERM to SIGKILL when an agent is ended.',
    unit: 'ms',
    raise: 'when agents need longer to put their things away',
    lower: 'when a stop must be quick',
  }),
  maxOutputBytes: option(
    count
      .min(4_096)
      .max(1024 * MIB)
      .default(8 * MIB),
    {
      what: 'How much of the output of one agent or verification is kept, half of it from the beginning and half from the end.',
      unit: 'bytes',
      raise: 'when the middle of a log is missing',
      lower: 'when the data folder grows too large',
    },
  ),
  retentionMs: option(
    z
      .int()
      .min(0)
      .nullable()
      .default(30 * 24 * 3_600_000),
    {
      what: 'How long ended jobs and their logs are kept; null keeps them for ever.',
      change: 'live',
      unit: 'ms',
      raise: 'when reports are needed longer',
      lower: 'when the data folder grows too large',
    },
  ),
});

export type HarnessConfig = z.output<typeof harnessConfigSchema>;
