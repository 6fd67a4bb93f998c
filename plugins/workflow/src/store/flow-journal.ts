import { type BellowsError, type IClock, type ILogger, sqliteError } from '@bellows/sdk';
import { workflowError } from '../errors.js';
import type { FlowProjections } from './flow-projections.js';
import type { FlowChange, RunProjection } from './flow-records.js';
import type { FlowWriter } from './flow-writer.js';
import { countOfFirst, HeldSteps } from './held-steps.js';

/** More in one transaction makes it no cheaper (1.5 ms for 1,000 events) and keeps the event loop longer. */
const MAX_EVENTS_PER_COMMIT = 1_000;

export interface FlowJournalOptions {
  readonly writer: FlowWriter;
  readonly projections: FlowProjections;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** For messages. */
  readonly file: string;
  /** Told when steps begin to wait because they cannot be written, with why, and with undefined when all are written again. */
  readonly onStalled?: ((error: BellowsError | undefined) => void) | undefined;
}

/** What became of the steps of one group; a step that is kept is not among them. */
interface Group {
  readonly outcomes: Map<FlowChange, BellowsError | null>;
  /** Runs of which a step was refused, with why. */
  readonly refused: Map<number, BellowsError>;
  /** Deals with a step that must not be written now because of one before it, and says so. */
  deferred(step: FlowChange): boolean;
}

/**
 * Commits steps in groups: all of one turn of the event loop together, one transaction per turn. A step that does not fit is refused
 * or kept, as it says. With a refused step all later steps of its run that were submitted before its `done` are refused too: they build on it.
 */
export class FlowJournal {
  readonly #options: FlowJournalOptions;
  readonly #held: HeldSteps;
  #queue: FlowChange[] = [];
  #scheduled = false;
  #closed = false;

