import { type BellowsError, BoundedCache } from '@bellows/sdk';
import type { PoolOutcome } from './executor/protocol.js';

const KEPT_ERRORS = 10;
/** Longer messages are cut: a trap's text may come from the guest. */
const KEPT_MESSAGE_LENGTH = 500;

export interface ModuleCounts {
  calls: number;
  readonly pool: Record<PoolOutcome, number>;
  readonly lastErrors: { readonly code: string; readonly message: string; readonly at: number }[];
}

/** What happened to each module since the host started. Bounded: a module not called for long starts anew. */
export class ModuleStats {
  readonly #counts: BoundedCache<ModuleCounts>;

  constructor(maxEntries: number) {
    this.#counts = new BoundedCache<ModuleCounts>({ maxEntries });
  }

  /** At once; the modules not called for longest start anew. */
  resize(maxEntries: number): void {
    this.#counts.resize(maxEntries);
  }

  of(name: string): Readonly<ModuleCounts> {
    return this.#counts.get(name) ?? empty();
  }

  completed(name: string, outcome: PoolOutcome): void {
    const counts = this.#called(name);
    counts.pool[outcome] += 1;
  }

  failed(name: string, error: BellowsError, at: number): void {
    const { lastErrors } = this.#called(name);
    lastErrors.unshift({ code: error.code, message: error.message.slice(0, KEPT_MESSAGE_LENGTH), at });
    lastErrors.length = Math.min(lastErrors.length, KEPT_ERRORS);
  }

  forget(name: string): void {
    void this.#counts.delete(name);
  }

  #called(name: string): ModuleCounts {
    let counts = this.#counts.get(name);
    if (counts === undefined) void this.#counts.set(name, (counts = empty()));
    counts.calls += 1;
    return counts;
  }
}

function empty(): ModuleCounts {
  return { calls: 0, pool: { warm: 0, cold: 0, overflow: 0 }, lastErrors: [] };
}
