import { type HostAction, type HostState, NOTHING_KNOWN } from '../state/host-state.js';
import { reduce } from '../state/reduce.js';

/** Numbers that change more often than this cannot be read. */
const LEAST_BETWEEN_MS = 200;

export interface StoreOptions {
  readonly now: () => number;
  /** Calls back at the next frame, or soon where frames are not drawn. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** All the page knows of the host. Changes are taken at once and told at most five times a second, so that a hundred events cost as much as one. */
export class Store {
  readonly #options: StoreOptions;
  readonly #listeners = new Set<() => void>();
  #state = NOTHING_KNOWN;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isScheduled = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  get state(): HostState {
    return this.#state;
  }

  dispatch(action: HostAction): void {
    const next = reduce(this.#state, action);
    if (next === this.#state) return;
    this.#state = next;
    const { now, schedule } = this.#options;
    // whether what is shown is of now comes rarely, and matters at once
    if (action.type === 'connection') schedule(() => this.#tell(), 0);
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      schedule(() => this.#tell(), Math.max(0, this.#toldAt + LEAST_BETWEEN_MS - now()));
    }
  }

  /** Answers how to end it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    this.#isScheduled = false;
    this.#toldAt = this.#options.now();
    for (const listener of this.#listeners) listener();
  }
}
