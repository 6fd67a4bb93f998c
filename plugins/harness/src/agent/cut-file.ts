import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';

const COPY_BYTES = 64 * 1024;

/**
 * A file that keeps the first and the last half of what is written to it. The last half goes round in the second half of the file and
 * is put in order by `close`, so that the memory is the same for any amount. Only its owner may read it.
 */
export class CutFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #headBytes: number;
  readonly #ringBytes: number;
  #bytes = 0;

  private constructor(file: string, handle: FileHandle, maxBytes: number) {
    this.#path = file;
    this.#handle = handle;
    this.#headBytes = Math.floor(maxBytes / 2);
    this.#ringBytes = maxBytes - this.#headBytes;
  }

  /** Makes the folder; empties a file that is there. Rejects with what the file system says. */
  static async open(file: string, maxBytes: number): Promise<CutFile> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(file, 'w+', 0o600);
    // the mode above is for new files only; a device is not ours to change
    try {
      if ((await handle.stat()).isFile()) await handle.chmod(0o600);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new CutFile(file, handle, maxBytes);
  }

  /** One after the other, never at the same time. Rejects with what the file system says; then only `close` makes sense. */
  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const intoHead = this.#headBytes - this.#bytes;
      if (intoHead > 0) {
        rest = await this.#writeAt(rest.subarray(0, intoHead), rest, this.#bytes);
        continue;
      }
      const skipped = Math.max(0, rest.length - this.#ringBytes);
      rest = rest.subarray(skipped);
      this.#bytes += skipped;
      const at = (this.#bytes - this.#headBytes) % this.#ringBytes;
      rest = await this.#writeAt(rest.subarray(0, this.#ringBytes - at), rest, this.#headBytes + at);
    }
  }

  /** Puts it in order, with a line between the halves that says how much is not there. Once. Rejects with what the file system says. */
  async close(): Promise<void> {
    try {
      if (this.#bytes > this.#headBytes + this.#ringBytes) await this.#putInOrder();
    } finally {
      await this.#handle.close();
    }
  }

  async #writeAt(piece: Uint8Array, rest: Uint8Array, position: number): Promise<Uint8Array> {
    const { bytesWritten } = await this.#handle.write(piece, 0, piece.length, position);
    this.#bytes += bytesWritten;
    return rest.subarray(bytesWritten);
  }

  async #putInOrder(): Promise<void> {
    const ordered = `${this.#path}.ordered`;
    const target = await open(ordered, 'w', 0o600);
    try {
      const end = this.#headBytes + this.#ringBytes;
      const begin = this.#headBytes + ((this.#bytes - this.#headBytes) % this.#ringBytes);
      await this.#copy(target, 0, this.#headBytes);
      await target.writeFile(`\n[... ${this.#bytes - end} bytes are left out here ...]\n`);
      await this.#copy(target, begin, end);
      await this.#copy(target, this.#headBytes, begin);
      await target.close();
      await rename(ordered, this.#path);
    } catch (error) {
      await target.close().catch(() => {});
      await rm(ordered, { force: true });
      throw error;
    }
  }

  async #copy(target: FileHandle, begin: number, end: number): Promise<void> {
    const piece = Buffer.allocUnsafe(COPY_BYTES);
    for (let at = begin; at < end; ) {
      const { bytesRead } = await this.#handle.read(piece, 0, Math.min(piece.length, end - at), at);
      // somebody cut the file short meanwhile
      if (bytesRead === 0) return;
      // writes where it stands, all of it
      await target.writeFile(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
  }
}
