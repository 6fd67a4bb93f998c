import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@bellows/sdk';
import { countsOf, ResourceWatch } from './resource-watch.js';
import { SurroundingsWatch } from './surroundings-watch.js';

/** Closing takes a few turns of the event loop, and the end of a process its time. */
const SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 5;

/** What a check may not leave in the process; the only part of the kit that looks at it. */
export class ProcessWatch implements Disposable {
  readonly #listeners: Counts;
  readonly #resources = resourceCounts();
  readonly #opened = new ResourceWatch();
  readonly #surroundings = new SurroundingsWatch();
  readonly #uncaught: unknown[] = [];
  readonly #onUncaught = (error: unknown) => void this.#uncaught.push(error);

  /** How long what a stop is closing may be seen. */
  readonly settleMs: number;

  /** From now on, errors nobody catches come here instead of ending the process; a test runner may have its own way with them. */
  constructor(settleMs = SETTLE_MS) {
    this.settleMs = settleMs;
    process.on('unhandledRejection', this.#onUncaught);
    process.on('uncaughtException', this.#onUncaught);
    this.#listeners = listenerCounts();
  }

  [Symbol.dispose](): void {
    this.#opened[Symbol.dispose]();
    process.off('unhandledRejection', this.#onUncaught);
    process.off('uncaughtException', this.#onUncaught);
  }

  /** One line for each thing that is there and was not when the watch began, or is changed; gives what is being closed some time for it. */
  async leftovers(): Promise<readonly string[]> {
    const endAt = performance.now() + this.settleMs;
    for (;;) {
      // also gives a rejection the turn in which it counts as unhandled
      await delay(LOOK_EVERY_MS);
      const uncaught = this.#uncaught.map((error) => `an error nobody caught: ${messageOf(error)}`);
      const found = [
        ...uncaught,
        // before what may be of a moment: test runners have timers of their own
        ...this.#surroundings.changed,
        ...more(listenerCounts(), this.#listeners).map((name) => `a listener to "${name}" of the process`),
        ...more(resourceCounts(), this.#resources).map((name) => `an open ${name}`),
        ...this.#opened.open,
      ];
      if (found.length === 0 || uncaught.length > 0 || performance.now() > endAt) return found;
    }
  }
}

type Counts = ReadonlyMap<string, number>;

function listenerCounts(): Counts {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

/** What keeps a process alive: sockets, servers, child processes, timers, files that are read. */
function resourceCounts(): Counts {
  return countsOf(process.getActiveResourcesInfo());
}

function more(now: Counts, before: Counts): readonly string[] {
  return [...now].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name);
}
