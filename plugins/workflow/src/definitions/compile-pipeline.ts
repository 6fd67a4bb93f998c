import { createHash } from 'node:crypto';
import { isWorkflowDefinition, type StageFunction } from '@bellows/sdk/workflow';
import { canonicalJson } from './canonical-json.js';
import { outlineOf } from './definition-changes.js';
import { Faults } from './faults.js';
import { linkStages, type StageGraph } from './link-stages.js';
import type { Pipeline, Stage } from './pipeline.js';
import { readDocument } from './read-document.js';
import { readWorkflow } from './read-workflow.js';
import { shortened } from './shortened.js';
import type { PipelineDraft } from './stage-draft.js';

export interface CompileOptions {
  /** The longest chain of stages; a lower `maxDepth` of the definition counts instead. */
  readonly maxDepth: number;
  readonly maxStages: number;
  /** Where the definition comes from, when that is a file. */
  readonly file?: string | null;
  /** Those of `defineFunction`, by name. */
  readonly functions: ReadonlyMap<string, StageFunction>;
}

/**
 * Makes a definition ready to run: a parsed YAML or JSON document, or what `defineWorkflow` returned. Throws one error whose `details` name every fault with its path:
 * `DEFINITION_INVALID`, or the code that all of them share (`PIPELINE_TOO_DEEP`, `FUNCTION_UNKNOWN`, `FEATURE_UNSUPPORTED`). The
 * definition is not kept. Time and memory are proportional to what is in it.
 */
export function compilePipeline(definition: unknown, options: CompileOptions): Pipeline {
  const faults = new Faults();
  const reading = { faults, maxStages: options.maxStages, functions: options.functions };
  const draft = isWorkflowDefinition(definition) ? readWorkflow(definition, reading) : readDocument(definition, reading);
  const graph = draft === null ? null : linkStages(draft, Math.min(options.maxDepth, draft.maxDepth ?? options.maxDepth), faults);
  const error = faults.error(`the definition${nameShown(definition)}`);
  if (error !== undefined) throw error;
  return pipelineOf(draft!, graph!, options.file ?? null);
}

function nameShown(definition: unknown): string {
  const name: unknown = typeof definition === 'object' && definition !== null ? (definition as { name?: unknown }).name : undefined;
  return typeof name === 'string' ? ` "${shortened(name)}"` : '';
}

function pipelineOf(draft: PipelineDraft, { dependsOn, dependants, roots, depth }: StageGraph, file: string | null): Pipeline {
  const stages = draft.stages.map((stage, index): Stage => {
    const { name, kind, operation, run, workflow, signal, input, retry, timeoutMs, compensation } = stage!;
    const links = { dependsOn: dependsOn[index]!, dependants: dependants[index]! };
    return Object.freeze({ index, name, kind, ...links, operation, run, workflow, signal, input, retry, timeoutMs, compensation });
  });
  const { name, version, maxDepth, output, checkInput, json } = draft;
  Object.freeze(stages);
  const outline = json === null ? outlineOf(draft) : null;
  const hash = hashOf(draft, dependsOn);
  return Object.freeze({ name, version, hash, stages, roots, depth, maxDepth, output, checkInput, file, json, outline });
}

/**
 * Stages in their order, because the log of a run names them by index. Not in it: code of functions, since recorded results make changed
 * code safe, and `maxDepth`, which decides what may start and not how it goes on. Stage by stage, so that no copy of the whole is made.
 */
function hashOf(draft: PipelineDraft, dependsOn: StageGraph['dependsOn']): string {
  const hash = createHash('sha256');
  draft.stages.forEach((stage, index) => {
    hash.update(canonicalJson([stage!.identity, dependsOn[index]]));
    hash.update('\n');
  });
  return hash.update(canonicalJson(draft.outputIdentity)).digest('hex');
}
