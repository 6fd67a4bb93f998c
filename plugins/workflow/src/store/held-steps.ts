import type { BellowsError, CancelTimer, IClock } from '@bellows/sdk';
import type { FlowChange } from './flow-records.js';

/** The first pause before kept steps are tried again; doubles up to the second one. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

export interface HeldStepsOptions {
  readonly clock: IClock;
  /** Called when a pass over the kept steps should begin. */
  onRetry(): void;
  onStalled(error: BellowsError): void;
  onResumed(): void;
}

/**
 * Steps that must not be lost and do not fit now, in the order they were submitted. They are tried in passes: a pass takes all of them,
 * what does not fit comes back, and the next pass begins after a pause.
 *
 *     empty ──hold──▶ pausing ──time──▶ passing ──all fit──▶ empty
 *                        ▲                 │
 *                        └──some came back─┘
 */
export class HeldSteps {
  readonly #options: HeldStepsOptions;
  /** Not tried in this pass yet. */
  #ahead: FlowChange[] = [];
  /** Tried in this pass without success, or held since the pass before it. */
  #behind: FlowChange[] = [];
  /** How many steps of each run are ahead; which runs have some behind. */
  readonly #runsAhead = new Map<number, number>();
  readonly #runsBehind = new Set<number>();
  #error: BellowsError | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: HeldStepsOptions) {
    this.#options = options;
  }

  /** Why steps are kept; null when there are none. */
  get error(): BellowsError | null {
    return this.#error;
  }

  get size(): number {
    return this.#ahead.length + this.#behind.length;
  }

  /** A pass is under way. */
  get passing(): boolean {
    return this.#ahead.length > 0;
  }

  /** Whether a new step of the run must wait its turn behind others. */
  has(run: number): boolean {
    return this.#runsAhead.has(run) || this.#runsBehind.has(run);
  }

  /** Whether a step of the run that was taken from this pass must wait again, because one before it did not fit. */
  hasBehind(run: number): boolean {
    return this.#runsBehind.has(run);
  }

  /** Puts a new step of a run that has others here behind these. */
  join(step: FlowChange): void {
    if (this.#runsAhead.has(step.run)) this.#pushAhead(step);
    else this.#pushBehind(step);
  }

  /** Keeps a step that did not fit (with the error), or that was taken and must wait behind one that did not. */
  hold(step: FlowChange, error: BellowsError | null): void {
    this.#pushBehind(step);
    if (error !== null && this.#error === null) this.#options.onStalled(error);
    this.#error = error ?? this.#error;
    if (!this.passing) this.#pause();
  }

  beginPass(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const steps = this.#behind;
    this.#behind = [];
    this.#runsBehind.clear();
    for (const step of steps) this.#pushAhead(step);
  }

  /** The next steps of the pass: at least one, and no more than make so many events. */
  take(maxEvents: number): FlowChange[] {
    const steps = this.#ahead.splice(0, countOfFirst(this.#ahead, maxEvents));
    for (const { run } of steps) {
      const left = (this.#runsAhead.get(run) ?? 1) - 1;
      if (left === 0) this.#runsAhead.delete(run);
      else this.#runsAhead.set(run, left);
    }
    return steps;
  }

  /** Call when steps that were taken have been dealt with. */
  settle(): void {
    if (this.passing) return;
    if (this.#behind.length > 0) {
      this.#pause();
    } else if (this.#error !== null) {
      this.#error = null;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#options.onResumed();
    }
  }

  /** Gives up what is left. */
  drain(): readonly FlowChange[] {
    this.beginPass(); // ends the pause
    return this.take(Number.POSITIVE_INFINITY);
  }

  #pushAhead(step: FlowChange): void {
    this.#ahead.push(step);
    this.#runsAhead.set(step.run, (this.#runsAhead.get(step.run) ?? 0) + 1);
  }

  #pushBehind(step: FlowChange): void {
    this.#behind.push(step);
    this.#runsBehind.add(step.run);
  }

  #pause(): void {
    if (this.#cancelTimer !== undefined) return;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    this.#cancelTimer = this.#options.clock.setTimer(pauseMs, () => {
      this.#cancelTimer = undefined;
      this.#options.onRetry();
    });
  }
}

/** How many of the first steps make at most `maxEvents` events; at least one. */
export function countOfFirst(steps: readonly FlowChange[], maxEvents: number): number {
  let events = 0;
  for (let index = 0; index < steps.length; index += 1) {
    events += steps[index]?.events.length ?? 0;
    if (events > maxEvents) return Math.max(1, index);
  }
  return steps.length;
}
