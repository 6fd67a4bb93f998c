import type { Pipeline } from '../definitions/pipeline.js';
import { ENDED_STATUSES, type IFlowStore } from '../store/flow-records.js';
import { LiveRun } from './live-run.js';
import { replay } from './replay.js';
import type { RunRegistry } from './run-registry.js';
import type { UntilDone } from './until-done.js';

export interface RunLoaderOptions {
  readonly store: Pick<IFlowStore, 'run' | 'events'>;
  readonly registry: RunRegistry;
  readonly untilDone: UntilDone;
  /** Throws when the definition is missing. */
  readonly pipelineOf: (name: string, version: number) => Pipeline;
  /** Goes on with a run that was just read back. */
  readonly resume: (run: LiveRun) => void;
  /** A child whose definition was missing is back; its parent may have failed meanwhile. */
  readonly childReturned: (parentKey: number) => void;
}

/** Runs read back before the event loop goes round. */
const WOKEN_AT_ONCE = 100;

/** Brings runs back from the store. */
export class RunLoader {
  readonly #options: RunLoaderOptions;

  constructor(options: RunLoaderOptions) {
    this.#options = options;
  }

  /**
   * The run, read back when it is not in memory; null when it has ended, is not there, or its definition is missing. It stays in memory
   * until the caller sorts it. Throws what the store throws; then nothing has changed.
   */
  load(key: number, isDormantInStore = true): LiveRun | null {
    const { store, registry, resume } = this.#options;
    const known = registry.take(key);
    if (known !== undefined) return known.phase === 'ended' ? null : known;
    const record = store.run(key);
    if (record === null || ENDED_STATUSES.has(record.status)) return null;
    const pipeline = this.#pipelineOf(record.name, record.version);
    if (pipeline === null) {
      registry.addOrphan(record.name, record.version, key);
      return null;
    }
    const run = new LiveRun(record, pipeline);
    replay(run, store.events(key));
    if ((run.phase as string) === 'ended') return null;
    run.isDormantInStore = isDormantInStore;
    run.isDurable = true;
    registry.add(run);
    try {
      resume(run);
    } catch (error) {
      registry.remove(run);
      run.phase = 'ended';
      throw error;
    }
    return run;
  }

  /** Goes on with a run where its log ends, if there is anything to go on with; tried again until it can be read. */
  wake(key: number, isDormantInStore = true): void {
    this.#options.untilDone.attempt(`run ${key} cannot be read back`, () => {
      const run = this.load(key, isDormantInStore);
      if (run !== null) this.#options.registry.sort(run);
    });
  }

  /** Runs that waited for this definition go on. Never rejects. */
  async defined(name: string, version: number): Promise<void> {
    const { registry, untilDone, childReturned } = this.#options;
    let count = 0;
    for (const key of registry.takeOrphans(name, version)) {
      this.wake(key, false);
      const parent = registry.get(key)?.record.parent ?? null;
      if (parent !== null) untilDone.attempt(`run ${parent.key} cannot be read back`, () => childReturned(parent.key));
      count += 1;
      if (count % WOKEN_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #pipelineOf(name: string, version: number): Pipeline | null {
    try {
      return this.#options.pipelineOf(name, version);
    } catch {
      return null;
    }
  }
}
