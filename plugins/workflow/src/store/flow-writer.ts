import type { DatabaseSync } from 'node:sqlite';
import type { FlowChange, RunProjection, RunRecord } from './flow-records.js';
import { EVENT_NUMBERS, endsRun, STATUS_NUMBERS } from './flow-rows.js';
import type { FlowStatements } from './flow-statements.js';

/** Inputs longer than this stand apart from the line of the run, which is written again with every change of its status. */
const MAX_INPUT_BESIDE = 1_024;

/** Writes steps and projections, each call one transaction that commits as a whole or not at all. Throws what SQLite throws. */
export class FlowWriter {
  readonly #database: DatabaseSync;
  readonly #statements: FlowStatements;

  constructor(database: DatabaseSync, statements: FlowStatements) {
    this.#database = database;
    this.#statements = statements;
  }

  write(steps: readonly FlowChange[], projections: ReadonlyMap<number, RunProjection>): void {
    this.transact(() => {
      for (const step of steps) this.#apply(step);
      for (const [run, projection] of projections) this.#project(run, projection);
    });
  }

  /** See `FlowStore.removeRuns`. */
  remove(runs: readonly number[], maxEvents: number): number {
    const { removeRun, removeLongInput, removeEvents, removeWaits, markRemoved } = this.#statements;
    return this.transact(() => {
      let events = 0;
      let gone = 0;
      for (const run of runs) {
        const left = maxEvents - events;
        const removed = left <= 0 ? 0 : Number(removeEvents.run(run, left).changes);
        events += removed;
        // there may be more of it
        if (removed >= left) break;
        for (const statement of [removeRun, removeLongInput, removeWaits]) statement.run(run);
        // a key is given once, also when the newest run is removed
        markRemoved.run(run);
        gone += 1;
      }
      return gone;
    });
  }

  transact<T>(work: () => T): T {
    this.#statements.begin.run();
    try {
      const result = work();
      this.#statements.commit.run();
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #apply(step: FlowChange): void {
    const { addEvent, setWait, clearWait, setDormant } = this.#statements;
    const { run, events } = step;
    if (step.newRun !== undefined) this.#addRun(step.newRun, step);
    let ended = false;
    for (const event of events) {
      addEvent.run(run, event.seq, EVENT_NUMBERS[event.type], event.stage, event.attempt, event.at, event.data);
      ended ||= endsRun(event);
    }
    for (const stage of step.clearWaits ?? []) clearWait.run(run, stage);
    for (const wait of step.setWaits ?? []) setWait.run(wait.run, wait.stage, wait.dueAt);
    if (step.newRun !== undefined) return;
    // an ended run is never left dormant: opening looks for unfinished lines among the others only
    if (ended) setDormant.run(run, 0);
    else if (step.dormant !== undefined) setDormant.run(run, step.dormant ? 1 : 0);
  }

  #addRun(run: RunRecord, step: FlowChange): void {
    const { projection } = step;
    const attributes = Object.keys(run.attributes).length === 0 ? null : JSON.stringify(run.attributes);
    const long = run.input.length > MAX_INPUT_BESIDE;
    this.#statements.addRun.run(
      run.key,
      run.id,
      run.name,
      run.version,
      run.inputHash,
      attributes,
      run.priority,
      run.tenant,
      run.user,
      run.authority.role,
      run.authority.runsCommands ? 1 : 0,
      run.parent?.key ?? null,
      run.parent?.stage ?? null,
      run.createdAt,
      step.dormant === true ? 1 : 0,
      STATUS_NUMBERS[projection?.status ?? 'queued'],
      projection?.updatedAt ?? run.createdAt,
      projection?.endedAt ?? null,
      projection?.output ?? null,
      projection?.error ?? null,
      long ? null : run.input,
    );
    if (long) this.#statements.addLongInput.run(run.key, run.input);
  }

  #project(run: number, { status, updatedAt, endedAt, output, error }: RunProjection): void {
    this.#statements.project.run(STATUS_NUMBERS[status], updatedAt, endedAt, output, error, run);
  }

  #rollback(): void {
    try {
      // SQLite has rolled back by itself after some errors, a full disk among them
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch {
      // the error that led here is the one to tell
    }
  }
}
