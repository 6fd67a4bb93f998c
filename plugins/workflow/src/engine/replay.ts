import type { FlowEvent } from '../store/flow-records.js';
import { type LiveRun, type ReceivedSignal, STAGE } from './live-run.js';
import { rollbackWaves } from './rollback-waves.js';
import type { StageError } from './stage-error.js';

/**
 * Brings a new run to where its log ends. What was executing then is `RUNNING` again without being executed: the attempt is lost, and
 * whoever goes on with the run begins it once more. Outputs stay in the store.
 */
export function replay(run: LiveRun, events: Iterable<FlowEvent>): void {
  run.status = 'running';
  for (const event of events) {
    run.seq = event.seq;
    if (event.stage >= 0) replayStage(run, event);
    else replayRun(run, event);
  }
}

function replayRun(run: LiveRun, { type, data }: FlowEvent): void {
  switch (type) {
    case 'signal.received': {
      const { number = run.nextSignal, ...signal } = parse(data) as ReceivedSignal & { number?: number };
      run.nextSignal = Math.max(run.nextSignal, number + 1);
      run.keepSignal(signal);
      return;
    }
    case 'run.cancel_requested':
      run.isCancelRequested = true;
      beginFailing(run, data);
      return;
    case 'rollback.started':
      run.error ??= parse(data) as StageError;
      startUndo(run);
      return;
    case 'run.failed':
      // no stage failed: the output of the run could not be made; with compensations `rollback.started` says so
      run.error ??= parse(data) as StageError;
      run.phase = 'ended';
      return;
    case 'run.completed':
    case 'run.rolled_back':
    case 'run.rollback_failed':
    case 'run.cancelled':
      run.phase = 'ended';
      return;
    default:
      return;
  }
}

/** What waits then ends without an event of its own; children are waited for. */
function beginFailing(run: LiveRun, error: string | null): void {
  if (run.phase !== 'forward') return;
  run.phase = 'failing';
  run.error = parse(error) as StageError;
  for (const stage of run.waits?.keys() ?? []) {
    if (run.states[stage] === STAGE.CHILD_WAIT) continue;
    run.states[stage] = STAGE.DROPPED;
    run.waits!.delete(stage);
  }
}

function startUndo(run: LiveRun): void {
  run.phase = 'undoing';
  run.status = 'rolling_back';
  run.attempts = null;
  const waves = rollbackWaves(run.pipeline, (stage) => run.states[stage] === STAGE.COMPLETED);
  run.undo = { waves, wave: -1, open: 0, failed: 0, awaitsStep: null };
}

function replayStage(run: LiveRun, { type, stage, attempt, seq, data }: FlowEvent): void {
  switch (type) {
    case 'stage.started':
      endWait(run, stage);
      run.states[stage] = STAGE.RUNNING;
      run.setAttempt(stage, attempt);
      return;
    case 'stage.completed':
      completeStage(run, stage, seq);
      return;
    case 'stage.failed':
      endWait(run, stage);
      run.states[stage] = STAGE.FAILED;
      beginFailing(run, data);
      return;
    case 'stage.retry_scheduled':
      run.states[stage] = run.phase === 'undoing' ? STAGE.UNDO_WAIT : STAGE.RETRY_WAIT;
      run.setAttempt(stage, attempt + 1);
      setWait(run, stage, data);
      return;
    case 'timer.set':
      run.states[stage] = STAGE.TIMER_WAIT;
      setWait(run, stage, data);
      return;
    case 'signal.awaited':
      run.states[stage] = STAGE.SIGNAL_WAIT;
      setWait(run, stage, data);
      return;
    case 'child.started':
      run.states[stage] = STAGE.CHILD_WAIT;
      run.openChildren += 1;
      setWait(run, stage, null);
      return;
    case 'compensation.started':
      endWait(run, stage);
      run.states[stage] = STAGE.COMPLETED;
      run.setAttempt(stage, attempt);
      return;
    case 'compensation.completed':
      run.states[stage] = STAGE.UNDONE;
      return;
    case 'compensation.failed':
      run.states[stage] = STAGE.UNDO_FAILED;
      run.undo!.failed += 1;
      return;
    default:
      return;
  }
}

function completeStage(run: LiveRun, stage: number, seq: number): void {
  const { signal, dependants } = run.pipeline.stages[stage]!;
  endWait(run, stage);
  run.states[stage] = STAGE.COMPLETED;
  run.completedSeq[stage] = seq;
  run.remaining -= 1;
  for (const dependant of dependants) run.openDependencies[dependant]! -= 1;
  if (signal !== null) run.takeSignal(signal);
}

function setWait(run: LiveRun, stage: number, data: string | null): void {
  const { dueAt = null, absences = 0 } = (parse(data) ?? {}) as { dueAt?: number | null; absences?: number };
  run.setAbsences(stage, absences);
  (run.waits ??= new Map()).set(stage, dueAt);
}

function endWait(run: LiveRun, stage: number): void {
  if (run.states[stage] === STAGE.CHILD_WAIT) run.openChildren -= 1;
  run.waits?.delete(stage);
}

function parse(data: string | null): unknown {
  return data === null ? null : JSON.parse(data);
}
