import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const TEMPORARY = '.tmp';
const MODULE = '.wasm';

/** A module on disk that nobody can name yet. */
export interface StagedModule {
  readonly file: string;
  readonly hash: string;
}

/**
 * Modules by the SHA-256 of their bytes, in one folder. A file under a hash is whole and durable, or not there.
 * Two that write the same bytes at once do not disturb each other.
 */
export class ModuleFiles {
  /** Where the files are. */
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder and removes what an earlier process left half done. Before anything else, once. */
  async open(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const left = (await readdir(this.folder)).filter((name) => name.endsWith(TEMPORARY));
    await Promise.all(left.map((name) => rm(path.join(this.folder, name), { force: true })));
  }

  pathOf(hash: string): string {
    return path.join(this.folder, `${hash}${MODULE}`);
  }

  /** Of every module kept here. */
  async hashes(): Promise<readonly string[]> {
    const names = await readdir(this.folder);
    return names.filter((name) => name.endsWith(MODULE)).map((name) => name.slice(0, -MODULE.length));
  }

  /** Durable under a name of its own; end it with `keep` or `discard`. */
  async stage(bytes: Uint8Array): Promise<StagedModule> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    const file = path.join(this.folder, `${randomUUID()}${TEMPORARY}`);
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return { file, hash };
  }

  /** Gives it the name of its hash; durable when it resolves. */
  async keep({ file, hash }: StagedModule): Promise<void> {
    await rename(file, this.pathOf(hash));
    // Windows cannot open a folder; its renames are journalled.
    if (process.platform === 'win32') return;
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Silent when it was kept or discarded before. */
  discard({ file }: StagedModule): Promise<void> {
    return rm(file, { force: true });
  }

  remove(hash: string): Promise<void> {
    return rm(this.pathOf(hash), { force: true });
  }
}
