import type { IClock, IRandom } from '@bellows/sdk';
import { workflowError } from '../errors.js';
import type { KeptValue } from '../store/flow-records.js';
import { type InputReader, LateInput } from './input-reader.js';
import { outputJson } from './json-output.js';
import { type LiveRun, STAGE } from './live-run.js';
import { scheduleNextAttempt } from './next-attempt.js';
import type { OutputMemory } from './output-memory.js';
import type { RunSteps } from './run-steps.js';
import { describeError, type StageError } from './stage-error.js';
import { timerDueAt } from './timer-due-at.js';
import type { ValueKeeper } from './value-keeper.js';

/** Wakes runs at a time. Setting a stage again replaces its time. */
export interface WaitTimers {
  set(run: number, stage: number, dueAt: number): void;
  clear(run: number, stage: number): void;
}

export interface StageFlowOptions {
  readonly steps: RunSteps;
  readonly reader: InputReader;
  readonly keeper: ValueKeeper;
  readonly outputs: OutputMemory;
  readonly timers: WaitTimers;
  readonly clock: IClock;
  readonly random: IRandom;
  /** Puts a stage into the queue for slots. */
  readonly enqueue: (run: LiveRun, stage: number) => void;
  /** So many stages in that queue do not execute any more. */
  readonly dequeued: (count: number) => void;
  readonly startChild: (run: LiveRun, stage: number, input: unknown) => void;
  readonly cancelChild: (run: LiveRun, stage: number) => void;
  /** All stages have completed; may be called before that is durable. */
  readonly finish: (run: LiveRun) => void;
  /** The run fails and nothing of it executes any more. */
  readonly undo: (run: LiveRun) => void;
}

/** Moves stages forward: from their dependencies to their outcome. Every method adds to the step of the run and submits it. */
export class StageFlow {
  readonly #options: StageFlowOptions;

  constructor(options: StageFlowOptions) {
    this.#options = options;
  }

  /** The dependencies have completed, or a retry is due. The caller flushes. */
  begin(run: LiveRun, stage: number): void {
    const { kind } = run.pipeline.stages[stage]!;
    run.active += 1;
    if (kind === 'operation' || kind === 'run') {
      run.states[stage] = STAGE.READY;
      this.#options.enqueue(run, stage);
      return;
    }
    run.states[stage] = STAGE.RUNNING;
    if (kind === 'signal') this.#awaitSignal(run, stage);
    else this.#beginWithInput(run, stage, kind);
  }

  /** What an attempt, a child, a timer or a signal answered. */
  answered(run: LiveRun, stage: number, value: unknown): void {
    let json: string;
    try {
      json = outputJson(value, run.pipeline.stages[stage]!.name);
    } catch (error) {
      this.failed(run, stage, error);
      return;
    }
    this.answeredJson(run, stage, json);
  }

  answeredJson(run: LiveRun, stage: number, json: string): void {
    const { keeper } = this.#options;
    const kept = keeper.keep({ runId: run.record.id, stage }, json, {
      kept: (value) => this.complete(run, stage, value),
      failed: (error) => this.failed(run, stage, error),
    });
    if (kept !== null) this.complete(run, stage, kept);
  }

  complete(run: LiveRun, stage: number, kept: KeptValue): void {
    const { steps, finish, clock, outputs } = this.#options;
    // it was lost while the answer was kept
    if (run.phase === 'ended') return;
    run.states[stage] = STAGE.COMMITTING;
    run.add('stage.completed', stage, run.attemptOf(stage), clock.now(), kept);
    run.completedSeq[stage] = run.seq;
    run.remaining -= 1;
    (run.step.completed ??= []).push(stage);
    outputs.hold(run, stage, kept);
    if (run.remaining === 0 && run.phase === 'forward') finish(run);
    steps.flush(run);
  }

  /** After COMMIT: what waited for these stages goes on. */
  committed(run: LiveRun, completed: readonly number[]): void {
    for (const stage of completed) {
      run.states[stage] = STAGE.COMPLETED;
      run.active -= 1;
      if (run.phase !== 'forward') continue;
      this.#releaseInputs(run, stage);
      for (const dependant of run.pipeline.stages[stage]!.dependants) {
        run.openDependencies[dependant]! -= 1;
        // an earlier one of them may have failed the run at once
        if (run.openDependencies[dependant] === 0 && run.phase === 'forward') this.begin(run, dependant);
      }
    }
    this.settle(run);
  }

