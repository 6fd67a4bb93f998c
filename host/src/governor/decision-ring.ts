import type { ScalingDecision } from '@bellows/sdk';

/** The newest decisions, at most `capacity`, oldest forgotten first. */
export class DecisionRing {
  readonly #capacity: number;
  readonly #slots: ScalingDecision[] = [];
  #next = 0;

  /** 10,000 decisions are about 5 MB: hours of a busy host, weeks of a quiet one. */
  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }

  add(decision: ScalingDecision): void {
    this.#slots[this.#next] = decision;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** Newest first. */
  list({ subsystem, limit }: { readonly subsystem?: string; readonly limit: number }): ScalingDecision[] {
    const found: ScalingDecision[] = [];
    for (let back = 1; back <= this.#slots.length && found.length < limit; back += 1) {
      const decision = this.#slots[(this.#next - back + this.#slots.length) % this.#slots.length];
      if (decision && (subsystem === undefined || decision.subsystem === subsystem)) found.push(decision);
    }
    return found;
  }
}
