import type { CancelTimer, IClock } from '@bellows/sdk';
import { ENDED_STATUSES, type FlowChange, RUN_STATUSES, type RunProjection, type RunStatus, type StoredRun } from './flow-records.js';
import { STATUS_NUMBERS, statusOf } from './flow-rows.js';
import type { FlowStatements } from './flow-statements.js';

/** A line for lists is written at the latest after so long … */
const MAX_AGE_MS = 500;
/** … or when so many wait. */
const MAX_WAITING = 50;
/**
 * A line that says no more than `running` is mostly replaced by the end of its run within a moment, so it waits for its time and makes no
 * others come sooner (7 % of what a run of three stages costs). A list looks at every line that waits: so many take some 10 ms.
 */
const MAX_RUNNING = 2_000;

export interface FlowProjectionsOptions {
  readonly clock: IClock;
  readonly statements: FlowStatements;
  /** Called when lines should be written soon. */
  onDue(): void;
}

/**
 * The newest lines of runs that are not in the file yet, laid over what is read from it, and how many runs have which status.
 * Knows committed steps only.
 */
export class FlowProjections {
  readonly #options: FlowProjectionsOptions;
  readonly #waiting = new Map<number, RunProjection>();
  /** Those that only say `running`. No run is in both. */
  readonly #running = new Map<number, RunProjection>();
  /** New runs of which no other line has come, so that the file need not be asked for their status. */
  readonly #fresh = new Map<number, RunStatus>();
  readonly #counts: Record<RunStatus, number>;
  #due: 'none' | 'settled' | 'all' = 'none';
  #cancelTimer: CancelTimer | undefined;

  constructor(options: FlowProjectionsOptions) {
    this.#options = options;
    this.#counts = Object.fromEntries(RUN_STATUSES.map((status) => [status, 0])) as Record<RunStatus, number>;
    const open = RUN_STATUSES.filter((status) => !ENDED_STATUSES.has(status)).map((status) => STATUS_NUMBERS[status]);
    for (const row of options.statements.openCounts.all(JSON.stringify(open))) this.#counts[statusOf(row.status)] = Number(row.runs);
  }

  /** Whether the next transaction should write `lines`. */
  get due(): boolean {
    return this.#due !== 'none';
  }

  /** What the next transaction should write. */
  get lines(): ReadonlyMap<number, RunProjection> {
    return this.#due === 'settled' || this.#running.size === 0 ? this.#waiting : new Map([...this.#waiting, ...this.#running]);
  }

  /** The runs whose line in the file is old. */
  changed(): readonly number[] {
    return [...this.#waiting.keys(), ...this.#running.keys()];
  }

  /** The line of the run where that in the file is old. */
  newest(run: number): RunProjection | undefined {
    return this.#waiting.get(run) ?? this.#running.get(run);
  }

  /** How many runs that have not ended are in each status. */
  counts(): Readonly<Record<RunStatus, number>> {
    return { ...this.#counts };
  }

  /** The step was committed. */
  accept({ run, newRun, projection }: Pick<FlowChange, 'run' | 'newRun' | 'projection'>): void {
    if (newRun !== undefined) {
      const status = projection?.status ?? 'queued';
      this.#count(status, 1);
      this.#fresh.set(run, status);
      return;
    }
    if (projection === undefined) return;
    const before = this.newest(run)?.status ?? this.#fresh.get(run) ?? this.#stored(run);
    if (before === null) return;
    this.#fresh.delete(run);
    this.#add(run, projection);
    if (before !== projection.status) {
      this.#count(before, -1);
      this.#count(projection.status, 1);
    }
  }

  /** `lines` are in the file. */
  written(): void {
    this.#waiting.clear();
    if (this.#due !== 'settled') this.#running.clear();
    this.#due = 'none';
    if (this.#running.size === 0) this.pause();
  }

  /** It could not be written now: it is due again after a while. */
  postpone(): void {
    this.pause();
    this.#setTimer();
  }

  /** Sets no timer any more until the next step. */
  pause(): void {
    this.#due = 'none';
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  over(run: StoredRun): StoredRun {
    const projection = this.newest(run.key);
    return projection === undefined ? run : { ...run, ...projection };
  }

  #add(run: number, projection: RunProjection): void {
    const [lines, others] = projection.status === 'running' ? [this.#running, this.#waiting] : [this.#waiting, this.#running];
    others.delete(run);
    lines.set(run, projection);
    if (this.#running.size >= MAX_RUNNING) this.#markDue('all');
    else if (this.#waiting.size >= MAX_WAITING) this.#markDue('settled');
    this.#setTimer();
  }

  #setTimer(): void {
    this.#cancelTimer ??= this.#options.clock.setTimer(MAX_AGE_MS, () => {
      this.#cancelTimer = undefined;
      this.#markDue('all');
    });
  }

  #markDue(due: 'settled' | 'all'): void {
    const before = this.#due;
    if (before !== 'all') this.#due = due;
    if (before === 'none') this.#options.onDue();
  }

  #stored(run: number): RunStatus | null {
    try {
      const row = this.#options.statements.statusOf.get(run);
      return row === undefined ? null : statusOf(row.status);
    } catch {
      // the step is committed, and whoever waits for it must hear of that; the next read tells what is wrong with the file
      return null;
    }
  }

  #count(status: RunStatus, by: 1 | -1): void {
    if (!ENDED_STATUSES.has(status)) this.#counts[status] += by;
  }
}
