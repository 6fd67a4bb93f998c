import { z } from '@bellows/sdk';
import { moduleConfigSchema, moduleExportSchema, moduleImportSchema, moduleKindSchema } from './modules/module-record.js';

export const moduleNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'use 1 to 128 letters, digits, ".", "_" or "-", beginning with a letter or digit')
  .describe('Name of a module');

/** Numbers a double cannot hold, NaN, infinities and -0 are strings. */
const numberSchema = z.union([z.number(), z.string()]);
const bytesSchema = z.base64();
const fileSchema = z.strictObject({ path: z.string().describe('Relative, with "/", without ".."'), base64: bytesSchema });

const effectiveConfigSchema = z.strictObject({
  maxPages: z.int(),
  maxPoolSize: z.int(),
  persistState: z.literal(false),
  maxTableElements: z.int(),
  maxFunctionBytes: z.int(),
  deadlineMs: z.int(),
});

const summary = { name: z.string(), hash: z.string(), bytes: z.int(), kind: moduleKindSchema };
const count = z.int().min(0);

export const schemas = Object.freeze({
  put: {
    input: z.strictObject({
      name: moduleNameSchema,
      wasm: z.string().min(1).describe('The module in base64, or the url that POST /v1/files answered'),
      config: moduleConfigSchema.optional().describe('Settings of this module; those left out stay as they were'),
    }),
    output: z.strictObject({
      ...summary,
      exports: z.array(moduleExportSchema).readonly(),
      imports: z.array(moduleImportSchema).readonly(),
    }),
  },
  invoke: {
    input: z.strictObject({
      module: moduleNameSchema,
      export: z.string().default('_start').describe('The function to call'),
      args: z.array(numberSchema).default([]).describe('Its arguments; 64-bit integers as decimal strings'),
      input: bytesSchema.optional().describe('Standard input'),
      argv: z
        .array(z.string())
        .optional()
        .describe('The whole argument vector, the name of the program first; default: the name of the module'),
      env: z.record(z.string(), z.string()).optional().describe('Environment variables'),
      files: z.array(fileSchema).optional().describe('Files in the only folder the guest sees, /'),
      fuel: z.string().optional().meta({ description: 'Not available yet: a call with fuel is refused', unavailable: true }),
      deadlineMs: z.int().min(1).optional().describe('The time of the call, waiting included'),
      seed: z.string().optional().describe('Makes the random numbers of the guest the same in every call'),
      nowMs: z.int().min(0).optional().describe('Stops the clocks of the guest here, ms since 1970; sleeping moves them on'),
    }),
    output: z.strictObject({
      results: z.array(numberSchema),
      exitCode: z.int().optional(),
      stdout: z.string().optional(),
      stderr: z.string().optional(),
      files: z
        .array(z.strictObject({ path: z.string(), base64: z.string() }))
        .optional()
        .describe('Files the guest made or changed'),
      fuelUsed: z.string().optional(),
      durationMs: z.number(),
      pool: z.enum(['warm', 'cold', 'overflow']),
    }),
  },
  list: {
    input: z.strictObject({}),
    output: z.strictObject({ modules: z.array(z.strictObject({ ...summary, calls: count })) }),
  },
  get: {
    input: z.strictObject({ name: moduleNameSchema }),
    output: z.strictObject({
      ...summary,
      config: effectiveConfigSchema,
      exports: z.array(moduleExportSchema).readonly(),
      imports: z.array(moduleImportSchema).readonly(),
      pool: z.strictObject({ size: count, warm: count, hits: count, misses: count, overflow: count }),
      calls: count,
      fuelHistogram: z.record(z.string(), count).optional(),
      lastErrors: z.array(z.strictObject({ code: z.string(), message: z.string(), at: z.number() })),
    }),
  },
  remove: {
    input: z.strictObject({ name: moduleNameSchema }),
    output: z.strictObject({ name: z.string() }),
  },
  config: {
    input: z.strictObject({ name: moduleNameSchema, ...moduleConfigSchema.shape }),
    output: z.strictObject({ name: z.string(), config: effectiveConfigSchema }),
  },
});

export type InvokeInput = z.output<typeof schemas.invoke.input>;
export type InvokeOutput = z.output<typeof schemas.invoke.output>;
export type PutInput = z.output<typeof schemas.put.input>;
export type PutOutput = z.output<typeof schemas.put.output>;
