import path from 'node:path';
import { z } from '@bellows/sdk';
import { RUN_ID_PATTERN } from './engine/run-ids.js';
import { FLOW_EVENT_TYPES, RUN_STATUSES } from './store/flow-records.js';

const MAX_NAME = 128;
const nameSchema = z.string().min(1).max(MAX_NAME).describe('Name of a workflow');
const versionSchema = z.int().min(1);
const newIdSchema = z
  .string()
  .regex(RUN_ID_PATTERN, 'use 1 to 200 letters, digits, ".", "_", ":", "@", "~" or "-", beginning with a letter or digit');
/** Also those of child runs, which hold slashes. */
const idSchema = z.string().min(1).max(20_000).describe('Id of a run');
const timeSchema = z.number().describe('ms since 1970');
const count = z.int().min(0);
const attributesSchema = z
  .record(z.string().min(1).max(MAX_NAME), z.string().max(1_024))
  .refine((attributes) => Object.keys(attributes).length <= 64, 'at most 64 attributes')
  .describe('Texts to find the run by');
const statusSchema = z.enum(RUN_STATUSES);

const errorSchema = z.looseObject({
  code: z.string(),
  message: z.string(),
  stage: z.string().optional().describe('The stage it happened in'),
});

const waitSchema = z
  .union([
    z.strictObject({ kind: z.literal('signal'), name: z.string() }),
    z.strictObject({ kind: z.enum(['timer', 'retry']), dueAt: timeSchema }),
    z.strictObject({ kind: z.literal('run'), id: z.string() }),
  ])
  .describe('What it waits for: a signal, a time, the next attempt or the end of a child run; only while it waits');

const compensationSchema = z.strictObject({
  status: z.enum(['running', 'waiting', 'completed', 'failed']),
  attempts: count,
  startedAt: timeSchema.nullable(),
  endedAt: timeSchema.nullable(),
  waitsFor: waitSchema.optional(),
  error: errorSchema.optional(),
});

const stageSchema = z.strictObject({
  name: z.string(),
  dependsOn: z.array(z.string()).readonly().optional().describe('Stages that must have completed first; missing when the definition is'),
  status: z.enum(['pending', 'running', 'waiting', 'completed', 'failed', 'cancelled']),
  attempts: count,
  startedAt: timeSchema.nullable(),
  endedAt: timeSchema.nullable(),
  output: z.unknown().optional(),
  outputBytes: count.optional().describe('Of an output that is left out: those of all stages together may have 128 MiB in one answer'),
  waitsFor: waitSchema.optional(),
  error: errorSchema.optional().describe('Of the last attempt, while the stage has not completed'),
  compensation: compensationSchema.optional(),
});

const rollbackSchema = z.strictObject({
  waves: z
    .array(z.array(z.string()).readonly())
    .readonly()
    .describe('Names of stages; those of one wave are compensated together, one wave after the other'),
  rolledBack: z.array(z.string()).readonly(),
  errors: z.array(z.strictObject({ stage: z.string(), code: z.string(), message: z.string() })).readonly(),
});

const runSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  version: versionSchema,
  status: statusSchema,
  input: z.unknown(),
  output: z.unknown().optional(),
  error: errorSchema.optional(),
  stages: z.array(stageSchema).readonly(),
  rollback: rollbackSchema.optional(),
  attributes: z.record(z.string(), z.string()),
  createdAt: timeSchema,
  endedAt: timeSchema.optional(),
});

const itemSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  version: versionSchema,
  status: statusSchema,
  attributes: z.record(z.string(), z.string()),
  createdAt: timeSchema,
  updatedAt: timeSchema,
  endedAt: timeSchema.optional(),
  error: errorSchema.optional(),
});

const eventSchema = z.strictObject({
  seq: count,
  type: z.enum(FLOW_EVENT_TYPES),
  at: timeSchema,
  stage: z.string().optional(),
  attempt: count.optional(),
  data: z.unknown().optional().describe('Output, payload, error or time; `{ spilled: { bytes } }` for a large value'),
});

export const schemas = Object.freeze({
  define: {
    input: z.union([
      z.strictObject({ yaml: z.string().min(1).describe('The definition as YAML') }),
      z.strictObject({ json: z.record(z.string(), z.unknown()).describe('The definition as JSON') }),
    ]),
    output: z.strictObject({ name: z.string(), version: versionSchema, stages: count }),
  },
  start: {
    input: z.strictObject({
      name: nameSchema,
      version: versionSchema.optional().describe('Default: the newest'),
      input: z.unknown().optional().describe('Any JSON; left out is an object without fields'),
      id: newIdSchema.optional().describe('Starting the same id with the same input again finds the run that is there'),
      attributes: attributesSchema.optional(),
      priority: z.int().min(-1_000).max(1_000).optional().describe('Stages of runs with a higher one execute first; default 0'),
    }),
    output: z.strictObject({ id: z.string(), created: z.boolean() }),
  },
  get: { input: z.strictObject({ id: idSchema }), output: runSchema },
  wait: {
    input: z.strictObject({
      id: idSchema,
      timeoutMs: z.int().min(0).max(86_400_000).default(30_000).describe('When it is up, the answer is where the run stands'),
    }),
    output: runSchema,
  },
  list: {
    input: z.strictObject({
      status: statusSchema.optional(),
      name: nameSchema.optional(),
      from: timeSchema.optional().describe('Created then or later, ms since 1970'),
      to: timeSchema.optional().describe('Created then or earlier, ms since 1970'),
      attributes: attributesSchema.optional().describe('All of these must be equal'),
      limit: z.int().min(1).max(1_000).default(50),
      cursor: z.string().max(1_000).optional().describe('From the answer before: what comes after it'),
    }),
    output: z.strictObject({ items: z.array(itemSchema), cursor: z.string().optional() }),
  },
  history: {
    input: z.strictObject({
      id: idSchema,
      after: count.default(0).describe('Events after this number'),
      limit: z.int().min(1).max(10_000).default(1_000),
    }),
    output: z.strictObject({ events: z.array(eventSchema), next: count.optional().describe('Give it as `after`: there are more') }),
  },
  signal: {
    input: z.strictObject({
      id: idSchema,
      name: z.string().min(1).max(MAX_NAME).describe('Name of the signal'),
      payload: z.unknown().optional().describe('Any JSON; the output of the stage that waits for it'),
    }),
    output: z.strictObject({
      id: z.string(),
      awaitedBy: z.array(z.string()).readonly().describe('Stages that wait for this signal, or will; empty: most likely it is misspelt'),
      signals: z.array(z.string()).readonly().describe('All signals that stages of the definition wait for'),
    }),
  },
  cancel: { input: z.strictObject({ id: idSchema }), output: z.strictObject({ id: z.string(), status: statusSchema }) },
  backup: {
    input: z.strictObject({
      folder: z
        .string()
        .refine((folder) => path.isAbsolute(folder), 'give an absolute path')
        .describe('Where the host runs, absolute; it must be there'),
    }),
    output: z.strictObject({ files: z.array(z.string()).readonly().describe('What was written into the folder') }),
  },
});

export type StartInput = z.output<typeof schemas.start.input>;
export type ListInput = z.output<typeof schemas.list.input>;
export type HistoryInput = z.output<typeof schemas.history.input>;
