import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** A file past this is put aside as `<file>.1`, and the one put aside before is dropped: at most twice this on disk. */
const ROTATE_BYTES = 10 * 1024 * 1024;

/** What is logged is for the owner of the data, whatever the rights of the folder. */
const PRIVATE_FILE = 0o600;

/**
 * A file that lines are added to, bounded in size. Writes at once, because the lines before a crash are the ones that matter.
 * Writing never throws: a full disk costs lines of the log, not the host.
 */
export class LogFile {
  readonly #file: string;
  readonly #rotateBytes: number;
  #handle: number | undefined;
  #bytes = 0;

  /** Throws when the file cannot be opened. */
  constructor(file: string, rotateBytes = ROTATE_BYTES) {
    this.#file = file;
    this.#rotateBytes = rotateBytes;
    this.#open();
  }

  /** Does nothing after `close`. */
  write(line: string): void {
    if (this.#handle === undefined) return;
    try {
      if (this.#bytes >= this.#rotateBytes) this.#rotate();
      this.#bytes += writeSync(this.#handle, line);
    } catch {
      // promised; there is no better place to tell it than the one that cannot be written
    }
  }

  /** Twice is fine. */
  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }

  #open(): void {
    this.#handle = openSync(this.#file, 'a', PRIVATE_FILE);
    this.#bytes = fstatSync(this.#handle).size;
  }

  #rotate(): void {
    this.close();
    try {
      renameSync(this.#file, `${this.#file}.1`);
    } finally {
      this.#open();
    }
  }
}
