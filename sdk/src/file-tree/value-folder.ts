import { randomUUID } from 'node:crypto';
import { access, type FileHandle, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { damagedFile, fileError } from './file-error.js';
import { isTemporaryName, isValueName, nameOf, pathOf, temporaryName } from './file-name.js';
import { readValue, type ValueFile, writeValue } from './value-file.js';

/** A value that is on disk whole under another name. */
export interface StagedValue {
  /** Resolves when it is durable in its place. */
  publish(): Promise<void>;
  /** Instead. Never rejects: what is left over goes with the next open. */
  discard(): Promise<void>;
}

/** A folder with one file for each value. Only the owner may read it. */
export class ValueFolder {
  readonly #folder: string;
  readonly #handle: FileHandle | undefined;
  #lastSync: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;

  private constructor(folder: string, handle: FileHandle | undefined) {
    this.#folder = folder;
    this.#handle = handle;
  }

  /** Makes it where it is missing, and removes what a killed writer left half written. */
  static async open(folder: string): Promise<ValueFolder> {
    try {
      await makeFolder(folder);
      for (const name of await readdir(folder)) if (isTemporaryName(name)) await rm(path.join(folder, name), { force: true });
      return new ValueFolder(folder, await openFolder(folder));
    } catch (error) {
      throw fileError(error, folder);
    }
  }

  async stage(valuePath: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StagedValue> {
    const temporary = path.join(this.#folder, temporaryName(randomUUID()));
    const file = this.#fileOf(valuePath);
    let handle: FileHandle | undefined;
    // what the source throws is its own matter, what the disk does is told in terms of the store
    let sourceError: { readonly error: unknown } | undefined;
    async function* watched() {
      try {
        yield* pieces;
      } catch (error) {
        sourceError = { error };
        throw error;
      }
    }
    try {
      handle = await open(temporary, 'wx', 0o600);
      await writeValue(handle, valuePath, watched());
      await handle.sync();
      await handle.close();
    } catch (error) {
      await handle?.close().catch(() => {});
      await discard(temporary);
      throw sourceError === undefined ? fileError(error, file) : sourceError.error;
    }
    return { publish: () => this.#publish(temporary, file), discard: () => discard(temporary) };
  }

  /** Silent when there is none. */
  async remove(valuePath: string): Promise<void> {
    const file = this.#fileOf(valuePath);
    try {
      await unlink(file);
    } catch (error) {
      if (isMissing(error)) return;
      throw fileError(error, file);
    }
    await this.#sync(file);
  }

  /** Gives the value to `use` as long as that runs, whatever happens to its path meanwhile; `null` when there is none. */
  async read<T>(valuePath: string, use: (value: ValueFile) => Promise<T>): Promise<T | null> {
    const found = await this.openValue(valuePath);
    if (found === null) return null;
    try {
      return await use(found.value);
    } finally {
      await found.close();
    }
  }

  async openValue(valuePath: string): Promise<{ readonly value: ValueFile; close(): Promise<void> } | null> {
    return this.#open(this.#fileOf(valuePath), valuePath);
  }

  async exists(valuePath: string): Promise<boolean> {
    const file = this.#fileOf(valuePath);
    try {
      await access(file);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw fileError(error, file);
    }
  }

  /** Every path there is, in any order. */
  async paths(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch((error: unknown) => Promise.reject(fileError(error, this.#folder)));
    const found: string[] = [];
    for (const name of names.filter(isValueName)) {
      const valuePath = pathOf(name);
      if (valuePath === undefined) throw damagedFile(path.join(this.#folder, name), 'its name is that of no path');
      const named = valuePath ?? (await this.#pathInside(name));
      if (named !== null) found.push(named);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  #fileOf(valuePath: string): string {
    return path.join(this.#folder, nameOf(valuePath));
  }

  async #publish(temporary: string, file: string): Promise<void> {
    try {
      await rename(temporary, file);
    } catch (error) {
      await discard(temporary);
      throw fileError(error, file);
    }
    await this.#sync(file);
  }

  async #open(file: string, valuePath: string | null): Promise<{ readonly value: ValueFile; close(): Promise<void> } | null> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, 'r');
      const opened = handle;
      return { value: await readValue(opened, file, valuePath), close: () => opened.close() };
    } catch (error) {
      await handle?.close();
      if (isMissing(error)) return null;
      throw fileError(error, file);
    }
  }

  /** `null` when it was removed meanwhile. */
  async #pathInside(name: string): Promise<string | null> {
    const file = path.join(this.#folder, name);
    const found = await this.#open(file, null);
    await found?.close();
    if (found === null) return null;
    if (nameOf(found.value.path) !== name) throw damagedFile(file, `it is the value of ${found.value.path}`);
    return found.value.path;
  }

  /** Renames and removals that come together share one sync, which begins after the last of them. */
  async #sync(file: string): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#nextSync ??= this.#lastSync.then(() => {
      this.#lastSync = this.#nextSync?.catch(() => {}) ?? this.#lastSync;
      this.#nextSync = undefined;
      return handle.sync();
    });
    try {
      await this.#nextSync;
    } catch (error) {
      throw fileError(error, file);
    }
  }
}

/** Synced in the folders above it, as many as were made: it must not be lost with the values that are synced in it. */
async function makeFolder(folder: string): Promise<void> {
  const topmost = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (topmost === undefined) return;
  const last = path.dirname(path.resolve(topmost));
  for (let above = path.resolve(folder); above !== last; ) {
    above = path.dirname(above);
    const handle = await openFolder(above);
    await handle?.sync().finally(() => handle.close());
  }
}

/** Undefined on Windows, which opens no folders and syncs a rename without. */
async function openFolder(folder: string): Promise<FileHandle | undefined> {
  try {
    return await open(folder, 'r');
  } catch (error) {
    if (['EISDIR', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function discard(temporary: string): Promise<void> {
  await rm(temporary, { force: true }).catch(() => {});
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
