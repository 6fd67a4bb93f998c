import type { ChildRuns } from './child-runs.js';
import { type LiveRun, STAGE } from './live-run.js';
import type { RunFinisher } from './run-finisher.js';
import type { StageFlow, WaitTimers } from './stage-flow.js';
import type { UndoFlow } from './undo-flow.js';

export interface ResumeParts {
  readonly flow: StageFlow;
  readonly undo: UndoFlow;
  readonly children: ChildRuns;
  readonly finisher: RunFinisher;
  readonly timers: WaitTimers;
}

/** Goes on with a run that `replay` has just built: what was executing executes again, what waits waits on, what is next begins. */
export function resumeRun(run: LiveRun, parts: ResumeParts): void {
  const { flow, undo, finisher } = parts;
  run.active += 1;
  if (run.phase === 'failing') flow.dropAll(run);
  resumeWaits(run, parts);
  if (run.phase === 'undoing') undo.resume(run);
  else resumeStages(run, flow);
  run.active -= 1;
  if (run.phase === 'forward' && run.remaining === 0) finisher.finish(run);
  flow.settle(run);
}

function resumeStages(run: LiveRun, flow: StageFlow): void {
  const { states, openDependencies } = run;
  for (let stage = 0; stage < states.length && run.phase === 'forward'; stage += 1) {
    const isNext = states[stage] === STAGE.PENDING && openDependencies[stage] === 0;
    if (isNext || states[stage] === STAGE.RUNNING) flow.begin(run, stage);
  }
}

function resumeWaits(run: LiveRun, { timers, children }: ResumeParts): void {
  for (const [stage, dueAt] of [...(run.waits ?? [])]) {
    if (dueAt !== null) timers.set(run.record.key, stage, dueAt);
    if (run.states[stage] === STAGE.CHILD_WAIT) children.check(run, stage);
  }
}
