import { stat } from 'node:fs/promises';
import type { IClock } from '@bellows/sdk';
import { fileState } from '../file-state.js';

/** A change is found by the next look and must have rested until the one after: a file that is still being written is not read. */
export const LOOK_MS = 1_000;

/**
 * Looks whether files have changed. Looking, and not notices of the system: those do not come from network disks and from files that are
 * mounted into a container, and come several times for one change of an editor.
 */
export class ConfigWatch implements Disposable {
  readonly #clock: IClock;
  readonly #onChange: () => void;
  #files: readonly string[] = [];
  #known = '';
  #found = '';
  #isLooking = false;
  #stop: (() => void) | undefined;

  constructor(clock: IClock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Looks at these from now on; at nothing when there are none. Files it looks at already keep the state they were last told with. */
  async follow(files: readonly string[]): Promise<void> {
    if (files.join('\n') === this.#files.join('\n')) return;
    this.#files = files;
    this.#stop?.();
    this.#stop = undefined;
    if (files.length === 0) return;
    const known = await stateOf(files);
    // another call may have come in the meantime
    if (this.#files !== files) return;
    this.#known = known;
    this.#found = known;
    this.#stop = this.#clock.setRepeating(LOOK_MS, () => void this.#look());
  }

  [Symbol.dispose](): void {
    this.#files = [];
    this.#stop?.();
  }

  async #look(): Promise<void> {
    // A slow disk must not collect readers.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const files = this.#files;
      const state = await stateOf(files);
      if (this.#files !== files) return;
      const rests = state === this.#found;
      this.#found = state;
      if (!rests || state === this.#known || !(await areWhole(files))) return;
      this.#known = state;
      this.#onChange();
    } finally {
      this.#isLooking = false;
    }
  }
}

async function stateOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(fileState))).join('\n');
}

/** Who writes a file anew empties it first, or takes it away: an empty configuration is valid and would take all plugins away. */
async function areWhole(files: readonly string[]): Promise<boolean> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.every((size) => size > 0);
}
