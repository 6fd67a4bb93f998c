import type { IClock, ILogger } from '@bellows/sdk';
import { fileState, isHollow } from '../file-state.js';

/** A change is found by the next look and must have rested until the one after: a file that is still being written is not read. */
export const LOOK_MS = 1_000;

interface ConfigWatchOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  /** Gets which have changed (absolute). */
  readonly onChange: (files: readonly string[]) => void;
}

/**
 * Looks whether files have changed. Looking, and not notices of the system: those do not come from network disks and from files that are
 * mounted into a container, and come several times for one change of an editor.
 */
export class ConfigWatch implements Disposable {
  readonly #options: ConfigWatchOptions;
  #files: ReadonlyMap<string, string> = new Map();
  #known: readonly string[] = [];
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
    this.#known = [...files.values()];
    this.#found = this.#known.join('\n');
    if (files.size > 0) this.#stop ??= this.#options.clock.setRepeating(LOOK_MS, () => void this.look());
    else this[Symbol.dispose]();
  }

  /** Looks no more. Twice is fine. */
  [Symbol.dispose](): void {
    this.#files = new Map();
    this.#stop?.();
    this.#stop = undefined;
  }

  /** One look, as the clock asks for it each second. Ends when it is over; while another goes on it does nothing. Never rejects. */
  async look(): Promise<void> {
    // A slow disk must not collect readers.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const files = this.#files;
      const states = await Promise.all([...files.keys()].map(fileState));
      if (this.#files !== files) return;
      const state = states.join('\n');
      const rests = state === this.#found;
      this.#found = state;
      const changed = [...files.keys()].filter((_file, at) => states[at] !== this.#known[at]);
      if (!rests || changed.length === 0) return;
      const hollow = emptied(files, states);
      if (hollow.length > 0) return this.#miss(hollow);
      this.#known = states;
      this.#missed = '';
      this.#options.onChange(changed);
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

/** Who writes a file anew empties it first, or takes it away: what is read meanwhile is not what was meant. */
function emptied(files: ReadonlyMap<string, string>, states: readonly string[]): readonly string[] {
  return [...files].filter(([, read], at) => isHollow(states[at]!) && !isHollow(read)).map(([file]) => file);
}
