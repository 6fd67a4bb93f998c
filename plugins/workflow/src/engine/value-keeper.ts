import { type IClock, type ILogger, isKind, messageOf } from '@bellows/sdk';
import type { CapturedAt, ICapturedStates } from '../store/captured-states.js';
import type { KeptValue } from '../store/flow-records.js';
import { describeError, type StageError } from './stage-error.js';

export interface ValueKeeperOptions {
  readonly captured: ICapturedStates;
  readonly clock: Pick<IClock, 'setTimer'>;
  readonly logger: Pick<ILogger, 'warn'>;
  /** There is more room in memory than a moment ago. */
  readonly eased: () => void;
}

/** A full disk is looked at so often. */
const RETRY_MS = 1_000;

/** Keeps values before they are named in an event. A value for which there is no room waits for it: nothing is lost, and nothing goes on. */
export class ValueKeeper {
  readonly #options: ValueKeeperOptions;
  #isClosed = false;
  #pendingLength = 0;
  /** By run: what waits for room, and why. */
  readonly #waiting = new Map<string, Map<number, StageError>>();

  constructor(options: ValueKeeperOptions) {
    this.#options = options;
  }

  /** Characters of all values that are not durable yet: they are in memory for so long. */
  get pendingLength(): number {
    return this.#pendingLength;
  }

  /** Values that wait for room. */
  get waiting(): number {
    let sum = 0;
    for (const values of this.#waiting.values()) sum += values.size;
    return sum;
  }

  /** Why the values of a run wait, by `CapturedAt.stage`. */
  waitingOf(runId: string): ReadonlyMap<number, StageError> {
    return this.#waiting.get(runId) ?? NONE;
  }

  /** Nobody is told anything any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Small values are answered at once and `later` is not called; for others the answer is null, and one of `later` is called once. */
  keep(at: CapturedAt, json: string, later: LaterKept): KeptValue | null {
    const kept = this.#options.captured.keep(at, json);
    if (typeof kept === 'string') return kept;
    this.#pendingLength += json.length;
    this.#follow(kept, { at, json, later });
    return null;
  }

  #follow(keeping: Promise<KeptValue>, work: Keeping): void {
    keeping.then(
      (kept) => {
        this.#ended(work);
        if (!this.#isClosed) work.later.kept(kept);
      },
      (error) => this.#failed(work, error),
    );
  }

  #failed(work: Keeping, error: unknown): void {
    if (this.#isClosed) return;
    const { captured, clock, logger } = this.#options;
    if (!isKind(error, 'not_ready') && !isKind(error, 'capacity')) {
      this.#ended(work);
      work.later.failed(error);
      return;
    }
    if (!this.waitingOf(work.at.runId).has(work.at.stage))
      logger.warn('A large value waits for room in the store', { run: work.at.runId, error: messageOf(error) });
    this.#mark(work, describeError(error));
    clock.setTimer(RETRY_MS, () => {
      if (!this.#isClosed)
        this.#follow(
          Promise.resolve().then(() => captured.keep(work.at, work.json)),
          work,
        );
    });
  }

  #ended(work: Keeping): void {
    this.#mark(work, null);
    this.#pendingLength -= work.json.length;
    this.#options.eased();
  }

  #mark({ at: { runId, stage } }: Keeping, fault: StageError | null): void {
    const values = this.#waiting.get(runId) ?? new Map<number, StageError>();
    if (fault === null) values.delete(stage);
    else values.set(stage, fault);
    if (values.size === 0) this.#waiting.delete(runId);
    else this.#waiting.set(runId, values);
  }
}

const NONE: ReadonlyMap<number, StageError> = new Map();

export interface LaterKept {
  kept(value: KeptValue): void;
  failed(error: unknown): void;
}

interface Keeping {
  readonly at: CapturedAt;
  readonly json: string;
  readonly later: LaterKept;
}
