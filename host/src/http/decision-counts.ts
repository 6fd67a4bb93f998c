import type { IEventBus } from '@bellows/sdk';

/** Decisions per subsystem and outcome since the start; the host's ring of decisions forgets, a counter must not. */
export class DecisionCounts {
  readonly #counts = new Map<string, { readonly subsystem: string; readonly outcome: string; count: number }>();

  constructor(bus: IEventBus) {
    bus.subscribe('decision', { owner: 'metrics', capacity: Number.POSITIVE_INFINITY }, ({ payload: { subsystem, outcome } }) => {
      const key = `${subsystem} ${outcome}`;
      const entry = this.#counts.get(key) ?? { subsystem, outcome, count: 0 };
      entry.count += 1;
      this.#counts.set(key, entry);
    });
  }

  all(): readonly { readonly subsystem: string; readonly outcome: string; readonly count: number }[] {
    return [...this.#counts.values()];
  }
}
