import { type BellowsError, messageOf } from '@bellows/sdk';
import { stageNamesOf } from '../definitions/definition-changes.js';
import type { Pipeline } from '../definitions/pipeline.js';
import { workflowError } from '../errors.js';
import type { IFlowStore, StoredRun } from '../store/flow-records.js';

/** The definition of a run, or what is known of it when it cannot be used. */
export type FoundDefinition =
  | { readonly pipeline: Pipeline; readonly missing: null }
  | { readonly pipeline: null; readonly missing: MissingDefinition };

export interface MissingDefinition {
  /** `WORKFLOW_UNKNOWN`, with what to do. */
  readonly error: BellowsError;
  /** Of its stages; null when nothing of it was kept. */
  readonly stageNames: readonly string[] | null;
}

export interface FindOptions {
  readonly store: Pick<IFlowStore, 'definition'>;
  /** Throws when the definition cannot be used. */
  readonly pipelineOf: (name: string, version: number) => Pipeline;
}

/** Never throws because the definition is missing. */
export function findDefinition(
  { name, version }: Pick<StoredRun, 'name' | 'version'>,
  { store, pipelineOf }: FindOptions,
): FoundDefinition {
  try {
    return { pipeline: pipelineOf(name, version), missing: null };
  } catch (error) {
    const stored = store.definition(name, version);
    const bringBack = `add the file of version ${version} of "${name}" to \`definitions\` again`;
    const message =
      stored === null
        ? `${bringBack}; a definition that came by workflow.define: define it again`
        : stored.json === null
          ? bringBack
          : `it cannot be used any more: ${messageOf(error)}`;
    return {
      pipeline: null,
      missing: {
        error: workflowError(
          'WORKFLOW_UNKNOWN',
          `The run needs "${name}" version ${version}, which is missing: ${message}. The run goes on then`,
        ),
        stageNames: stored === null ? null : stageNamesOf(stored),
      },
    };
  }
}
