import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { CapacityError, type IClock, InputError, NotFoundError } from '@bellows/sdk';
import type { UploadStore } from './host-view.js';

/** Of one file. Larger data belongs where the operation can read it by itself. */
export const MAX_UPLOAD_BYTES = 256 * 1024 * 1024;
/** A file that nobody read for so long is not part of anything that runs. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** Room on a disk is made by people. */
const DISK_RETRY_MS = 60_000;
const URL_PREFIX = '/v1/files/';
const NAME = /^[0-9a-f]{64}$/;
const PART_SUFFIX = '.part';

export interface FileUploadsOptions {
  /** The data folder of the host; files are in `files` below it, made by the first `save`. */
  readonly dataDir: string;
  readonly clock: IClock;
  readonly maxBytes?: number;
}

/**
 * Uploaded files, each under the SHA-256 of its bytes, so the same file twice is kept once. A file is there whole or not at
 * all, also after a crash. Concurrent saves of one file are fine.
 */
export class FileUploads implements UploadStore {
  readonly #dir: string;
  readonly #clock: IClock;
  readonly #maxBytes: number;

  constructor({ dataDir, clock, maxBytes = MAX_UPLOAD_BYTES }: FileUploadsOptions) {
    this.#dir = path.join(dataDir, 'files');
    this.#clock = clock;
    this.#maxBytes = maxBytes;
  }

  async save(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<{ readonly url: string; readonly bytes: number }> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const part = path.join(this.#dir, `${randomBytes(12).toString('hex')}${PART_SUFFIX}`);
    try {
      const { name, bytes } = await this.#write(part, chunks, signal);
      await rename(part, path.join(this.#dir, name));
      await syncFolder(this.#dir);
      return { url: `${URL_PREFIX}${name}`, bytes };
    } catch (error) {
      await rm(part, { force: true });
      // An abort also breaks the stream that is read here; its reason says more than the broken stream.
      signal?.throwIfAborted();
      throw isDiskFull(error) ? diskFull(error) : error;
    }
  }

  async read(url: string): Promise<Uint8Array> {
    const name = url.startsWith(URL_PREFIX) ? url.slice(URL_PREFIX.length) : '';
    const file = path.join(this.#dir, name);
    const bytes = NAME.test(name) ? await readFile(file).catch(nullWhenMissing) : null;
    if (bytes === null) {
      throw new NotFoundError(
        'UPLOAD_UNKNOWN',
        `There is no uploaded file ${JSON.stringify(url.slice(0, 100))}: send it with POST /v1/files.`,
      );
    }
    const now = this.#clock.now() / 1000;
    await utimes(file, now, now).catch(nullWhenMissing);
    return bytes;
  }

  /**
   * Removes files nobody read for a day; answers how many went. `interrupted` removes what cut-off uploads left too, whatever its
   * age: only before the first `save`.
   */
  async sweep({ interrupted = false } = {}): Promise<number> {
    const names = (await readdir(this.#dir).catch(nullWhenMissing)) ?? [];
    let removed = 0;
    for (const name of names) {
      const file = path.join(this.#dir, name);
      const isPart = name.endsWith(PART_SUFFIX);
      if (!isPart && !NAME.test(name)) continue;
      if (!(isPart && interrupted) && !(await this.#isOld(file))) continue;
      await rm(file, { force: true });
      removed += 1;
    }
    return removed;
  }

  async #write(part: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    const hash = createHash('sha256');
    let bytes = 0;
    const file = await open(part, 'wx', 0o600);
    try {
      for await (const chunk of chunks) {
        signal?.throwIfAborted();
        bytes += chunk.byteLength;
        if (bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      signal?.throwIfAborted();
      await file.sync();
    } finally {
      await file.close();
    }
    return { name: hash.digest('hex'), bytes };
  }

  async #isOld(file: string): Promise<boolean> {
    const found = await stat(file).catch(nullWhenMissing);
    return found !== null && this.#clock.now() - found.mtimeMs > KEPT_MS;
  }
}

function tooLarge(maxBytes: number): InputError {
  return new InputError('BODY_TOO_LARGE', `The file is larger than ${maxBytes} bytes, the most this host keeps.`, {
    phase: 'receive',
    status: 413,
  });
}

/** Also: this user may not have more of it. */
function isDiskFull(error: unknown): boolean {
  const { code = '' } = error as { code?: string };
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function diskFull(cause: unknown): CapacityError {
  return new CapacityError('DISK_FULL', 'The disk of the data folder is full, the file was not kept: make room there and send it again.', {
    phase: 'receive',
    retryAfterMs: DISK_RETRY_MS,
    cause,
  });
}

/** Makes a rename durable. Not everywhere can a folder be opened; where it cannot, the system does not need it. */
async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r').catch(() => null);
  try {
    await folder?.sync();
  } catch {
    // Windows opens folders but refuses to sync them.
  } finally {
    await folder?.close();
  }
}

function nullWhenMissing(error: unknown): null {
  if ((error as { code?: string }).code === 'ENOENT') return null;
  throw error;
}
