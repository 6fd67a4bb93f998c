import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { IClock } from '@bellows/sdk';
import { hashOf, isShipped } from '../plugin-stager.js';

/**
 * The code of plugins that is imported from their own folders, not from copies. Node.js reads a file once: what such a folder holds later
 * can only be loaded from elsewhere. Times are looked at first, so that a start need not read every file; where they differ what was read
 * soon after the start says whether the contents do: a build writes the same again.
 */
export class InPlaceCode {
  readonly #clock: Pick<IClock, 'now'>;
  /** By folder, from before anything was imported from it. */
  readonly #first = new Map<string, Imported>();

  constructor(clock: Pick<IClock, 'now'>) {
    this.#clock = clock;
  }

  /** Whether anything that a plugin ships was written in the folder, or put there, since this was first asked. */
  async hasChanged(folder: string): Promise<boolean> {
    const first = this.#first.get(folder);
    const at = this.#clock.now();
    const info = await infoOf(folder);
    if (first === undefined) {
      this.#first.set(folder, { at, ino: info?.ino });
      return false;
    }
    // Another folder may have taken its place. Its own time says nothing: it changes with everything that is made beside the code.
    const isOther = info === undefined || info.ino !== first.ino || (await holdsNewer(folder, first.at));
    if (!isOther || first.hash === undefined) return isOther;
    // read anew each time from then on: a later time to compare with could hide a file, whose times lag behind the clock
    return (await hashNow(folder)) !== first.hash;
  }

  /** Reads what the folders hold that were asked about, for later comparisons. For when there is time. Never rejects. */
  async remember(): Promise<void> {
    for (const [folder, first] of this.#first) {
      if (first.hash !== undefined) continue;
      const hash = await hashNow(folder);
      // what was written meanwhile, or before, is not what was imported
      const isAsImported = !(await holdsNewer(folder, first.at).catch(() => true));
      if (hash !== undefined && isAsImported && this.#first.get(folder) === first) this.#first.set(folder, { ...first, hash });
    }
  }
}

interface Imported {
  readonly at: number;
  readonly ino: number | undefined;
  /** Of what it held then, once that was read. */
  readonly hash?: string;
}

/** Undefined where it cannot be read: whoever loads from there says why. */
function hashNow(folder: string): Promise<string | undefined> {
  return hashOf(folder).catch(() => undefined);
}

async function holdsNewer(folder: string, since: number): Promise<boolean> {
  const names = (await readdir(folder)).filter(isShipped);
  const found = await Promise.all(names.map((name) => isNewer(path.join(folder, name), since)));
  return found.includes(true);
}

/** By the time of the entry itself, which nobody can set: an older one that is moved here is new here. */
async function isNewer(file: string, since: number): Promise<boolean> {
  const info = await infoOf(file);
  if (info === undefined || info.ctimeMs > since) return true;
  return info.isDirectory() && holdsNewer(file, since);
}

/** Undefined where it cannot be read: whoever loads from there says why. */
function infoOf(file: string): Promise<Stats | undefined> {
  return lstat(file).catch(() => undefined);
}
