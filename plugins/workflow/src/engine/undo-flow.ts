import type { IClock, IRandom } from '@bellows/sdk';
import type { RunStatus } from '../store/flow-records.js';
import { type LiveRun, STAGE } from './live-run.js';
import { scheduleNextAttempt } from './next-attempt.js';
import { rollbackWaves } from './rollback-waves.js';
import type { RunSteps } from './run-steps.js';
import { describeError } from './stage-error.js';
import type { WaitTimers } from './stage-flow.js';

export type UndoEnd = Extract<RunStatus, 'failed' | 'rolled_back' | 'rollback_failed' | 'cancelled'>;

export interface UndoFlowOptions {
  readonly steps: RunSteps;
  readonly timers: WaitTimers;
  readonly clock: Pick<IClock, 'now'>;
  readonly random: IRandom;
  readonly enqueue: (run: LiveRun, stage: number) => void;
  /** Ends the run in the step that is being put together. */
  readonly end: (run: LiveRun, status: UndoEnd) => void;
}

/** Compensates what a failed or cancelled run has done, wave by wave; see {@link rollbackWaves}. */
export class UndoFlow {
  readonly #options: UndoFlowOptions;

  constructor(options: UndoFlowOptions) {
    this.#options = options;
  }

  /** Nothing of the run executes any more. The caller flushes. */
  begin(run: LiveRun): void {
    const waves = rollbackWaves(run.pipeline, (stage) => run.states[stage] === STAGE.COMPLETED);
    if (waves.length === 0) {
      this.#end(run);
      return;
    }
    run.add('rollback.started', -1, 0, this.#options.clock.now(), JSON.stringify(run.error));
    run.phase = 'undoing';
    run.attempts = null;
    run.undo = { waves, wave: -1, open: 0, failed: 0, awaitsStep: run.lastStep };
    run.active += 1;
  }

  /** Goes on with what `replay` found: compensations with an outcome are left alone. The caller flushes. */
  resume(run: LiveRun): void {
    this.#nextWave(run);
  }

  /** After COMMIT: the next wave begins when everything before it is durable. */
  committed(run: LiveRun): void {
    const { undo } = run;
    if (undo === null || run.phase !== 'undoing' || undo.awaitsStep === null || run.committed < undo.awaitsStep) return;
    undo.awaitsStep = null;
    run.active -= 1;
    this.#nextWave(run);
    this.#options.steps.flush(run);
  }

  /** The time of a compensation's next attempt has come. */
  due(run: LiveRun, stage: number): void {
    if (!run.endWait(stage)) return;
    this.#options.timers.clear(run.record.key, stage);
    this.#begin(run, stage);
    this.#options.steps.flush(run);
  }

  succeeded(run: LiveRun, stage: number): void {
    run.add('compensation.completed', stage, run.attemptOf(stage), this.#options.clock.now());
    run.states[stage] = STAGE.UNDONE;
    this.#settled(run);
  }

  failed(run: LiveRun, stage: number, error: unknown): void {
    const { clock, timers, steps } = this.#options;
    const { compensation, name } = run.pipeline.stages[stage]!;
    const { action, retry: policy } = compensation!;
    const operation = 'operation' in action ? action.operation : null;
    const dueAt = scheduleNextAttempt({ run, stage, error, policy, operation }, this.#options);
    if (dueAt === null) {
      run.add('compensation.failed', stage, run.attemptOf(stage), clock.now(), JSON.stringify(describeError(error, name)));
      run.states[stage] = STAGE.UNDO_FAILED;
      run.undo!.failed += 1;
      this.#settled(run);
      return;
    }
    run.active -= 1;
    run.states[stage] = STAGE.UNDO_WAIT;
    timers.set(run.record.key, stage, dueAt);
    steps.flush(run);
  }

  #nextWave(run: LiveRun): void {
    const undo = run.undo!;
    while (undo.wave + 1 < undo.waves.length) {
      undo.wave += 1;
      const wave = undo.waves[undo.wave]!;
      const ready = wave.filter((stage) => run.states[stage] === STAGE.COMPLETED);
      undo.open = ready.length + wave.filter((stage) => run.states[stage] === STAGE.UNDO_WAIT).length;
      for (const stage of ready) this.#begin(run, stage);
      if (undo.open > 0) return;
    }
    this.#end(run);
  }

  #begin(run: LiveRun, stage: number): void {
    run.active += 1;
    run.states[stage] = STAGE.UNDO_READY;
    this.#options.enqueue(run, stage);
  }

  #settled(run: LiveRun): void {
    const undo = run.undo!;
    undo.open -= 1;
    // the active stage now stands for the commit, before which the next wave does not begin
    if (undo.open > 0) run.active -= 1;
    else if (undo.wave === undo.waves.length - 1) this.#end(run);
    else undo.awaitsStep = run.lastStep;
    this.#options.steps.flush(run);
  }

  #end(run: LiveRun): void {
    const { undo, isCancelRequested } = run;
    const rolledBack = undo === null ? 'failed' : undo.failed > 0 ? 'rollback_failed' : 'rolled_back';
    this.#options.end(run, isCancelRequested ? 'cancelled' : rolledBack);
  }
}
