import type { CancelTimer, IClock } from '@bellows/sdk';
import { ENDED_STATUSES, type FlowChange, RUN_STATUSES, type RunProjection, type RunStatus, type StoredRun } from './flow-records.js';
import { STATUS_NUMBERS, statusOf } from './flow-rows.js';
import type { FlowStatements } from './flow-statements.js';

/** A line for lists is written at the latest after so long … */
const MAX_AGE_MS = 500;
/** … or when so many wait. */
const MAX_WAITING = 50;

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
  readonly #counts: Record<RunStatus, number>;
  #due = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: FlowProjectionsOptions) {
    this.#options = options;
    this.#counts = Object.fromEntries(RUN_STATUSES.map((status) => [status, 0])) as Record<RunStatus, number>;
    const open = RUN_STATUSES.filter((status) => !ENDED_STATUSES.has(status)).map((status) => STATUS_NUMBERS[status]);
    for (const row of options.statements.openCounts.all(JSON.stringify(open))) this.#counts[statusOf(row.status)] = Number(row.runs);
  }

  /** Whether the next transaction should write what waits. */
  get due(): boolean {
    return this.#due;
  }

  get waiting(): ReadonlyMap<number, RunProjection> {
    return this.#waiting;
  }

  /** How many runs that have not ended are in each status. */
  counts(): Readonly<Record<RunStatus, number>> {
    return { ...this.#counts };
  }

  /** The step was committed. */
  accept({ run, newRun, projection }: Pick<FlowChange, 'run' | 'newRun' | 'projection'>): void {
    if (newRun !== undefined) this.#count(projection?.status ?? 'queued', 1);
    if (newRun !== undefined || projection === undefined) return;
    const before = this.#waiting.get(run)?.status ?? this.#stored(run);
    if (before === null) return;
    this.#waiting.set(run, projection);
    if (before !== projection.status) {
      this.#count(before, -1);
      this.#count(projection.status, 1);
    }
    if (this.#waiting.size >= MAX_WAITING) this.#markDue();
    else this.#cancelTimer ??= this.#options.clock.setTimer(MAX_AGE_MS, () => this.#markDue());
  }

  /** All that waited is in the file. */
  written(): void {
    this.#waiting.clear();
    this.pause();
  }

  /** It could not be written now: it is due again after a while. */
  postpone(): void {
    this.pause();
    this.#cancelTimer = this.#options.clock.setTimer(MAX_AGE_MS, () => this.#markDue());
  }

  /** Sets no timer any more until the next step. */
  pause(): void {
    this.#due = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  over(run: StoredRun): StoredRun {
    const projection = this.#waiting.get(run.key);
    return projection === undefined ? run : { ...run, ...projection };
  }

  #markDue(): void {
    if (this.#due) return;
    this.#due = true;
    this.#options.onDue();
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
