import type { CliOutput } from './cli-deps.js';
import { isoOf, shortTime, took } from './durations.js';
import { cut, plain, printFitted, printLines } from './print.js';
import type { NamedState } from './state-lines.js';

interface ErrorView {
  readonly code?: string;
  readonly message?: string;
  readonly stage?: string;
}

interface StageView {
  readonly name: string;
  readonly status: string;
  readonly attempts?: number;
  readonly startedAt?: number | null;
  readonly endedAt?: number | null;
  readonly error?: ErrorView | null;
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

/** A run in one of these never changes again. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'rolled_back', 'rollback_failed', 'cancelled']);
/** Stages nothing has happened to. */
export const RESTING_STAGES: readonly string[] = ['pending', 'blocked', 'ready', 'queued'];
const MAX_INPUT_LENGTH = 200;
/** `--json` has all of it. */
const MAX_OUTPUT_LENGTH = 4_000;

export function hasRunEnded({ status }: RunView): boolean {
  return ENDED.has(status);
}

export function printRun(output: CliOutput, run: RunView): void {
  const { id, name, version, status, error, stages = [], rollback: { rolledBack = [], errors = [] } = {} } = run;
  printLines(output, '', [
    ['run', id],
    ['workflow', name === undefined ? undefined : `${name}${version === undefined ? '' : ` version ${version}`}`],
    ['status', status],
    ['input', jsonLine(run.input, MAX_INPUT_LENGTH)],
    ['output', jsonLine(run.output, MAX_OUTPUT_LENGTH)],
    ['error', errorLine(error)],
    ['rolled back', rolledBack.length === 0 ? undefined : rolledBack.join(', ')],
    ['not undone', errors.length === 0 ? undefined : errors.map(errorLine).join('\n')],
  ]);
  if (stages.length === 0) return;
  output.write('\n');
  printFitted(
    output,
    ['STAGE', 'STATUS', 'ATTEMPTS', 'TOOK', 'NOTE'],
    stages.map((stage) => [
      stage.name,
      stage.status,
      String(stage.attempts ?? ''),
      took(stage.startedAt, stage.endedAt),
      [errorLine(stage.error), undoneLine(stage)].filter((note) => note !== undefined).join('; '),
    ]),
  );
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
  printFitted(
    output,
    ['SEQ', 'AT (UTC)', 'EVENT', 'STAGE', 'ATTEMPT', 'DATA'],
    events.map(({ seq, type, stage, attempt, at, data }) => [
      String(seq),
      timeOf(at),
      type,
      String(stage ?? ''),
      attempt ? String(attempt) : '',
      jsonLine(data, MAX_INPUT_LENGTH) ?? '',
    ]),
  );
}

/** The run and its stages, for progress. */
export function statesOf({ id, status, stages = [] }: RunView): NamedState[] {
  const states = stages.map(({ name, status: state, error, attempts = 0 }) => {
    const note = errorLine(error) ?? (attempts > 1 ? `attempt ${attempts}` : undefined);
    return { name, state, ...(note === undefined ? {} : { note }) };
  });
  return [...states, { name: `run ${id}`, state: status }];
}

function jsonLine(value: unknown, length: number): string | undefined {
  if (value === undefined || value === null) return undefined;
  return cut(plain(JSON.stringify(value) ?? ''), length);
}

function errorLine(error: ErrorView | null | undefined): string | undefined {
  if (!error) return undefined;
  const { code, message, stage } = error;
  return [stage, code, message].filter((part) => part !== undefined).join(': ');
}

function undoneLine({ compensation }: StageView): string | undefined {
  if (!compensation) return undefined;
  if (typeof compensation === 'string') return `compensation ${compensation}`;
  const why = errorLine(compensation.error);
  return `compensation ${compensation.status ?? ''}${why === undefined ? '' : ` (${why})`}`;
}
