import type { BellowsError, IClock, ILogger, IOperations, IRandom } from '@bellows/sdk';
import type { Pipeline } from '../definitions/pipeline.js';
import { resolveInput } from '../definitions/template.js';
import type { ICapturedStates } from '../store/captured-states.js';
import type { IFlowStore } from '../store/flow-records.js';
import { ChildRuns } from './child-runs.js';
import { Dispatcher, type TransactionSlots } from './dispatcher.js';
import { InputReader } from './input-reader.js';
import { LiveRun, STAGE } from './live-run.js';
import { OutputMemory } from './output-memory.js';
import type { ReadyQueue, ReadyStage } from './ready-queue.js';
import { resumeRun } from './resume-run.js';
import { RunFinisher } from './run-finisher.js';
import { RunLoader } from './run-loader.js';
import { type RunPlan, recordOf } from './run-plan.js';
import { RunRegistry } from './run-registry.js';
import { RunSteps } from './run-steps.js';
import { type ArrivedSignal, SignalReceiver } from './signal-receiver.js';
import { StageAttempt } from './stage-attempt.js';
import type { StageError } from './stage-error.js';
import { StageFlow, type WaitTimers } from './stage-flow.js';
import { UndoFlow } from './undo-flow.js';
import { UntilDone } from './until-done.js';
import { ValueKeeper } from './value-keeper.js';

export interface RunEngineOptions {
  readonly store: IFlowStore;
  readonly captured: ICapturedStates;
  readonly timers: WaitTimers;
  readonly operations: IOperations;
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
  readonly queue: ReadyQueue;
  readonly slots: TransactionSlots;
  /** null is the newest version. Throws `WORKFLOW_UNKNOWN`. */
  readonly pipelineOf: (name: string, version: number | null) => Pipeline;
  readonly maxDepth: () => number;
  readonly maxMemoryBytes: number;
  /** Runs at rest that stay in memory. */
  readonly maxResting?: number;
  /** The end of a run is durable. */
  readonly ended: (run: LiveRun) => void;
}

/** About 2 MB at a thousand bytes each; a run that is read back costs some tens of microseconds. */
const MAX_RESTING = 2_000;

/**
 * Executes runs. Everything that happens becomes an event; what follows from an event happens after its commit. The parts: `StageFlow`
 * forward, `UndoFlow` backward, `ChildRuns` sideways, `RunSteps` to the store, `replay` back from it.
 */
export class RunEngine {
  readonly #options: RunEngineOptions;
  readonly #steps: RunSteps;
  readonly #keeper: ValueKeeper;
  readonly #registry: RunRegistry;
  readonly #loader: RunLoader;
  readonly #untilDone: UntilDone;
  readonly #outputs: OutputMemory;
  readonly #reader: InputReader;
  readonly #dispatcher: Dispatcher;
  readonly #flow: StageFlow;
  readonly #undo: UndoFlow;
  readonly #children: ChildRuns;
  readonly #finisher: RunFinisher;
  readonly #signals: SignalReceiver;
  readonly #attempts = new Set<StageAttempt>();
  #isClosed = false;