  constructor(options: FlowJournalOptions) {
    this.#options = options;
    this.#held = new HeldSteps({
      clock: options.clock,
      onRetry: () => {
        this.#held.beginPass();
        this.#pass();
      },
      onStalled: (error) => options.onStalled?.(error),
      onResumed: () => options.onStalled?.(undefined),
    });
  }

  get isStalled(): boolean {
    return this.#held.size > 0;
  }

  submit(step: FlowChange): void {
    if (this.#closed) throw closedError();
    this.#queue.push(step);
    this.schedule();
  }

  /** A transaction in the next turn of the event loop, if there is anything to write then. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#flush();
      if (this.#queue.length > 0) this.schedule();
    });
  }

  /** Tries everything once more; what cannot be written even now is told so. Then takes nothing any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#queue.length > 0) this.#flush();
    // a pass that is under way ends first: it has the earlier steps of some runs behind it
    while (this.#held.passing) this.#commitHeld();
    this.#held.beginPass();
    while (this.#held.passing) this.#commitHeld();
    const lost = this.#held.drain();
    if (lost.length > 0) {
      this.#options.logger.error('steps that could not be written are given up', { file: this.#options.file, steps: lost.length });
      this.#tell(lost, { outcomes: new Map(lost.map((step) => [step, this.#held.error ?? closedError()])) });
    }
    this.#flushProjections();
    this.#options.projections.pause();
  }

  #flush(): void {
    if (this.#queue.length === 0) {
      if (this.#options.projections.due) this.#flushProjections();
      return;
    }
    const steps = this.#queue.splice(0, countOfFirst(this.#queue, MAX_EVENTS_PER_COMMIT));
    const group = newGroup((step) => {
      if (!this.#held.has(step.run)) return false;
      if (step.onFailure === 'keep') this.#held.join(step);
      else refuse(group, step, this.#held.error ?? closedError());
      return true;
    });
    this.#commit(steps, group, this.#options.projections.due);
    this.#held.settle();
    if (group.refused.size > 0) {
      // they build on a step that is not there
      for (const step of this.#queue) blockedByRefusal(group, step);
      for (const step of this.#queue) if (group.outcomes.has(step)) steps.push(step);
      this.#queue = this.#queue.filter((step) => !group.outcomes.has(step));
    }
    this.#tell(steps, group);
  }

  #pass(): void {
    if (this.#closed) return;
    this.#commitHeld();
    // one transaction per turn here too
    if (this.#held.passing) setImmediate(() => this.#pass());
  }

  #commitHeld(): void {
    const steps = this.#held.take(MAX_EVENTS_PER_COMMIT);
    const group = newGroup((step) => {
      if (!this.#held.hasBehind(step.run)) return false;
      this.#held.hold(step, null);
      return true;
    });
    this.#commit(steps, group, false);
    this.#held.settle();
    this.#tell(steps, group);
  }

  /** All together; when that fails by halves, so that a bad step is found with few transactions and takes no other with it. */
  #commit(steps: readonly FlowChange[], group: Group, withProjections: boolean): void {
    const { writer, projections } = this.#options;
    const open = steps.filter((step) => !blockedByRefusal(group, step) && !group.deferred(step));
    if (open.length === 0) return;
    try {
      writer.write(open, withProjections ? projections.lines : NO_PROJECTIONS);
    } catch (error) {
      if (open.length === 1 && !withProjections) {
        this.#failed(open[0] as FlowChange, sqliteError(error, this.#options.file), group);
      } else {
        const middle = Math.ceil(open.length / 2);
        this.#commit(open.slice(0, middle), group, false);
        this.#commit(open.slice(middle), group, false);
      }
      return;
    }
    if (withProjections) projections.written();
    for (const step of open) {
      group.outcomes.set(step, null);
      projections.accept(step);
    }
  }

  #failed(step: FlowChange, error: BellowsError, group: Group): void {
    if (mayPass(error)) {
      if (step.onFailure === 'keep') this.#held.hold(step, error);
      else refuse(group, step, error);
    } else if (step.newRun !== undefined && isConstraint(error)) {
      const message = `There is a run ${JSON.stringify(step.newRun.id)} already: use another id`;
      refuse(group, step, workflowError('RUN_CONFLICT', message, { cause: error }));
    } else {
      this.#options.logger.error('a step of a run contradicts what its log holds; please report this', { run: step.run, error });
      refuse(group, step, error);
    }
  }

  #flushProjections(): void {
    const { writer, projections } = this.#options;
    try {
      const { lines } = projections;
      if (lines.size > 0) writer.write([], lines);
      projections.written();
    } catch {
      // they are only a view of the events, which say all of it
      projections.postpone();
    }
  }

  #tell(steps: readonly FlowChange[], { outcomes }: Pick<Group, 'outcomes'>): void {
    for (const step of steps) {
      const outcome = outcomes.get(step);
      if (outcome === undefined || step.done === undefined) continue;
      try {
        step.done(outcome);
      } catch (error) {
        this.#options.logger.error('whoever submitted a step of a run failed to hear how it ended; please report this', {
          run: step.run,
          error,
        });
      }
    }
  }
}

const NO_PROJECTIONS: ReadonlyMap<number, RunProjection> = new Map();
const SQLITE_CONSTRAINT = 19;

function newGroup(deferred: (step: FlowChange) => boolean): Group {
  return { outcomes: new Map(), refused: new Map(), deferred };
}

function blockedByRefusal(group: Group, step: FlowChange): boolean {
  const error = group.refused.get(step.run);
  if (error === undefined) return false;
  refuse(group, step, error);
  return true;
}

function refuse(group: Group, step: FlowChange, error: BellowsError): void {
  group.outcomes.set(step, error);
  group.refused.set(step.run, error);
}

/** Space, rights or a repaired disk may cure it; a step that contradicts what is stored never fits. */
function mayPass(error: BellowsError): boolean {
  return error.kind === 'not_ready' || error.code === 'STORE_CORRUPT';
}

function isConstraint(error: BellowsError): boolean {
  const cause = error.cause as { readonly errcode?: number } | undefined;
  return ((cause?.errcode ?? 0) & 0xff) === SQLITE_CONSTRAINT;
}

/** The error of every call after `close`. */
export function closedError(): BellowsError {
  return workflowError('FLOW_STORE_CLOSED', 'The log of runs is closed: the workflow plugin is being stopped');
}
