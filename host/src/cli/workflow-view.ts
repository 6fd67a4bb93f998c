import type { CliOutput } from './cli-deps.js';
import { isoOf, shortTime, took } from './durations.js';
import { type ErrorView, errorLine, errorLines, type FailedRow, printFailures } from './failures.js';
import { printFitted, printLines } from './print.js';
import { jsonText, shortValue } from './short-value.js';
import type { NamedState } from './state-lines.js';

/** What a stage, or a run, waits for. */
type WaitsFor =
  | { readonly kind: 'signal'; readonly name: string }
  | { readonly kind: 'timer' | 'retry'; readonly dueAt: number }
  | { readonly kind: 'run'; readonly id: string };

interface StageView {
  readonly name: string;
  readonly status: string;
  readonly attempts?: number;
  readonly startedAt?: number | null;
  readonly endedAt?: number | null;
  readonly error?: ErrorView | null;
  readonly waitsFor?: WaitsFor | null;
  readonly compensation?: string | { readonly status?: string; readonly error?: ErrorView | null } | null;
}

/** What `workflow.get` and `workflow.wait` answer; nearly all of it optional: the host that is asked may be older or newer than this command. */
export interface RunView {
  readonly id: string;
  readonly name?: string;
  readonly version?: number;
  readonly status: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: ErrorView | null;
  readonly stages?: readonly StageView[];
  readonly rollback?: {
    readonly rolledBack?: readonly string[];
    readonly errors?: readonly ErrorView[];
  };
}

export interface RunListView {
  readonly items: readonly (RunView & { readonly createdAt?: number; readonly endedAt?: number | null })[];
  readonly cursor?: string | null;
}

export interface HistoryView {
  readonly events: readonly {
    readonly seq: number;
    readonly type: string;
    readonly stage?: string | number | null;
    readonly attempt?: number | null;
    readonly at: number;
    readonly data?: unknown;
  }[];
  /** There are more after this one. */
  readonly next?: number;
}

/** All that a run can be. */
export const RUN_STATUSES = [
  'queued',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'rolling_back',
  'rolled_back',
  'rollback_failed',
  'cancelled',
] as const;

/** A run in one of these never changes again. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'rolled_back', 'rollback_failed', 'cancelled']);
/** Stages nothing has happened to. */
export const RESTING_STAGES: readonly string[] = ['pending', 'blocked', 'ready', 'queued'];
/** Stages that are begun as soon as there is room. */
const NEXT_STAGES: ReadonlySet<string> = new Set(['pending', 'ready']);
const GOING_RUNS: ReadonlySet<string> = new Set(['queued', 'running']);

export function hasRunEnded({ status }: RunView): boolean {
  return ENDED.has(status);
}

export function printRun(output: CliOutput, run: RunView): void {
  const { id, name, version, status, error, stages = [], rollback: { rolledBack = [], errors = [] } = {} } = run;
  printLines(output, '', [
    ['run', id],
    ['workflow', name === undefined ? undefined : `${name}${version === undefined ? '' : ` version ${version}`}`],
    ['status', status],
    ['input', shortValue(output, run.input)],
    ['output', shortValue(output, run.output)],
    ['error', error ? errorLines(error).join('\n') : undefined],
    ['rolled back', rolledBack.length === 0 ? undefined : rolledBack.join(', ')],
    ['not undone', errors.length === 0 ? undefined : errors.map((one) => errorLine(one)).join('\n')],
  ]);
  if (stages.length > 0) printStages(output, stages, status);
}

function printStages(output: CliOutput, stages: readonly StageView[], runStatus: string): void {
  output.write('\n');
  const notes = stages.map((stage) => [waitLine(stage, runStatus), errorLine(stage.error, stage.name), undoneLine(stage)]);
  const cut = printFitted(
    output,
    ['STAGE', 'STATUS', 'ATTEMPTS', 'TOOK', 'NOTE'],
    stages.map((stage, row) => [
      stage.name,
      stage.status,
      String(stage.attempts ?? ''),
      took(stage.startedAt, stage.endedAt),
      (notes[row] ?? []).filter((note) => note !== undefined).join('; '),
    ]),
  );
  printFailures(output, stages.map(failureOf), cut);
}

