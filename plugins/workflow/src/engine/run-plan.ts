import { hash } from 'node:crypto';
import type { Pipeline } from '../definitions/pipeline.js';
import type { KeptValue, RunRecord } from '../store/flow-records.js';

/** What is known of a run before it has a key. */
export interface RunPlan extends Pick<RunRecord, 'id' | 'attributes' | 'priority' | 'tenant' | 'user' | 'authority' | 'parent'> {
  readonly pipeline: Pipeline;
  readonly input: KeptValue;
  readonly inputJson: string;
}

export function recordOf(plan: RunPlan, key: number, createdAt: number): RunRecord {
  const { id, pipeline, input, inputJson, attributes, priority, tenant, user, authority, parent } = plan;
  const { name, version } = pipeline;
  return {
    key,
    id,
    name,
    version,
    input,
    inputHash: inputHashOf(inputJson),
    attributes,
    priority,
    tenant,
    user,
    authority,
    parent,
    createdAt,
  };
}

export function inputHashOf(json: string): string {
  return hash('sha256', json);
}
