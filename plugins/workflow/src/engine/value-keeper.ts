import { type IClock, type ILogger, isKind, messageOf } from '@bellows/sdk';
import type { CapturedAt, ICapturedStates } from '../store/captured-states.js';
import type { KeptValue } from '../store/flow-records.js';

export interface ValueKeeperOptions {
  readonly captured: ICapturedStates;
  readonly clock: Pick<IClock, 'setTimer'>;
  readonly logger: Pick<ILogger, 'warn'>;
}

/** A full disk is looked at so often. */
const RETRY_MS = 1_000;

/** Keeps values before they are named in an event. A value for which there is no room waits for it: nothing is lost, and nothing goes on. */
export class ValueKeeper {
  readonly #options: ValueKeeperOptions;
  #isClosed = false;
  #waiting = 0;

  constructor(options: ValueKeeperOptions) {
    this.#options = options;
  }

  /** Values that wait for room. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Nobody is told anything any more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Small values are answered at once and `later` is not called; for others the answer is null, and one of `later` is called once. */
  keep(at: CapturedAt, json: string, later: LaterKept): KeptValue | null {
    const kept = this.#options.captured.keep(at, json);
    if (typeof kept === 'string') return kept;
    this.#follow(kept, { at, json, later, isWaiting: false });
    return null;
  }

  #follow(keeping: Promise<KeptValue>, work: Keeping): void {
    keeping.then(
      (kept) => {
        this.#mark(work, false);
        if (!this.#isClosed) work.later.kept(kept);
      },
      (error) => this.#failed(work, error),
    );
  }

  #failed(work: Keeping, error: unknown): void {
    if (this.#isClosed) return;
    const { captured, clock, logger } = this.#options;
    if (!isKind(error, 'not_ready') && !isKind(error, 'capacity')) {
      this.#mark(work, false);
      work.later.failed(error);
      return;
    }
    if (!work.isWaiting) logger.warn('A large value waits for room in the store', { run: work.at.runId, error: messageOf(error) });
    this.#mark(work, true);
    clock.setTimer(RETRY_MS, () => {
      if (!this.#isClosed)
        this.#follow(
          Promise.resolve().then(() => captured.keep(work.at, work.json)),
          work,
        );
    });
  }

  #mark(work: Keeping, isWaiting: boolean): void {
    if (work.isWaiting !== isWaiting) this.#waiting += isWaiting ? 1 : -1;
    work.isWaiting = isWaiting;
  }
}

export interface LaterKept {
  kept(value: KeptValue): void;
  failed(error: unknown): void;
}

interface Keeping {
  readonly at: CapturedAt;
  readonly json: string;
  readonly later: LaterKept;
  isWaiting: boolean;
}
