import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type IClock, type ILogger, isBellowsError, sqliteError } from '@bellows/sdk';
import { copyFlow } from './copy-flow.js';
import { corrupt, FLOW_FILE, type FlowDatabaseOptions, openFlowDatabase } from './flow-database.js';
import { closedError, FlowJournal, type FlowJournalOptions } from './flow-journal.js';
import { type FlowPage, listRuns } from './flow-list.js';
import { FlowProjections } from './flow-projections.js';
import {
  ENDED_STATUSES,
  type FlowChange,
  type FlowEvent,
  type IFlowStore,
  RUN_STATUSES,
  type RunFilter,
  type RunStatus,
  type StoredDefinition,
  type StoredRun,
  type Wait,
} from './flow-records.js';
import { eventOf, projectionAtEnd, type Row, runOf, STATUS_NUMBERS, sleepingProjection } from './flow-rows.js';
import { type FlowStatements, prepareFlow } from './flow-statements.js';
import { FlowWriter } from './flow-writer.js';

export interface FlowStoreOptions extends FlowDatabaseOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  readonly onStalled?: FlowJournalOptions['onStalled'];
}

/** How many rows an iteration reads at once; no statement stays open between, so that writing is never held up. */
const ROWS_AT_ONCE = 512;

/**
 * Runs in one SQLite file, `flow.db`, held by one process. What `done` was told is durable, through a crash of the process or the machine.
 * Reads show committed steps only, with their projections at once. Every call after `close` throws `FLOW_STORE_CLOSED`.
 * Errors of reads: `STORE_CORRUPT`, `STORE_UNREACHABLE`.
 */
export class FlowStore implements IFlowStore, AsyncDisposable {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements: FlowStatements;
  readonly #writer: FlowWriter;
  readonly #projections: FlowProjections;
  readonly #journal: FlowJournal;
  #lastKey: number;
  #closed = false;

  private constructor(file: string, database: DatabaseSync, { clock, logger, onStalled }: FlowStoreOptions) {
    this.#file = file;
    this.#database = database;
    this.#statements = prepareFlow(database);
    this.#writer = new FlowWriter(database, this.#statements);
    this.#lastKey = Number(this.#statements.lastKey.get()?.key);
    this.#projections = new FlowProjections({ clock, statements: this.#statements, onDue: () => this.#journal.schedule() });
    this.#journal = new FlowJournal({ writer: this.#writer, projections: this.#projections, clock, logger, file, onStalled });
    this.#repair();
  }

  /**
   * Opens the folder's file or makes both. `FLOW_STORE_IN_USE` at once when another process has it, `FLOW_STORE_CORRUPT`,
   * `FLOW_STORE_NEWER`, `STORE_FULL`, `STORE_UNREACHABLE`.
   */
  static async open(folder: string, options: FlowStoreOptions): Promise<FlowStore> {
    const database = await openFlowDatabase(folder, options);
    const file = path.join(folder, FLOW_FILE);
    try {
      return new FlowStore(file, database, options);
    } catch (error) {
      database.close();
      const known = sqliteError(error, file);
      // a table that is missing is damage too
      throw known.code === 'STORE_CORRUPT' || known.code === 'STORE_FAILED' ? corrupt(file, known.message, error) : known;
    }
  }

  get isStalled(): boolean {
    return this.#journal.isStalled;
  }

  nextKey(): number {
    this.#lastKey += 1;
    return this.#lastKey;
  }

  submit(change: FlowChange): void {
    this.#journal.submit(change);
  }

  findRun(id: string): StoredRun | null {
    // half of a surrogate pair has no bytes of its own: it would find the run named by the replacement character
    if (!id.isWellFormed()) return null;
    return this.#oneRun(this.#read(() => this.#statements.runById.get(id)));
  }

  run(key: number): StoredRun | null {
    return this.#oneRun(this.#read(() => this.#statements.runByKey.get(key)));
  }

  *events(key: number, afterSeq = 0, atMost = Number.POSITIVE_INFINITY): Iterable<FlowEvent> {
    let last = afterSeq;
    for (let left = atMost; left > 0; ) {
      const count = Math.min(left, ROWS_AT_ONCE);
      const rows = this.#read(() => this.#statements.events.all(key, last, count));
      for (const row of rows) yield eventOf(row);
      if (rows.length < count) return;
      left -= count;
      last = rows.at(-1)?.seq as number;
    }
  }

  list(filter: RunFilter): FlowPage {
    return this.#read(() => {
      const changed = this.#projections
        .changed()
        .map((key) => this.run(key))
        .filter((run) => run !== null);
      return listRuns({ database: this.#database, filter, changed });
    });
  }

