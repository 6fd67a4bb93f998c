import type { Pipeline, Stage } from '../definitions/pipeline.js';
import type { ICapturedStates } from '../store/captured-states.js';
import type { FlowEvent, KeptValue, RunStatus, StoredRun } from '../store/flow-records.js';
import type { MissingDefinition } from './missing-definition.js';
import { rollbackWaves } from './rollback-waves.js';
import type { StageError } from './stage-error.js';

/** `cancelled`: it had begun and has no outcome, because the run failed or was cancelled meanwhile. */
export type StageStatus = 'pending' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';

/** What ends the waiting of a stage: a signal of that name, a time (ms since 1970), or the end of the child run. */
export type WaitView =
  | { readonly kind: 'signal'; readonly name: string }
  | { readonly kind: 'timer' | 'retry'; readonly dueAt: number }
  | { readonly kind: 'run'; readonly id: string };

export interface CompensationView {
  readonly status: 'running' | 'waiting' | 'completed' | 'failed';
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Only while it waits. */
  readonly waitsFor?: WaitView;
  readonly error?: StageError;
}

export interface StageView {
  readonly name: string;
  /** Names of the stages that must have completed first; missing when the definition is. */
  readonly dependsOn?: readonly string[];
  readonly status: StageStatus;
  readonly attempts: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly output?: unknown;
  /** Of an output that is left out, because with it the answer would be too large. */
  readonly outputBytes?: number;
  /** Only while it waits. */
  readonly waitsFor?: WaitView;
  readonly error?: StageError;
  readonly compensation?: CompensationView;
}

export interface RollbackView {
  /** Names; stages of one wave are compensated together, one wave after the other. */
  readonly waves: readonly (readonly string[])[];
  readonly rolledBack: readonly string[];
  readonly errors: readonly { readonly stage: string; readonly code: string; readonly message: string }[];
}

export interface RunView {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly status: RunStatus;
  readonly input: unknown;
  readonly output?: unknown;
  readonly error?: StageError;
  readonly stages: readonly StageView[];
  readonly rollback?: RollbackView;
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly endedAt?: number;
}

export interface RunViewSource {
  readonly run: StoredRun;
  readonly events: Iterable<FlowEvent>;
  readonly pipeline: Pipeline | null;
  /** What is known when there is no pipeline; stages without a name have numbers. */
  readonly missing?: MissingDefinition | null;
  readonly captured: Pick<ICapturedStates, 'load'>;
  /** Why answers of stages that have come are not durable yet, by stage: the disk is full. */
  readonly waiting?: ReadonlyMap<number, StageError>;
}

/** What `workflow.get` shows: what is durable, from the events of the run. Large values are loaded. */
export async function runView({ run, events, pipeline, missing = null, captured, waiting }: RunViewSource): Promise<RunView> {
  const draft = new ViewDraft(pipeline, missing?.stageNames ?? []);
  for (const event of events) draft.add(event);
  if (run.endedAt !== null) draft.end();
  for (const [stage, error] of waiting ?? []) draft.hold(stage, error);
  const readValue = (kept: KeptValue): unknown => {
    const json = captured.load(kept);
    return typeof json === 'string' ? JSON.parse(json) : json.then((text) => JSON.parse(text) as unknown);
  };
  const stages: StageView[] = [];
  let leftBytes = MAX_OUTPUT_BYTES;
  for (const stage of draft.stages) {
    const outputBytes = stage.kept === null ? 0 : bytesOf(stage.kept);
    if (outputBytes > leftBytes) {
      stages.push({ ...viewOf({ ...stage, kept: null }, undefined), outputBytes });
      continue;
    }
    leftBytes -= outputBytes;
    // waiting for what is there already would make a turn of its own for each value
    const value = stage.kept === null ? undefined : readValue(stage.kept);
    stages.push(viewOf(stage, value instanceof Promise ? await value : value));
  }
  const inputValue = readValue(run.input);
  const input = inputValue instanceof Promise ? await inputValue : inputValue;
  const outputValue = run.output === null ? undefined : readValue(run.output);
  const output = outputValue instanceof Promise ? await outputValue : outputValue;
  const { id, name, version, status, attributes, createdAt, endedAt, error } = run;
  return {
    id,
    name,
    version,
    status: pipeline === null && endedAt === null ? 'waiting' : status,
    input,
    ...(run.output === null ? {} : { output }),
    ...(error === null ? errorOfMissing(run, missing) : { error: JSON.parse(error) as StageError }),
    stages,
    ...(draft.rollback === null ? {} : { rollback: draft.rollback }),
    attributes,
    createdAt,
    ...(endedAt === null ? {} : { endedAt }),
  };
}

