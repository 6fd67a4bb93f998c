import type { BellowsError } from '@bellows/sdk';
import type {
  FlowChange,
  FlowEvent,
  FlowEventType,
  IFlowStore,
  RunProjection,
  RunRecord,
  RunStatus,
} from '../../src/store/flow-records.js';
import type { FlowStore } from '../../src/store/flow-store.js';

/** Any run, with what the test cares for. */
export function aRun(key: number, part: Partial<RunRecord> = {}): RunRecord {
  return {
    key,
    id: `run-${key}`,
    name: 'order',
    version: 1,
    input: '{"value":{"n":1}}',
    inputHash: 'ab12',
    attributes: {},
    priority: 0,
    tenant: 'default',
    user: 'default',
    authority: { role: 'admin', runsCommands: true },
    parent: null,
    createdAt: 1_000 + key,
    ...part,
  };
}

export function anEvent(seq: number, type: FlowEventType = 'stage.completed', data: string | null = `{"value":${seq}}`): FlowEvent {
  return { seq, type, stage: seq % 5, attempt: 1, at: 2_000 + seq, data };
}

export function aLine(status: RunStatus, part: Partial<RunProjection> = {}): RunProjection {
  return { status, updatedAt: 3_000, endedAt: null, output: null, error: null, ...part };
}

/** A step that makes a run with its first event. */
export function aStart(run: RunRecord, part: Partial<FlowChange> = {}): FlowChange {
  return { run: run.key, newRun: run, events: [anEvent(1, 'run.started', null)], onFailure: 'refuse', ...part };
}

/** Removes up to `limit` runs as retention does, and tells their ids. */
export function removeEndedBefore(store: FlowStore, at: number, limit: number): readonly string[] {
  const runs = store.endedBefore(at, limit);
  let left = runs.map(({ key }) => key);
  while (left.length > 0) left = left.slice(store.removeRuns(left, 3));
  return runs.map(({ id }) => id);
}

/** Submits and waits for `done`. */
export function submitted(store: IFlowStore, change: FlowChange): Promise<BellowsError | null> {
  return new Promise((resolve) => store.submit({ ...change, done: resolve }));
}