  *activeRuns(): Iterable<number> {
    let last = 0;
    for (;;) {
      const rows = this.#read(() => this.#statements.activeRuns.all(last, ROWS_AT_ONCE));
      for (const row of rows) {
        last = row.key as number;
        if (!this.#hasEnded(last)) yield last;
      }
      if (rows.length < ROWS_AT_ONCE) return;
    }
  }

  *dueWaits(): Iterable<Wait & { readonly dueAt: number }> {
    let last = { run: 0, stage: Number.MIN_SAFE_INTEGER };
    for (;;) {
      const rows = this.#read(() => this.#statements.dueWaits.all(last.run, last.stage, ROWS_AT_ONCE));
      for (const row of rows) {
        last = { run: row.run as number, stage: row.stage as number };
        if (!this.#hasEnded(last.run)) yield { ...last, dueAt: row.due_at as number };
      }
      if (rows.length < ROWS_AT_ONCE) return;
    }
  }

  /** Replaces the one of the same name and version. Durable when it resolves. */
  async saveDefinition({ name, version, hash, json, outline = null, createdAt }: StoredDefinition): Promise<void> {
    this.#read(() => this.#writer.transact(() => this.#statements.saveDefinition.run(name, version, hash, json, outline, createdAt)));
  }

  /** Without `version` the highest one. */
  definition(name: string, version?: number): StoredDefinition | null {
    const { definition, newestDefinition } = this.#statements;
    const row = this.#read(() => (version === undefined ? newestDefinition.get(name) : definition.get(name, version)));
    return row === undefined ? null : definitionOf(row);
  }

  definitions(): readonly StoredDefinition[] {
    return this.#read(() => this.#statements.definitions.all()).map(definitionOf);
  }

  /** How many runs of each name and version have not ended; looks at all of those. */
  openRuns(): readonly { readonly name: string; readonly version: number; readonly runs: number }[] {
    return this.#read(() => this.#statements.openRuns.all(OPEN_STATUSES)) as { name: string; version: number; runs: number }[];
  }

  counts(): Readonly<Record<RunStatus, number>> {
    return this.#projections.counts();
  }

  /** Up to `limit` runs that ended before `at`, the oldest first. One that ended within the last half second may be missing. */
  endedBefore(at: number, limit: number): readonly { readonly key: number; readonly id: string }[] {
    return this.#read(() => this.#statements.endedBefore.all(at, limit)) as { key: number; id: string }[];
  }

  /**
   * Removes ended runs with all that is kept of them here, in one transaction of at most `maxEvents` events, so that a run of a million
   * of them holds up nobody. Answers how many of the first are gone; call it again for the others, also after a crash: until a run is
   * gone, `endedBefore` tells it. Throws `STORE_FULL` and the like; then nothing was removed.
   */
  removeRuns(keys: readonly number[], maxEvents: number): number {
    return this.#read(() => this.#writer.remove(keys, maxEvents));
  }

  /**
   * Copies all runs into `file`, which must not be there, while they go on: what is committed meanwhile is in the copy too. The event loop
   * is not held up. Rejects with the reason of `signal`, `BACKUP_FAILED`, or `FLOW_STORE_CLOSED`; then no such file is left.
   */
  async copyTo(file: string, signal?: AbortSignal): Promise<void> {
    if (this.#closed) throw closedError();
    await copyFlow(this.#database, file, signal);
  }

  /** Twice is fine. Steps that cannot be written even now are told so. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#journal.close();
    this.#closed = true;
    this.#database.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * A crash may have kept the last events of a run and lost its line for lists: that line is made from the events. Lines of active runs
   * that have not ended are mended by going on with them; a run that sleeps would show the wrong status for as long as it sleeps.
   */
  #repair(): void {
    const { lastEvent, sleepingRuns, rollback } = this.#statements;
    const lines: Pick<FlowChange, 'run' | 'projection'>[] = [];
    for (const run of this.activeRuns()) {
      const row = lastEvent.get(run);
      const projection = row === undefined ? null : projectionAtEnd(eventOf(row));
      if (projection !== null) lines.push({ run, projection });
    }
    for (const { key, updated_at: updatedAt } of sleepingRuns.all(AWAKE_STATUSES)) {
      const run = key as number;
      lines.push({ run, projection: sleepingProjection(rollback.get(run), updatedAt as number) });
    }
    for (const line of lines) this.#projections.accept(line);
  }

  #oneRun(row: Row | undefined): StoredRun | null {
    return row === undefined ? null : this.#projections.over(runOf(row));
  }

  #hasEnded(run: number): boolean {
    const projection = this.#projections.newest(run);
    return projection !== undefined && projection.endedAt !== null;
  }

  #read<T>(work: () => T): T {
    if (this.#closed) throw closedError();
    try {
      return work();
    } catch (error) {
      throw isBellowsError(error) ? error : sqliteError(error, this.#file);
    }
  }
}

/** The two that a run which sleeps never has. */
const OPEN_STATUSES = JSON.stringify(RUN_STATUSES.filter((status) => !ENDED_STATUSES.has(status)).map((status) => STATUS_NUMBERS[status]));
const AWAKE_STATUSES = JSON.stringify([STATUS_NUMBERS.queued, STATUS_NUMBERS.running]);

function definitionOf(row: Row): StoredDefinition {
  return {
    name: row.name as string,
    version: row.version as number,
    hash: row.hash as string,
    json: row.json as string | null,
    ...(row.outline === null ? {} : { outline: row.outline as string }),
    createdAt: row.created_at as number,
  };
}
