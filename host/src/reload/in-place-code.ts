import type { LoadedPlugin } from '../plugin-loader.js';
import { contentHash } from '../plugin-stager.js';

/**
 * The code of plugins that was imported from its own folder, not from a copy. Node.js reads a file once: when such a folder changes, what
 * it holds then can only be loaded from elsewhere.
 */
export class InPlaceCode {
  readonly #hashes = new Map<string, Promise<string | undefined>>();

  /** Remembers what is in a folder now, when it is told for the first time: that is what was imported from it. */
  note(folder: string): void {
    if (!this.#hashes.has(folder)) this.#hashes.set(folder, hashOf(folder));
  }

  /** {@link note} for those plugins that were not copied. */
  noteAll(plugins: readonly LoadedPlugin[]): void {
    for (const { folder, source } of plugins) if (folder === source.folder) this.note(folder);
  }

  /** Whether it holds something else than what was imported from it. False for a folder of which nothing was imported. */
  async hasChanged(folder: string): Promise<boolean> {
    const known = await this.#hashes.get(folder);
    return known !== undefined && known !== (await hashOf(folder));
  }
}

/** Undefined where it cannot be read: whoever loads from there then says why. */
async function hashOf(folder: string): Promise<string | undefined> {
  return contentHash(folder).catch(() => undefined);
}