/** What is said in full below the table. */
function failureOf({ name, error, compensation }: StageView): FailedRow | undefined {
  const undoing = typeof compensation === 'object' ? compensation?.error : undefined;
  const lines = [...(error ? errorLines(error, name) : []), ...(undoing ? errorLines({ ...undoing, stage: 'compensation' }) : [])];
  return lines.length === 0 ? undefined : { name, lines };
}

export function printRuns(output: CliOutput, { items }: RunListView): void {
  printFitted(
    output,
    ['RUN', 'STATUS', 'STARTED (UTC)', 'TOOK', 'WORKFLOW'],
    items.map(({ id, name = '', version, status, createdAt, endedAt }) => [
      id,
      status,
      shortTime(createdAt),
      took(createdAt, endedAt),
      version === undefined ? name : `${name} ${version}`,
    ]),
  );
}

/** Times of the day, with the day where it changes. */
export function printHistory(output: CliOutput, { events }: HistoryView): void {
  let day = '';
  const timeOf = (at: number) => {
    const [date = '', time] = isoOf(at).replace('Z', '').split('T');
    const shown = time === undefined || date !== day ? `${date} ${time ?? ''}`.trimEnd() : time;
    day = date;
    return shown;
  };
  const cut = printFitted(
    output,
    ['SEQ', 'AT (UTC)', 'EVENT', 'STAGE', 'ATTEMPT', 'DATA'],
    events.map(({ seq, type, stage, attempt, at, data }) => [
      String(seq),
      timeOf(at),
      type,
      String(stage ?? ''),
      attempt ? String(attempt) : '',
      jsonText(data) ?? '',
    ]),
  );
  printFailures(
    output,
    events.map(({ seq, type, stage, data }) => {
      const error = errorOf(type, data);
      return error && { name: `${seq} ${stage ?? type}`, lines: errorLines(error, String(stage ?? '')) };
    }),
    cut,
  );
}

/** Of an event that tells of one; else its data is what came out of it. */
function errorOf(type: string, data: unknown): ErrorView | undefined {
  if (typeof data !== 'object' || data === null || !/(failed|retry_scheduled|rollback\.started)$/.test(type)) return undefined;
  const { error = data } = data as { readonly error?: unknown };
  return typeof (error as ErrorView | null)?.message === 'string' ? (error as ErrorView) : undefined;
}

/** The run and its stages, for progress. */
export function statesOf({ id, status, stages = [] }: RunView): NamedState[] {
  const states = stages.map((stage) => {
    const { name, status: state, error, attempts = 0 } = stage;
    const note = waitLine(stage, status) ?? errorLine(error, name) ?? (attempts > 1 ? `attempt ${attempts}` : undefined);
    return { name, state, ...(note === undefined ? {} : { note }) };
  });
  return [...states, { name: `run ${id}`, state: status }];
}

function waitLine({ status, waitsFor, startedAt }: StageView, runStatus: string): string | undefined {
  if (!waitsFor || (NEXT_STAGES.has(status) && GOING_RUNS.has(runStatus))) return undefined;
  switch (waitsFor.kind) {
    case 'signal':
      return `waits for signal ${waitsFor.name}`;
    case 'timer':
      return `until ${dueTime(waitsFor.dueAt, startedAt)}`;
    case 'retry':
      return `tries again at ${dueTime(waitsFor.dueAt, startedAt)}`;
    case 'run':
      return `run ${waitsFor.id}`;
    default:
      // A host that is newer than this command.
      return undefined;
  }
}

/** The time of the day, with the day where it is not that of the start. */
function dueTime(dueAt: number, startedAt: number | null | undefined): string {
  const due = shortTime(dueAt);
  const [day = ''] = shortTime(startedAt).split(' ');
  return day !== '' && due.startsWith(`${day} `) ? due.slice(day.length + 1) : due;
}

function undoneLine({ compensation }: StageView): string | undefined {
  if (!compensation) return undefined;
  if (typeof compensation === 'string') return `compensation ${compensation}`;
  const why = errorLine(compensation.error);
  return `compensation ${compensation.status ?? ''}${why === undefined ? '' : ` (${why})`}`;
}