  /** An attempt failed: tries again later, or fails the run. */
  failed(run: LiveRun, stage: number, error: unknown): void {
    // it was lost meanwhile, and goes on from its log
    if (run.phase === 'ended') return;
    const { clock, timers } = this.#options;
    const { retry, name, kind, operation } = run.pipeline.stages[stage]!;
    const isRepeatable = run.phase === 'forward' && (kind === 'operation' || kind === 'run');
    const dueAt = isRepeatable ? scheduleNextAttempt({ run, stage, error, policy: retry, operation }, this.#options) : null;
    run.active -= 1;
    if (dueAt === null) {
      const described = describeError(error, name);
      run.states[stage] = STAGE.FAILED;
      run.add('stage.failed', stage, run.attemptOf(stage), clock.now(), JSON.stringify(described));
      this.fail(run, described);
      return;
    }
    run.states[stage] = STAGE.RETRY_WAIT;
    timers.set(run.record.key, stage, dueAt);
    this.settle(run);
  }

  /** Begins nothing any more, lets what executes end, ends what waits; then compensates. The first error is that of the run. */
  fail(run: LiveRun, error: StageError): void {
    if (run.phase === 'forward') {
      run.phase = 'failing';
      run.error = error;
      this.dropAll(run);
    }
    this.settle(run);
  }

  /** Ends what is ready or waits; children are told to end, and waited for. */
  dropAll(run: LiveRun): void {
    this.#dropReady(run);
    this.#dropWaits(run);
  }

  /** Ends a wait and counts the stage as active. */
  leaveWait(run: LiveRun, stage: number): void {
    if (!run.endWait(stage)) return;
    this.#options.timers.clear(run.record.key, stage);
    run.active += 1;
  }

  /** The time of a waiting stage has come. */
  due(run: LiveRun, stage: number): void {
    const { clock, steps } = this.#options;
    const state = run.states[stage];
    this.leaveWait(run, stage);
    if (state === STAGE.RETRY_WAIT) {
      run.active -= 1;
      this.begin(run, stage);
      steps.flush(run);
    } else if (state === STAGE.TIMER_WAIT) {
      run.add('timer.fired', stage, 1, clock.now());
      this.answeredJson(run, stage, 'null');
    } else {
      const { signal, timeoutMs } = run.pipeline.stages[stage]!;
      this.failed(run, stage, workflowError('STAGE_TIMEOUT', `No signal "${signal}" came within ${timeoutMs} ms`));
    }
  }

  /** A signal is there: the stage that has waited for its name the longest takes it, else it is kept. The caller flushes. */
  receive(run: LiveRun, name: string, payload: KeptValue): void {
    for (const stage of run.waits?.keys() ?? []) {
      if (run.states[stage] !== STAGE.SIGNAL_WAIT || run.pipeline.stages[stage]!.signal !== name) continue;
      this.leaveWait(run, stage);
      this.complete(run, stage, payload);
      return;
    }
    run.keepSignal({ name, payload });
  }

  /** The run failed while something of the stage was read. True: the stage does not begin. */
  dropIfFailing(run: LiveRun, stage: number): boolean {
    if (run.phase === 'forward') return false;
    run.states[stage] = STAGE.DROPPED;
    run.active -= 1;
    return true;
  }

  /** To be called when something of the run has ended: submits, and compensates when it fails and nothing is under way. */
  settle(run: LiveRun): void {
    const { steps, undo } = this.#options;
    if (run.phase === 'failing' && run.active === 0 && run.openChildren === 0) undo(run);
    steps.flush(run);
  }

  #beginWithInput(run: LiveRun, stage: number, kind: string): void {
    const act = (input: unknown) => (kind === 'timer' ? this.#setTimer(run, stage, input) : this.#options.startChild(run, stage, input));
    try {
      const input = this.#options.reader.read(run, run.pipeline.stages[stage]!.input);
      if (input instanceof LateInput) this.#beginLater(run, stage, input.value.then(act));
      else act(input);
    } catch (error) {
      this.failed(run, stage, error);
    }
  }

  #beginLater(run: LiveRun, stage: number, begun: Promise<void>): void {
    begun.then(
      () => this.settle(run),
      (error) => this.failed(run, stage, error),
    );
  }

  #setTimer(run: LiveRun, stage: number, input: unknown): void {
    const { clock, timers } = this.#options;
    const now = clock.now();
    const dueAt = timerDueAt(input, now);
    if (this.dropIfFailing(run, stage)) return;
    run.add('stage.started', stage, 1, now);
    run.add('timer.set', stage, 1, now, JSON.stringify({ dueAt }));
    run.states[stage] = STAGE.TIMER_WAIT;
    run.active -= 1;
    run.wait(stage, dueAt);
    timers.set(run.record.key, stage, dueAt);
  }

  #awaitSignal(run: LiveRun, stage: number): void {
    const { clock, timers } = this.#options;
    const { signal, timeoutMs } = run.pipeline.stages[stage]!;
    const now = clock.now();
    run.add('stage.started', stage, 1, now);
    const taken = run.takeSignal(signal!);
    if (taken !== undefined) {
      this.complete(run, stage, taken.payload);
      return;
    }
    const dueAt = timeoutMs === null ? null : now + timeoutMs;
    run.add('signal.awaited', stage, 1, now, JSON.stringify({ name: signal, dueAt }));
    run.states[stage] = STAGE.SIGNAL_WAIT;
    run.active -= 1;
    run.wait(stage, dueAt);
    if (dueAt !== null) timers.set(run.record.key, stage, dueAt);
  }

  #releaseInputs(run: LiveRun, stage: number): void {
    const { outputs } = this.#options;
    outputs.committed(run, stage);
    for (const dependency of run.pipeline.stages[stage]!.dependsOn) outputs.release(run, dependency);
  }

  #dropReady(run: LiveRun): void {
    let count = 0;
    for (let stage = 0; stage < run.states.length; stage += 1) {
      if (run.states[stage] !== STAGE.READY) continue;
      run.states[stage] = STAGE.DROPPED;
      run.active -= 1;
      count += 1;
    }
    if (count > 0) this.#options.dequeued(count);
  }

  #dropWaits(run: LiveRun): void {
    for (const stage of [...(run.waits?.keys() ?? [])]) {
      if (run.states[stage] === STAGE.CHILD_WAIT) this.#options.cancelChild(run, stage);
      else this.#dropWait(run, stage);
    }
  }

  #dropWait(run: LiveRun, stage: number): void {
    this.leaveWait(run, stage);
    run.active -= 1;
    run.states[stage] = STAGE.DROPPED;
  }
}
