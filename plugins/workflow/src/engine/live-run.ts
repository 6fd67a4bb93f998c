import type { Pipeline } from '../definitions/pipeline.js';
import type { FlowEvent, FlowEventType, KeptValue, RunProjection, RunRecord, RunStatus, Wait } from '../store/flow-records.js';
import type { StageAttempt } from './stage-attempt.js';
import type { StageError } from './stage-error.js';

/**
 * Where a stage stands; kept in one byte per stage.
 *
 * ```text
 * PENDING → READY → RUNNING → COMMITTING → COMPLETED → UNDO_READY → UNDOING → UNDONE
 *              ↑       |  └→ FAILED                        ↑           | └→ UNDO_FAILED
 *              └─ RETRY_WAIT                               └─ UNDO_WAIT
 * PENDING → TIMER_WAIT | SIGNAL_WAIT | CHILD_WAIT → COMMITTING | FAILED | DROPPED (the run failed or was cancelled meanwhile)
 * ```
 */
export const STAGE = Object.freeze({
  PENDING: 0,
  READY: 1,
  RUNNING: 2,
  COMMITTING: 3,
  COMPLETED: 4,
  FAILED: 5,
  DROPPED: 6,
  RETRY_WAIT: 7,
  TIMER_WAIT: 8,
  SIGNAL_WAIT: 9,
  CHILD_WAIT: 10,
  UNDO_READY: 11,
  UNDOING: 12,
  UNDO_WAIT: 13,
  UNDONE: 14,
  UNDO_FAILED: 15,
});

/** `forward` → `failing` (what runs ends, nothing begins) → `undoing` → `ended`; also `forward` → `ended`. */
export type RunPhase = 'forward' | 'failing' | 'undoing' | 'ended';

export interface ReceivedSignal {
  readonly name: string;
  readonly payload: KeptValue;
}

/**
 * What must be known of a run while something happens in it: some bytes for each stage, and values only while they are needed.
 * Everything in here follows from the events of the run: `replay` builds it again.
 */
export class LiveRun {
  readonly record: RunRecord;
  readonly pipeline: Pipeline;
  readonly states: StageNumbers;
  /** Dependencies that have not completed. */
  readonly openDependencies: StageNumbers;
  /** Number of the event that completed the stage, to find its output in the store; 0 when it has not completed. */
  readonly completedSeq: StageNumbers;
  /** Attempts begun, of the stage or, while undoing, of its compensation; null until there is a second one somewhere. */
  attempts: Uint32Array | null = null;
  /** Outputs that may be read soon; the others are in the store. */
  outputs: Map<number, KeptValue> | null = null;
  /** Dependants that have not completed, for each output in `outputs`. */
  readers: Map<number, number> | null = null;
  /** When a waiting stage goes on; null: on a signal or the end of a child only. In the order in which they began to wait. */
  waits: Map<number, number | null> | null = null;
  /** Received and not yet taken, oldest first. */
  signals: ReceivedSignal[] | null = null;
  /** Characters of what is in `signals`. */
  signalLength = 0;
  /** Number of the next signal, under which a large payload is kept: each is given once, also to one that came to nothing. */
  nextSignal = 0;
  /** Attempts under way, to abort them. */
  running: Map<number, StageAttempt> | null = null;
  phase: RunPhase = 'forward';
  status: RunStatus = 'queued';
  seq = 0;
  /** Stages without a completion, committed or on its way. */
  remaining: number;
  /** Stages ready, executing, or with an outcome on its way to the store. While above 0 the run is not dormant. */
  active = 0;
  /** Stages waiting for a child to end. */
  openChildren = 0;
  /** Children whose end is on its way to the store: the run goes on with it at once, so it must be neither evicted nor dormant. */
  endingChildren = 0;
  /** Steps given to the store, and those of them that are durable. */
  submitted = 0;
  committed = 0;
  /** Whether the store takes it for dormant; true also when that is not known. */
  isDormantInStore = false;
  isCancelRequested = false;
  /** Why it fails: of the first stage that did. */
  error: StageError | null = null;
  undo: UndoState | null = null;
  step = new StepBuffer();
  /** Its events, while they are few: whoever waits for the end of a short run then reads nothing back. */
  log: FlowEvent[] | null = null;
  /** What lists show of the run that has ended. */
  end: RunProjection | null = null;
  /** Its first step is durable. */
  isDurable = false;
  #afterCommit: { readonly step: number; readonly told: (error: unknown) => void }[] | null = null;

  #absences: Map<number, number> | undefined;

  constructor(record: RunRecord, pipeline: Pipeline) {
    const count = pipeline.stages.length;
    this.record = record;
    this.pipeline = pipeline;
    const isSmall = count <= MAX_PLAIN;
    this.states = isSmall ? zeros(count) : new Uint8Array(count);
    this.openDependencies = initialDependencies(pipeline).slice();
    this.completedSeq = isSmall ? zeros(count) : new Uint32Array(count);
    this.remaining = count;
  }

