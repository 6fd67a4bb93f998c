import { stat } from 'node:fs/promises';
import type { IClock, ILogger } from '@bellows/sdk';
import { fileState } from '../file-state.js';

/** A change is found by the next look and must have rested until the one after: a file that is still being written is not read. */
export const LOOK_MS = 1_000;

interface ConfigWatchOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  readonly onChange: () => void;
}

/**
 * Looks whether files have changed. Looking, and not notices of the system: those do not come from network disks and from files that are
 * mounted into a container, and come several times for one change of an editor.
 */
export class ConfigWatch implements Disposable {
  readonly #options: ConfigWatchOptions;
  #files: ReadonlyMap<string, string> = new Map();
  #known = '';
  #found = '';
  #missed = '';
  #isLooking = false;
  #stop: (() => void) | undefined;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  /** Looks at these from now on, each of which was read when it was in the state beside it; at nothing when there are none. */
  follow(files: ReadonlyMap<string, string>): void {
    this.#files = files;
    this.#known = [...files.values()].join('\n');
    this.#found = this.#known;
    if (files.size > 0) this.#stop ??= this.#options.clock.setRepeating(LOOK_MS, () => void this.#look());
    else this[Symbol.dispose]();
  }

  /** Looks no more. Twice is fine. */
  [Symbol.dispose](): void {
    this.#files = new Map();
    this.#stop?.();
    this.#stop = undefined;
  }

  async #look(): Promise<void> {
    // A slow disk must not collect readers.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const files = this.#files;
      const names = [...files.keys()];
      const [state, hollow] = await Promise.all([stateOf(names), hollowOf(names)]);
      if (this.#files !== files) return;
      const rests = state === this.#found;
      this.#found = state;
      if (!rests || state === this.#known) return;
      if (hollow.length > 0) return this.#miss(hollow);
      this.#known = state;
      this.#missed = '';
      this.#options.onChange();
    } finally {
      this.#isLooking = false;
    }
  }

  /** Told once: it may last. */
  #miss(files: readonly string[]): void {
    const missed = files.join(', ');
    if (missed === this.#missed) return;
    this.#missed = missed;
    this.#options.logger.warn(
      `${missed} ${files.length === 1 ? 'is' : 'are'} empty or away: nothing is changed until something stands there again, or a reload is asked for`,
    );
  }
}

async function stateOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(fileState))).join('\n');
}

/** Who writes a file anew empties it first, or takes it away: an empty configuration is valid and would take all plugins away. */
async function hollowOf(files: readonly string[]): Promise<readonly string[]> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return files.filter((_file, at) => sizes[at] === 0);
}
