import type { SQLOutputValue } from 'node:sqlite';
import type { FlowEvent, FlowEventType, KeptValue, RunProjection, RunStatus, StoredRun } from './flow-records.js';

export type Row = Record<string, SQLOutputValue>;

/** Numbers in the file for ever: a new status takes a new number. */
export const STATUS_NUMBERS: Readonly<Record<RunStatus, number>> = Object.freeze({
  queued: 0,
  running: 1,
  waiting: 2,
  paused: 3,
  completed: 4,
  failed: 5,
  rolling_back: 6,
  rolled_back: 7,
  rollback_failed: 8,
  cancelled: 9,
});

/** Numbers in the file for ever: a new type takes a new number. */
export const EVENT_NUMBERS: Readonly<Record<FlowEventType, number>> = Object.freeze({
  'run.started': 0,
  'stage.started': 1,
  'stage.completed': 2,
  'stage.failed': 3,
  'stage.retry_scheduled': 4,
  'timer.set': 5,
  'timer.fired': 6,
  'signal.awaited': 7,
  'signal.received': 8,
  'child.started': 9,
  'run.cancel_requested': 10,
  'rollback.started': 11,
  'compensation.started': 12,
  'compensation.completed': 13,
  'compensation.failed': 14,
  'run.completed': 15,
  'run.failed': 16,
  'run.rolled_back': 17,
  'run.rollback_failed': 18,
  'run.cancelled': 19,
});

const STATUSES = inverse(STATUS_NUMBERS);
const EVENT_TYPES = inverse(EVENT_NUMBERS);

/** The status a run has once its last event is of this type. */
const STATUS_AT_END: Readonly<Partial<Record<FlowEventType, RunStatus>>> = Object.freeze({
  'run.completed': 'completed',
  'run.failed': 'failed',
  'run.rolled_back': 'rolled_back',
  'run.rollback_failed': 'rollback_failed',
  'run.cancelled': 'cancelled',
});

export function endsRun(event: FlowEvent): boolean {
  return STATUS_AT_END[event.type] !== undefined;
}

/** What lists show of a run whose last event is this one; null when that does not end it. */
export function projectionAtEnd(event: FlowEvent): RunProjection | null {
  const status = STATUS_AT_END[event.type];
  if (status === undefined) return null;
  const completed = status === 'completed';
  return {
    status,
    updatedAt: event.at,
    endedAt: event.at,
    output: completed ? event.data : null,
    error: completed ? null : event.data,
  };
}

/** What lists show of a run that sleeps; `rollback` is its event `rollback.started`, if it has one. */
export function sleepingProjection(rollback: Row | undefined, updatedAt: number): RunProjection {
  const line = { endedAt: null, output: null };
  if (rollback === undefined) return { ...line, status: 'waiting', updatedAt, error: null };
  return { ...line, status: 'rolling_back', updatedAt: rollback.at as number, error: rollback.data as string | null };
}

export function statusOf(number: SQLOutputValue | undefined): RunStatus {
  return STATUSES[Number(number)] ?? 'failed';
}

export function eventOf(row: Row): FlowEvent {
  return {
    seq: row.seq as number,
    type: EVENT_TYPES[row.type as number] as FlowEventType,
    stage: row.stage as number,
    attempt: row.attempt as number,
    at: row.at as number,
    data: row.data as string | null,
  };
}

export function runOf(row: Row): StoredRun {
  return {
    key: row.key as number,
    id: row.id as string,
    name: row.name as string,
    version: row.version as number,
    input: row.input as KeptValue,
    inputHash: row.input_hash as string,
    attributes: attributesOf(row.attributes),
    priority: row.priority as number,
    tenant: row.tenant as string,
    user: row.user as string,
    authority: { role: row.role as StoredRun['authority']['role'], runsCommands: row.runs_commands === 1 },
    parent: row.parent_key === null ? null : { key: row.parent_key as number, stage: row.parent_stage as number },
    createdAt: row.created_at as number,
    status: statusOf(row.status),
    updatedAt: row.updated_at as number,
    endedAt: row.ended_at as number | null,
    output: row.output as string | null,
    error: row.error as string | null,
  };
}

export function attributesOf(json: SQLOutputValue | undefined): Readonly<Record<string, string>> {
  return typeof json === 'string' ? (JSON.parse(json) as Record<string, string>) : NO_ATTRIBUTES;
}

const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze({});

function inverse<T extends string>(numbers: Readonly<Record<T, number>>): readonly T[] {
  const names: T[] = [];
  for (const [name, number] of Object.entries(numbers) as [T, number][]) names[number] = name;
  return names;
}
