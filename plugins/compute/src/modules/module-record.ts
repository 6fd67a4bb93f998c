import { z } from '@bellows/sdk';
import { type ComputeConfig, MAX_PAGES } from '../config.js';

/** What may be set for one module; what is not set follows the configuration of the plugin. */
export const moduleConfigSchema = z.strictObject({
  maxPages: z.int().min(1).max(MAX_PAGES).optional().describe('How far its memory may grow, pages of 64 KiB'),
  maxPoolSize: z.int().min(0).max(1_000).optional().describe('Instances kept ready on each executor thread'),
  persistState: z.boolean().optional().meta({ description: 'Not available yet: only false is taken', unavailable: true }),
  maxTableElements: z.int().min(1).max(10_000_000).optional().describe('How far its tables may grow, all together'),
  maxFunctionBytes: z.int().min(1).max(7_654_321).optional().describe('The longest code of a single function'),
  fuel: z.string().optional().meta({ description: 'Not available yet', unavailable: true }),
  deadlineMs: z.int().min(1).optional().describe('The time of a call that brings none, ms'),
});

/** What is in force for one module: every field is there. */
export interface WasmModuleConfig {
  readonly maxPages: number;
  readonly maxPoolSize: number;
  readonly persistState: false;
  readonly maxTableElements: number;
  readonly maxFunctionBytes: number;
  readonly deadlineMs: number;
}

export type ModuleSettings = z.output<typeof moduleConfigSchema>;

/** Settings over the plugin's defaults. */
export function effectiveConfig(settings: ModuleSettings, config: ComputeConfig): WasmModuleConfig {
  return {
    maxPages: settings.maxPages ?? config.defaultMaxPages,
    maxPoolSize: settings.maxPoolSize ?? config.maxPoolSize,
    persistState: false,
    maxTableElements: settings.maxTableElements ?? config.maxTableElements,
    maxFunctionBytes: settings.maxFunctionBytes ?? config.maxFunctionBytes,
    deadlineMs: settings.deadlineMs ?? config.deadlineMs,
  };
}

const externKind = z.enum(['function', 'table', 'memory', 'global', 'tag']);
const valueType = z.enum(['i32', 'i64', 'f32', 'f64', 'v128', 'funcref', 'externref', 'exnref']);

export const moduleExportSchema = z.strictObject({
  name: z.string(),
  kind: externKind,
  params: z.array(valueType).readonly().optional(),
  results: z.array(valueType).readonly().optional(),
});
export const moduleImportSchema = z.strictObject({ module: z.string(), name: z.string(), kind: externKind });
export const moduleKindSchema = z.enum(['core', 'wasi', 'component']);

const recordSchema = z.strictObject({
  name: z.string(),
  hash: z.string(),
  bytes: z.int(),
  kind: moduleKindSchema,
  exports: z.array(moduleExportSchema).readonly(),
  imports: z.array(moduleImportSchema).readonly(),
  /** What it declares itself, against which limits are checked again when they change. */
  minPages: z.int(),
  minTableElements: z.int(),
  largestFunctionBytes: z.int(),
  settings: moduleConfigSchema,
});

/**
 * Everything known about a module under one name, in one value of the store: a new module and its settings appear
 * together or not at all.
 */
export type ModuleRecord = z.output<typeof recordSchema>;

export function encodeRecord(record: ModuleRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}

/** Throws when the bytes are no record. */
export function decodeRecord(bytes: Uint8Array): ModuleRecord {
  return recordSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
}