/** Written out: leaving `kept` out of a copy with `...` costs more than the rest of the view. */
function viewOf(draft: StageDraft, output: unknown): StageView {
  const { name, dependsOn, status, attempts, startedAt, endedAt, kept, waitsFor, error, compensation } = draft;
  const view: Changeable<StageView> = { name, status, attempts, startedAt, endedAt };
  if (dependsOn !== undefined) view.dependsOn = dependsOn;
  if (kept !== null) view.output = output;
  if (waitsFor !== undefined) view.waitsFor = waitsFor;
  if (error !== undefined) view.error = error;
  if (compensation !== undefined) view.compensation = compensation;
  return view;
}

function errorOfMissing({ endedAt }: StoredRun, missing: MissingDefinition | null): { error?: StageError } {
  if (missing === null || endedAt !== null) return {};
  const { code, message, kind } = missing.error;
  return { error: { code, message, kind } };
}

/** Of all stages together: an answer must not take all memory because a run has many large outputs. */
const MAX_OUTPUT_BYTES = 128 * 1024 * 1024;
const SPILLED = '{"spilled":';

/** See `CapturedStates`: the value itself, or where it is. */
function bytesOf(kept: KeptValue): number {
  if (!kept.startsWith(SPILLED)) return kept.length;
  return (JSON.parse(kept) as { spilled: { bytes: number } }).spilled.bytes;
}

type Changeable<T> = { -readonly [K in keyof T]: T[K] };
type StageDraft = Changeable<StageView> & { kept: KeptValue | null };

/** What the stage waits for after this event; undefined when it begins no wait. */
function waitOf({ type, data }: FlowEvent): WaitView | undefined {
  if (type === 'signal.awaited') return { kind: 'signal', name: parsed<{ name: string }>(data).name };
  if (type === 'timer.set') return { kind: 'timer', dueAt: parsed<{ dueAt: number }>(data).dueAt };
  if (type === 'stage.retry_scheduled') return { kind: 'retry', dueAt: parsed<{ dueAt: number }>(data).dueAt };
  return type === 'child.started' ? { kind: 'run', id: parsed<{ id: string }>(data).id } : undefined;
}

function parsed<T>(data: string | null): T {
  return JSON.parse(data!) as T;
}

class ViewDraft {
  readonly stages: StageDraft[];
  readonly #pipeline: Pipeline | null;
  #waves: number[][] | null = null;
  #isUndoing = false;
  #isFailing = false;

  constructor(pipeline: Pipeline | null, names: readonly string[]) {
    this.#pipeline = pipeline;
    this.stages = pipeline === null ? names.map((name) => pending(name)) : pipeline.stages.map((stage) => pendingOf(stage, pipeline));
  }

