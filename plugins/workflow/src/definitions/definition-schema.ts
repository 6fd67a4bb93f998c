import { z } from '@bellows/sdk';

/** What `${stages.name.output}` can name: a letter, then letters, digits, _ and -; at most 128, so that 100,000 names stay small. */
export const NAME_PATTERN = /^[A-Za-z][\w-]{0,127}$/;

/** `<plugin>.<verb>` */
export const OPERATION_PATTERN = /^[A-Za-z][\w-]*(\.[\w-]+)+$/;

const HOUR_MS = 3_600_000;
/** Longer than a process waits for anything; beyond, numbers are typing errors. */
const MAX_WAIT_MS = 10 * 365 * 24 * HOUR_MS;

const name = z.string().regex(NAME_PATTERN, 'a name is a letter, then letters, digits, _ and -, at most 128 in all');
const operation = z.string().max(256).regex(OPERATION_PATTERN, 'an operation is named <plugin>.<verb>, as compute.invoke is');
const version = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
const timeoutMs = z.int().min(1).max(MAX_WAIT_MS);

const retry = z.strictObject({
  // 3: most faults of a network or of a restarting service are over by then, and a lasting one is known within a second
  maxAttempts: z.int().min(1).max(10_000).default(3),
  // 100 ms: long enough for a connection to come back, short enough that nobody notices
  initialMs: z.int().min(0).max(MAX_WAIT_MS).default(100),
  // 2: each wait gives the other side as much time as all before together
  factor: z.number().min(1).max(100).default(2),
  // 30 s: an outage of minutes is noticed soon after it ends
  maxMs: z.int().min(0).max(MAX_WAIT_MS).default(30_000),
  // none: the kinds of errors that never help to repeat are known without
  nonRetryable: z.array(z.string().min(1).max(128)).max(1_000).default([]),
});

const compensation = z.strictObject({
  operation: operation.optional(),
  run: name.optional(),
  input: z.unknown().optional(),
  // 5: what is not undone is left to a human being, so more is tried than for going forward
  retry: retry.extend({ maxAttempts: retry.shape.maxAttempts.unwrap().default(5) }).optional(),
  // a minute: without a bound one that hangs would keep all that is to be undone after it waiting
  timeoutMs: timeoutMs.default(60_000),
});

/** Part of the form, not of what can run yet. */
export const PLANNED_KINDS: ReadonlySet<string> = new Set(['map', 'branch']);

export const TIMER_FORM = 'a timer is a number of ms, { until: ms since 1970 } or one ${…} that gives either';

/** One stage as it is written. Exactly one of the kinds must be there, which `readDocument` checks. */
export const stageSchema = z.strictObject({
  name,
  operation: operation.optional(),
  run: name.optional(),
  workflow: z.union([name, z.strictObject({ name, version: version.optional() })]).optional(),
  timer: z
    .union([z.int().min(0).max(MAX_WAIT_MS), z.string(), z.strictObject({ until: z.union([z.int().min(0), z.string()]) })], TIMER_FORM)
    .optional(),
  signal: name.optional(),
  map: z.unknown().optional(),
  branch: z.unknown().optional(),
  input: z.unknown().optional(),
  dependsOn: z.array(z.string()).optional(),
  retry: retry.optional(),
  // left out: no bound, because only the author knows how long an agent or a build may take
  timeoutMs: timeoutMs.nullable().optional(),
  thread: z.boolean().default(false),
  compensate: compensation.optional(),
});

/** All but the stages, which are read one by one: a fault in one must not hide those of others. */
export const headSchema = z.strictObject({
  name,
  // 1: the first version of anything; a changed definition must say 2
  version: version.default(1),
  maxDepth: z.int().min(1).max(100_000).nullable().default(null),
  output: z.unknown().optional(),
  stages: z.array(z.unknown()).min(1, 'a pipeline needs at least one stage'),
});

/** The form of YAML and JSON definitions as a whole, for editors and reference pages. */
export const definitionSchema = headSchema.extend({ stages: z.array(stageSchema).min(1) });

export type StageDocument = z.output<typeof stageSchema>;
export type DefinitionHead = z.output<typeof headSchema>;
export type CompensationDocument = z.output<typeof compensation>;

export const DEFAULT_RETRY = Object.freeze(retry.parse({}));
export const DEFAULT_COMPENSATION_RETRY = Object.freeze(compensation.shape.retry.unwrap().parse({}));
export const DEFAULT_COMPENSATION_TIMEOUT_MS = compensation.parse({}).timeoutMs;
