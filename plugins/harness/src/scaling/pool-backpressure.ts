import { type BackpressureState, backpressureFor, type ILogger } from '@bellows/sdk';
import { tellAll } from './tell-all.js';

/** The documented states of backpressure, by how full the queue is, and those who want to hear of a change. */
export class PoolBackpressure {
  readonly #logger: ILogger;
  readonly #listeners = new Set<(from: BackpressureState, to: BackpressureState) => void>();
  #state: BackpressureState = 'normal';

  constructor(logger: ILogger) {
    this.#logger = logger;
  }

  get state(): BackpressureState {
    return this.#state;
  }

  /** `fill`: 1 is full. Tells the listeners when the state is another one. */
  update(fill: number): BackpressureState {
    const from = this.#state;
    this.#state = backpressureFor(fill, from);
    const to = this.#state;
    if (from !== to) tellAll(this.#listeners, (listener) => listener(from, to), this.#logger);
    return to;
  }

  /** Returns how to leave. */
  onChanged(listener: (from: BackpressureState, to: BackpressureState) => void): () => void {
    // a function of its own, so that one listener given twice is two listeners
    const own = (from: BackpressureState, to: BackpressureState) => listener(from, to);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