  get rollback(): RollbackView | null {
    if (this.#waves === null) return null;
    const undone = this.stages.filter(({ compensation }) => compensation?.status === 'completed');
    const failed = this.stages.filter(({ compensation }) => compensation?.status === 'failed');
    return {
      waves: this.#waves.map((wave) => wave.map((stage) => this.#stage(stage).name)),
      rolledBack: undone.map(({ name }) => name),
      errors: failed.map(({ name, compensation }) => ({
        stage: name,
        code: compensation!.error!.code,
        message: compensation!.error!.message,
      })),
    };
  }

  add(event: FlowEvent): void {
    if (event.type === 'rollback.started' && this.#pipeline !== null) {
      this.#waves = rollbackWaves(this.#pipeline, (stage) => this.stages[stage]!.status === 'completed');
    }
    if (event.type === 'rollback.started') this.#isUndoing = true;
    if (event.stage < 0) {
      if (event.type === 'run.cancel_requested') this.#fail();
    } else if (event.type.startsWith('compensation.') || this.#isUndoing) this.#addCompensation(event);
    else this.#addStage(event);
  }

  /** The stage has answered, and its answer waits for room. */
  hold(index: number, error: StageError): void {
    const stage = this.stages[index];
    if (stage?.status !== 'running') return;
    stage.status = 'waiting';
    stage.error = error;
  }

  /** The run has ended. */
  end(): void {
    for (const stage of this.stages) if (stage.status === 'running' || stage.status === 'waiting') cancel(stage);
  }

  /** What waits then ends without an event of its own; children are waited for. */
  #fail(): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    for (const stage of this.stages) if (stage.status === 'waiting' && stage.waitsFor?.kind !== 'run') cancel(stage);
  }

  #addStage(event: FlowEvent): void {
    const { type, stage: index, attempt, at, data } = event;
    const stage = this.#stage(index);
    if (stage.waitsFor !== undefined) delete stage.waitsFor;
    if (type === 'stage.started') {
      stage.status = 'running';
      stage.startedAt ??= at;
      stage.attempts = attempt;
    } else if (type === 'stage.completed') {
      stage.status = 'completed';
      stage.endedAt = at;
      stage.kept = data;
      delete stage.error;
    } else if (type === 'stage.failed') {
      stage.status = 'failed';
      stage.endedAt = at;
      stage.error = JSON.parse(data!) as StageError;
      this.#fail();
    } else {
      const wait = waitOf(event);
      if (wait === undefined) return;
      stage.status = 'waiting';
      stage.waitsFor = wait;
      // why the last attempt failed
      if (type === 'stage.retry_scheduled') stage.error = (JSON.parse(data!) as { error: StageError }).error;
    }
  }

  #addCompensation(event: FlowEvent): void {
    const { type, stage: index, attempt, at, data } = event;
    const stage = this.#stage(index);
    const { waitsFor: _over, ...before } = stage.compensation ?? { status: 'running', attempts: 0, startedAt: at, endedAt: null };
    if (type === 'compensation.started') stage.compensation = { ...before, status: 'running', attempts: attempt };
    else if (type === 'compensation.completed') stage.compensation = { ...without(before), status: 'completed', endedAt: at };
    else if (type === 'compensation.failed') {
      stage.compensation = { ...before, status: 'failed', endedAt: at, error: JSON.parse(data!) as StageError };
    } else if (type === 'stage.retry_scheduled') {
      stage.compensation = { ...before, status: 'waiting', waitsFor: waitOf(event)!, error: parsed<{ error: StageError }>(data).error };
    }
  }

  #stage(index: number): StageDraft {
    while (this.stages.length <= index) this.stages.push(pending(`#${this.stages.length}`));
    return this.stages[index]!;
  }
}

function cancel(stage: StageDraft): void {
  stage.status = 'cancelled';
  delete stage.waitsFor;
}

function without({ error: _error, ...rest }: CompensationView): Omit<CompensationView, 'error'> {
  return rest;
}

function pendingOf({ name, dependsOn }: Stage, { stages }: Pipeline): StageDraft {
  return { ...pending(name), dependsOn: dependsOn.map((index) => stages[index]!.name) };
}

function pending(name: string): StageDraft {
  return { name, status: 'pending', attempts: 0, startedAt: null, endedAt: null, kept: null };
}