  /** Steps on their way: the run must stay in memory. */
  get uncommitted(): number {
    return this.submitted - this.committed;
  }

  /** Nothing of it executes or is about to. */
  get isIdle(): boolean {
    return this.phase !== 'ended' && this.active === 0 && this.endingChildren === 0;
  }

  /** The number of the step that makes everything that was added durable. */
  get lastStep(): number {
    return this.submitted + (this.step.events.length > 0 ? 1 : 0);
  }

  /** From 1. */
  attemptOf(stage: number): number {
    return this.attempts === null ? 1 : Math.max(1, this.attempts[stage]!);
  }

  /** How often in a row the operation of the stage was not there. */
  absencesOf(stage: number): number {
    return this.#absences?.get(stage) ?? 0;
  }

  setAbsences(stage: number, absences: number): void {
    if (absences > 0) (this.#absences ??= new Map()).set(stage, absences);
    else this.#absences?.delete(stage);
  }

  setAttempt(stage: number, attempt: number): void {
    if (this.attempts === null && attempt === 1) return;
    this.attempts ??= new Uint32Array(this.states.length);
    this.attempts[stage] = attempt;
  }

  /** Adds an event to the step that is being put together. */
  add(type: FlowEventType, stage: number, attempt: number, at: number, data: string | null = null): void {
    this.seq += 1;
    const event = { seq: this.seq, type, stage, attempt, at, data };
    this.step.events.push(event);
    if (this.log === null) return;
    if (this.log.length < MAX_LOG) this.log.push(event);
    else this.log = null;
  }

  keepSignal(signal: ReceivedSignal): void {
    (this.signals ??= []).push(signal);
    this.signalLength += signal.payload.length;
  }

  /** The oldest of this name. */
  takeSignal(name: string): ReceivedSignal | undefined {
    const at = this.signals?.findIndex((signal) => signal.name === name) ?? -1;
    if (at === -1) return undefined;
    const [taken] = this.signals!.splice(at, 1);
    this.signalLength -= taken!.payload.length;
    return taken;
  }

  wait(stage: number, dueAt: number | null): void {
    (this.waits ??= new Map()).set(stage, dueAt);
    (this.step.setWaits ??= []).push({ run: this.record.key, stage, dueAt });
  }

  /** Calls when everything added so far is durable, at once when it is; what is added later does not hold it up. */
  afterCommit(told: (error: unknown) => void): void {
    if (this.committed >= this.lastStep) told(null);
    else (this.#afterCommit ??= []).push({ step: this.lastStep, told });
  }

  /** Tells those whose step is durable. */
  tellCommitted(): void {
    const waiting = this.#afterCommit;
    if (waiting === null || waiting[0]!.step > this.committed) return;
    const later = waiting.findIndex(({ step }) => step > this.committed);
    this.#afterCommit = later === -1 ? null : waiting.splice(later);
    for (const { told } of waiting) told(null);
  }

  /** Tells those whose steps never reached the store, or were refused by it. */
  refuseAfter(lastStep: number, error: unknown): void {
    const waiting = this.#afterCommit ?? [];
    const refused = waiting.filter(({ step }) => step > lastStep);
    this.#afterCommit = refused.length === waiting.length ? null : waiting.filter(({ step }) => step <= lastStep);
    for (const { told } of refused) told(error);
  }

  /** False when the stage did not wait. */
  endWait(stage: number): boolean {
    if (!this.waits?.delete(stage)) return false;
    (this.step.clearWaits ??= []).push(stage);
    return true;
  }
}

export interface UndoState {
  readonly waves: readonly (readonly number[])[];
  wave: number;
  /** Compensations of the wave without an outcome. */
  open: number;
  failed: number;
  /** The next wave waits until this step, the last one before it, is durable; null while compensations are under way. */
  awaitsStep: number | null;
}

/** What the next step of a run will hold. */
export class StepBuffer {
  events: FlowEvent[] = [];
  setWaits: Wait[] | undefined;
  clearWaits: number[] | undefined;
  /** The stages that these events complete. */
  completed: number[] | undefined;
  projection: RunProjection | undefined;
}

/** One number for each stage, all there from the start. */
export interface StageNumbers extends Iterable<number> {
  readonly length: number;
  [stage: number]: number;
}

/** A run of some stages has about so many; each is a hundred bytes. */
const MAX_LOG = 64;
/** Up to so many stages a plain array is smaller than a typed one, which takes 200 bytes by itself. */
const MAX_PLAIN = 32;

const dependencyCounts = new WeakMap<Pipeline, number[] | Uint32Array>();

function zeros(count: number): StageNumbers {
  return new Array<number>(count).fill(0);
}

function initialDependencies(pipeline: Pipeline): number[] | Uint32Array {
  let counts = dependencyCounts.get(pipeline);
  if (counts === undefined) {
    const { stages } = pipeline;
    const numbers = stages.map((stage) => stage.dependsOn.length);
    counts = stages.length <= MAX_PLAIN ? numbers : Uint32Array.from(numbers);
    dependencyCounts.set(pipeline, counts);
  }
  return counts;
}
