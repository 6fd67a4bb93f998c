import type { BellowsError, IClock } from '@bellows/sdk';
import type { FlowChange, FlowEvent, IFlowStore, KeptValue, RunProjection, RunRecord, RunStatus, Wait } from '../store/flow-records.js';
import { type LiveRun, StepBuffer } from './live-run.js';

export interface RunStepsOptions {
  readonly store: Pick<IFlowStore, 'submit'>;
  readonly clock: Pick<IClock, 'now'>;
  /** After COMMIT, in order; `completed` are the stages whose completion the step held. */
  committed(run: LiveRun, completed: readonly number[]): void;
  /** The store cannot take a step, now or ever: what is in memory has no ground any more. */
  lost(run: LiveRun): void;
}

export interface RunEnd {
  readonly status: RunStatus;
  readonly output: KeptValue | null;
}

/** Hands what happened to runs to the store, step by step. */
export class RunSteps {
  readonly #options: RunStepsOptions;
  #isClosed = false;

  constructor(options: RunStepsOptions) {
    this.#options = options;
  }

  /** From now on nothing reaches the store: a run goes on after the next start where its committed steps end. */
  close(): void {
    this.#isClosed = true;
  }

  /** The first step of a run: `settled` is told its outcome. Throws what `submit` throws. */
  start(run: LiveRun, settled: (error: BellowsError | null) => void, onFailure: 'refuse' | 'keep'): void {
    const now = this.#options.clock.now();
    run.add('run.started', -1, 0, now);
    const { events } = run.step;
    run.step = new StepBuffer();
    run.submitted += 1;
    const projection: RunProjection = { status: 'queued', updatedAt: now, endedAt: null, output: null, error: null };
    const done = (error: BellowsError | null) => {
      run.committed += 1;
      settled(error);
      if (error === null) run.tellCommitted();
    };
    this.#options.store.submit({ run: run.record.key, newRun: run.record, events, projection, onFailure, done });
  }

  /** Submits what was added to the run since, if anything, with where the run stands now. */
  flush(run: LiveRun): void {
    const { step } = run;
    const isResting = run.isIdle;
    const isDormancyNew = run.phase !== 'ended' && isResting !== run.isDormantInStore;
    // waking up is told with the first event that follows from it
    if (this.#isClosed || (step.events.length === 0 && !(isDormancyNew && isResting))) return;
    this.#project(run, isResting);
    run.step = new StepBuffer();
    run.submitted += 1;
    const change = new RunStep(run, step, this);
    if (isDormancyNew) {
      change.dormant = isResting;
      run.isDormantInStore = isResting;
    }
    this.#options.store.submit(change);
  }

  /** Adds what lists show of an ended run. */
  end(run: LiveRun, { status, output }: RunEnd): void {
    const now = this.#options.clock.now();
    run.phase = 'ended';
    run.status = status;
    const error = run.error === null ? null : JSON.stringify(run.error);
    run.end = { status, updatedAt: now, endedAt: now, output, error };
    run.step.projection = run.end;
  }

  /** Tells the store that a run which is not in memory has something to do after a restart. */
  wake(key: number): void {
    if (!this.#isClosed) this.#options.store.submit({ run: key, events: [], dormant: false, onFailure: 'keep' });
  }

  /** For the steps. Once closed nothing follows from them any more, but whoever waits for one still hears of it. */
  settled(run: LiveRun, completed: readonly number[], error: BellowsError | null): void {
    if (error !== null) {
      run.refuseAfter(run.committed, error);
      run.committed += 1;
      if (!this.#isClosed) this.#options.lost(run);
      return;
    }
    run.committed += 1;
    if (!this.#isClosed) this.#options.committed(run, completed);
    run.tellCommitted();
  }

  #project(run: LiveRun, isResting: boolean): void {
    if (run.phase === 'ended') return;
    const status = run.phase === 'undoing' ? 'rolling_back' : isResting ? 'waiting' : 'running';
    if (status === run.status) return;
    run.status = status;
    const error = run.error === null ? null : JSON.stringify(run.error);
    run.step.projection = { status, updatedAt: this.#options.clock.now(), endedAt: null, output: null, error };
  }
}

/** A step on its way; its own `done`, so that no function is made for each. */
class RunStep implements FlowChange {
  readonly run: number;
  readonly events: readonly FlowEvent[];
  readonly onFailure = 'keep';
  declare readonly newRun?: RunRecord;
  declare setWaits?: readonly Wait[];
  declare clearWaits?: readonly number[];
  declare projection?: RunProjection;
  declare dormant?: boolean;
  readonly #live: LiveRun;
  readonly #completed: readonly number[];
  readonly #steps: RunSteps;

  constructor(live: LiveRun, step: StepBuffer, steps: RunSteps) {
    this.run = live.record.key;
    this.events = step.events;
    if (step.setWaits !== undefined) this.setWaits = step.setWaits;
    if (step.clearWaits !== undefined) this.clearWaits = step.clearWaits;
    if (step.projection !== undefined) this.projection = step.projection;
    this.#live = live;
    this.#completed = step.completed ?? NONE;
    this.#steps = steps;
  }

  /** The store keeps steps for which there is no room, so an error means that they contradict the log. */
  done(error: BellowsError | null): void {
    this.#steps.settled(this.#live, this.#completed, error);
  }
}

const NONE: readonly number[] = Object.freeze([]);
