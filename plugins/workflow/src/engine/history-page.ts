import type { FlowEvent, FlowEventType, IFlowStore, StoredRun } from '../store/flow-records.js';
import type { FoundDefinition } from './missing-definition.js';

export interface HistoryPageOptions {
  readonly run: StoredRun;
  readonly store: Pick<IFlowStore, 'events'>;
  readonly after: number;
  readonly limit: number;
  readonly definition: FoundDefinition;
}

export interface HistoryEvent {
  readonly seq: number;
  readonly type: FlowEventType;
  readonly at: number;
  readonly stage?: string;
  readonly attempt?: number;
  readonly data?: unknown;
}

/** Characters of `data` after which a page ends early: one answer must not grow with what stages answered. */
const MAX_PAGE_LENGTH = 8 * 1024 * 1024;

/** One page of the durable events of a run. Large values stand there as `{ spilled: { bytes } }`. */
export function historyPage({ run, store, after, limit, definition }: HistoryPageOptions): { events: HistoryEvent[]; next?: number } {
  const { pipeline, missing } = definition;
  const nameOf = (stage: number) => pipeline?.stages[stage]?.name ?? missing?.stageNames?.[stage] ?? `#${stage}`;
  const events: HistoryEvent[] = [];
  let length = 0;
  for (const event of store.events(run.key, after)) {
    const last = events.at(-1);
    if (last !== undefined && (events.length === limit || length > MAX_PAGE_LENGTH)) return { events, next: last.seq };
    events.push(shown(event, nameOf));
    length += event.data?.length ?? 0;
  }
  return { events };
}

function shown({ seq, type, stage, attempt, at, data }: FlowEvent, nameOf: (stage: number) => string): HistoryEvent {
  return {
    seq,
    type,
    at,
    ...(stage < 0 ? {} : { stage: nameOf(stage) }),
    ...(attempt === 0 ? {} : { attempt }),
    ...(data === null ? {} : { data: shownData(type, data) }),
  };
}

function shownData(type: FlowEventType, data: string): unknown {
  const parsed: unknown = JSON.parse(data);
  if (type === 'stage.completed' || type === 'run.completed') return shownValue(parsed);
  if (type !== 'signal.received') return parsed;
  const { name, payload } = parsed as { name: string; payload: string };
  return { name, payload: shownValue(JSON.parse(payload)) };
}

/** See `CapturedStates`: the value itself, or where it is. */
function shownValue(kept: unknown): unknown {
  const { value, spilled } = kept as { value?: unknown; spilled?: { bytes: number } };
  return spilled === undefined ? value : { spilled: { bytes: spilled.bytes } };
}
