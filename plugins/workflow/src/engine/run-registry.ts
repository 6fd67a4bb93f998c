import type { LiveRun } from './live-run.js';

export interface RunRegistryOptions {
  /** How many runs at rest stay in memory, so that a short wait does not read everything back; together they have a bounded number of stages. */
  readonly maxResting: number;
  /** The run has left memory. */
  readonly dropped: (run: LiveRun) => void;
}

/** A stage takes about ten bytes of a run at rest, so about 10 MB. */
const MAX_RESTING_STAGES = 1_000_000;

/** The runs in memory, and those that cannot be loaded because their definition is missing. */
export class RunRegistry {
  readonly #options: RunRegistryOptions;
  readonly #live = new Map<number, LiveRun>();
  /** Nothing of them executes; the one that rests the longest first. */
  readonly #resting = new Map<number, LiveRun>();
  #restingStages = 0;
  readonly #byId = new Map<string, LiveRun>();
  readonly #orphans = new Map<string, Set<number>>();

  constructor(options: RunRegistryOptions) {
    this.#options = options;
  }

  get liveCount(): number {
    return this.#live.size;
  }

  get restingCount(): number {
    return this.#resting.size;
  }

  get(key: number): LiveRun | undefined {
    return this.#live.get(key) ?? this.#resting.get(key);
  }

  byId(id: string): LiveRun | undefined {
    return this.#byId.get(id);
  }

  /** As `get`, for whoever goes on with the run and sorts it then: until then it stays in memory. */
  take(key: number): LiveRun | undefined {
    const resting = this.#resting.get(key);
    if (resting === undefined) return this.#live.get(key);
    this.#leaveRest(resting);
    this.#live.set(key, resting);
    return resting;
  }

  add(run: LiveRun): void {
    this.#live.set(run.record.key, run);
    this.#byId.set(run.record.id, run);
  }

  /** Sorts the run by what it does now; a run at rest may leave memory. */
  sort(run: LiveRun): void {
    const { key } = run.record;
    if (this.get(key) !== run) return;
    const isResting = run.isIdle && run.uncommitted === 0 && run.isDormantInStore;
    if (!isResting) {
      if (this.#leaveRest(run)) this.#live.set(key, run);
      return;
    }
    if (!this.#live.delete(key)) return;
    this.#resting.set(key, run);
    this.#restingStages += run.states.length;
    run.log = null;
    for (const oldest of this.#resting.values()) {
      if (this.#resting.size <= this.#options.maxResting && this.#restingStages <= MAX_RESTING_STAGES) break;
      this.remove(oldest);
    }
  }

  remove(run: LiveRun): void {
    const { key, id } = run.record;
    if (this.get(key) !== run) return;
    this.#live.delete(key);
    this.#leaveRest(run);
    this.#byId.delete(id);
    this.#options.dropped(run);
  }

  all(): LiveRun[] {
    return [...this.#live.values(), ...this.#resting.values()];
  }

  #leaveRest(run: LiveRun): boolean {
    if (!this.#resting.delete(run.record.key)) return false;
    this.#restingStages -= run.states.length;
    return true;
  }

  addOrphan(name: string, version: number, key: number): void {
    const orphans = this.#orphans.get(orphanKey(name, version));
    if (orphans === undefined) this.#orphans.set(orphanKey(name, version), new Set([key]));
    else orphans.add(key);
  }

  /** The runs that waited for this definition; they are forgotten here. */
  takeOrphans(name: string, version: number): number[] {
    const key = orphanKey(name, version);
    const orphans = [...(this.#orphans.get(key) ?? [])];
    this.#orphans.delete(key);
    return orphans;
  }
}

function orphanKey(name: string, version: number): string {
  return `${version} ${name}`;
}