  constructor(options: RunEngineOptions) {
    const { store, captured, clock, logger, random, timers, queue, slots, pipelineOf, maxDepth } = options;
    this.#options = options;
    this.#steps = new RunSteps({
      store,
      clock,
      committed: (run, completed) => this.#committed(run, completed),
      lost: (run) => this.#lost(run),
    });
    this.#keeper = new ValueKeeper({ captured, clock, logger, eased: () => this.#dispatcher.eased() });
    this.#outputs = new OutputMemory(options.maxMemoryBytes);
    this.#registry = new RunRegistry({ maxResting: options.maxResting ?? MAX_RESTING, dropped: (run) => this.#outputs.forget(run) });
    this.#untilDone = new UntilDone({ clock, logger });
    this.#loader = new RunLoader({
      store,
      registry: this.#registry,
      untilDone: this.#untilDone,
      pipelineOf,
      resume: (run) => resumeRun(run, { flow: this.#flow, undo: this.#undo, children: this.#children, finisher: this.#finisher, timers }),
      childReturned: (parentKey) => this.#childReturned(parentKey),
    });
    this.#reader = new InputReader({ store, captured, resolve: resolveInput });
    this.#dispatcher = new Dispatcher({
      queue,
      slots,
      clock,
      isFull: () => this.#keeper.pendingLength > this.#outputs.maxBytes,
      execute: (ready) => this.#execute(ready),
    });
    const enqueue = (run: LiveRun, stage: number) => this.#dispatcher.push(run, stage);
    this.#flow = new StageFlow({
      steps: this.#steps,
      reader: this.#reader,
      keeper: this.#keeper,
      outputs: this.#outputs,
      timers,
      clock,
      random,
      enqueue,
      dequeued: (count) => queue.dropped(count),
      startChild: (run, stage, input) => this.#children.start(run, stage, input),
      cancelChild: (run, stage) => this.#children.cancel(run, stage),
      finish: (run) => this.#finisher.finish(run),
      undo: (run) => this.#undo.begin(run),
    });
    this.#signals = new SignalReceiver({ keeper: this.#keeper, flow: this.#flow, clock, sort: (run) => this.#registry.sort(run) });
    this.#undo = new UndoFlow({
      steps: this.#steps,
      timers,
      clock,
      random,
      enqueue,
      end: (run, status) => this.#finisher.end(run, status),
    });
    this.#children = new ChildRuns({
      store,
      captured,
      keeper: this.#keeper,
      clock,
      flow: this.#flow,
      pipelineOf,
      maxNesting: maxDepth,
      launch: (plan, settled) => this.launch(plan, settled, 'keep'),
      runInMemory: (id) => this.#registry.byId(id),
      // not at once: it must be asked for even when its store cannot be read now
      cancel: (id) => this.#untilDone.attempt(`the child ${id} cannot be told to end`, () => void this.cancel(id)),
    });
    this.#finisher = new RunFinisher({
      reader: this.#reader,
      keeper: this.#keeper,
      steps: this.#steps,
      flow: this.#flow,
      clock,
      wakeParent: (key) => this.#wakeParent(key),
    });
  }

  get facts() {
    return {
      live: this.#registry.liveCount,
      resting: this.#registry.restingCount,
      executing: this.#attempts.size,
      outputBytes: this.#outputs.bytes + this.#keeper.pendingLength,
      valuesWaiting: this.#keeper.waiting,
    };
  }

  resizeMemory(maxBytes: number): void {
    this.#outputs.resize(maxBytes);
  }

  runInMemory(id: string): LiveRun | undefined {
    return this.#registry.byId(id);
  }

  /** Makes a run; nothing of it executes before its first step is durable, which `settled` is told. */
  launch(plan: RunPlan, settled: (error: BellowsError | null) => void, onFailure: 'refuse' | 'keep'): LiveRun {
    const { store, clock } = this.#options;
    const run = new LiveRun(recordOf(plan, store.nextKey(), clock.now()), plan.pipeline);
    run.active = 1;
    run.log = [];
    const first = (error: BellowsError | null) => {
      if (error !== null) this.#registry.remove(run);
      settled(error);
      if (error === null) this.#begin(run);
    };
    this.#steps.start(run, first, onFailure);
    this.#registry.add(run);
    return run;
  }

  /** Goes on with a run where its log ends, if there is anything to go on with; tried again until it can be read. */
  wake(key: number, isDormantInStore = true): void {
    this.#loader.wake(key, isDormantInStore);
  }

  /** The time of a wait has come, or passed while the host was down. Too early or too late does no harm. Never throws. */
  due(key: number, stage: number): void {
    this.#untilDone.attempt(`run ${key}, whose time has come, cannot be read back`, () => this.#due(key, stage));
  }

  /** Why answers of a run's stages are not durable yet, by stage. */
  valuesWaitingOf(id: string): ReadonlyMap<number, StageError> {
    return this.#keeper.waitingOf(id);
  }

  /** Adds a signal. False when the run takes none any more. `SIGNALS_FULL` when too many are kept. */
  receive(key: number, signal: ArrivedSignal): boolean {
    const run = this.#loader.load(key);
    if (run === null) return false;
    try {
      this.#signals.receive(run, signal);
    } finally {
      this.#registry.sort(run);
    }
    return true;
  }

  /** Asks the run to end; `settled` after the commit. False when it has ended. A second time, or while it rolls back, changes nothing. */
  cancel(id: string, settled?: (error: unknown) => void): boolean {
    const key = this.#registry.byId(id)?.record.key ?? this.#options.store.findRun(id)?.key;
    const run = key === undefined ? null : this.#loader.load(key);
    if (run === null) return false;
    if (!run.isCancelRequested && (run.phase === 'forward' || run.phase === 'failing')) this.#finisher.cancel(run);
    if (settled !== undefined) run.afterCommit(settled);
    this.#registry.sort(run);
    return true;
  }

  /** Runs that waited for this definition go on. Never rejects. */
  defined(name: string, version: number): Promise<void> {
    return this.#loader.defined(name, version);
  }

  /** Nothing begins any more. */
  stopDispatching(): void {
    this.#dispatcher.stop();
  }

  /** What executes is told to end; its outcome is not recorded, and it executes again after the next start. */
  close(reason: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dispatcher.stop();
    this.#steps.close();
    this.#keeper.close();
    this.#untilDone.close();
    for (const attempt of [...this.#attempts]) attempt.abandon(reason);
    this.#signals.close(reason);
    for (const run of this.#registry.all()) run.refuseAfter(run.submitted, reason);
  }

  #begin(run: LiveRun): void {
    run.isDurable = true;
    run.active -= 1;
    if (run.phase === 'forward')
      for (const root of run.pipeline.roots) if ((run.phase as string) === 'forward') this.#flow.begin(run, root);
    this.#flow.settle(run);
    this.#registry.sort(run);
  }

  #due(key: number, stage: number): void {
    const { clock, timers } = this.#options;
    const run = this.#loader.load(key);
    const dueAt = run?.waits?.get(stage);
    if (run === null) return;
    if (dueAt === null || dueAt === undefined) {
      // a time that no stage waits for any more
    } else if (dueAt > clock.now()) timers.set(key, stage, dueAt);
    else if (run.states[stage] === STAGE.UNDO_WAIT) this.#undo.due(run, stage);
    else this.#flow.due(run, stage);
    this.#registry.sort(run);
  }

  #execute({ run, stage }: ReadyStage): void {
    const state = run.states[stage];
    const isUndo = state === STAGE.UNDO_READY;
    if (state !== STAGE.READY && !isUndo) {
      this.#options.slots.releaseTransactionSlot();
      return;
    }
    run.states[stage] = isUndo ? STAGE.UNDOING : STAGE.RUNNING;
    const number = run.attemptOf(stage);
    run.add(isUndo ? 'compensation.started' : 'stage.started', stage, number, this.#options.clock.now());
    const attempt = new StageAttempt({ run, stage, attempt: number, isUndo }, this);
    const { pipeline } = run;
    const { input, compensation } = pipeline.stages[stage]!;
    attempt.begin(() => this.#reader.read(run, isUndo ? compensation!.input : input));
    if (!attempt.isSettled) {
      this.#attempts.add(attempt);
      (run.running ??= new Map()).set(stage, attempt);
    }
    this.#steps.flush(run);
  }

  get operations(): IOperations {
    return this.#options.operations;
  }

  get clock(): IClock {
    return this.#options.clock;
  }

  /** For {@link StageAttempt}. */
  settled(attempt: StageAttempt, isOk: boolean, value: unknown): void {
    const { run, index: stage, isUndo } = attempt;
    if (this.#attempts.delete(attempt)) run.running?.delete(stage);
    this.#options.slots.releaseTransactionSlot();
    // a run that was lost executes anew, from its log
    if (this.#isClosed || run.phase === 'ended') return;
    if (isUndo) {
      if (isOk) this.#undo.succeeded(run, stage);
      else this.#undo.failed(run, stage, value);
    } else if (isOk) this.#flow.answered(run, stage, value);
    else this.#flow.failed(run, stage, value);
  }

  #committed(run: LiveRun, completed: readonly number[]): void {
    if (run.phase === 'ended') {
      if (run.uncommitted === 0) this.#ended(run);
      return;
    }
    this.#flow.committed(run, completed);
    this.#undo.committed(run);
    this.#registry.sort(run);
  }

  #ended(run: LiveRun): void {
    const { parent } = run.record;
    this.#registry.remove(run);
    this.#options.ended(run);
    if (parent !== null)
      this.#untilDone.attempt(`the parent of run ${run.record.id} cannot be told of its end`, () => this.#childEnded(parent));
  }

  #childEnded({ key, stage }: NonNullable<LiveRun['record']['parent']>): void {
    const parent = this.#registry.take(key);
    if (parent === undefined) {
      this.wake(key);
      return;
    }
    this.#children.check(parent, stage);
    parent.endingChildren = Math.max(0, parent.endingChildren - 1);
    this.#flow.settle(parent);
    this.#registry.sort(parent);
  }

  /** It was out of reach when its parent told it to end. */
  #childReturned(parentKey: number): void {
    const parent = this.#loader.load(parentKey);
    if (parent === null) return;
    if (parent.phase === 'failing') this.#flow.dropAll(parent);
    this.#flow.settle(parent);
    this.#registry.sort(parent);
  }

  /** The log contradicts what is in memory: what is in the store counts, and is read at the next need. */
  #lost(run: LiveRun): void {
    const { parent } = run.record;
    const live = parent === null ? undefined : this.#registry.get(parent.key);
    if (live !== undefined && run.phase === 'ended') live.endingChildren = Math.max(0, live.endingChildren - 1);
    let ready = 0;
    for (const state of run.states) if (state === STAGE.READY || state === STAGE.UNDO_READY) ready += 1;
    run.phase = 'ended';
    this.#options.queue.dropped(ready);
    for (const attempt of [...(run.running?.values() ?? [])]) attempt.abort();
    this.#registry.remove(run);
  }

  /** Durable before, or with, the end of the child: a crash between would leave the parent asleep. */
  #wakeParent(key: number): void {
    const parent = this.#registry.take(key);
    if (parent !== undefined) parent.endingChildren += 1;
    if (parent !== undefined && !parent.isDormantInStore) return;
    this.#steps.wake(key);
    if (parent !== undefined) parent.isDormantInStore = false;
  }
}
