import { Directory, Fd, Inode, OpenDirectory, wasi } from '@bjorn3/browser_wasi_shim';
import type { GuestFile } from './protocol.js';

/** Names and folders cost memory too: a guest may make this many in one call. */
const MAX_NEW_ENTRIES = 10_000;

/**
 * Of the paths of all files that are answered. Written in full each of them repeats its folders, so that a deep tree
 * of long names would answer a thousand times what was written.
 */
const MAX_ANSWERED_PATHS = 4 * 1024 * 1024;

/** What one call may still write, over everything it writes to; also what is counted per call. */
export class OutputBudget {
  #bytes: number;
  #entries = MAX_NEW_ENTRIES;
  #lastInode = 0n;

  constructor(maxBytes: number) {
    this.#bytes = maxBytes;
  }

  /** Takes `bytes` off, or takes nothing and answers false. */
  spend(bytes: number): boolean {
    if (bytes > this.#bytes) return false;
    this.#bytes -= bytes;
    return true;
  }

  addEntry(): boolean {
    this.#entries -= 1;
    return this.#entries >= 0;
  }

  /** The same in every call: the counter of the shim goes on from guest to guest, and tells each what others did. */
  nextInode(): bigint {
    this.#lastInode += 1n;
    return this.#lastInode;
  }
}

/** The guest left more behind than can be answered. */
export class OutputTooLarge extends Error {}

/** A growing array of bytes; grows by doubling, so that many small writes stay cheap. */
export class GrowingBytes {
  #buffer: Uint8Array;
  length: number;

  constructor(initial: Uint8Array = new Uint8Array(0)) {
    this.#buffer = initial;
    this.length = initial.length;
  }

  get view(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  resize(length: number): void {
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      grown.set(this.view);
      this.#buffer = grown;
    } else if (length < this.length) {
      this.#buffer.fill(0, length, this.length);
    }
    this.length = length;
  }

  write(data: Uint8Array, at: number): void {
    this.resize(Math.max(this.length, at + data.length));
    this.#buffer.set(data, at);
  }
}

/** A file of the guest, in memory. What was given in is copied at the first change. */
export class MemoryFile extends Inode {
  readonly budget: OutputBudget;
  changed: boolean;
  #content: GrowingBytes;
  #shared: boolean;

  constructor(budget: OutputBudget, given?: Uint8Array) {
    super();
    this.ino = budget.nextInode();
    this.budget = budget;
    this.changed = given === undefined;
    this.#shared = given !== undefined;
    this.#content = new GrowingBytes(given);
  }

  get bytes(): Uint8Array {
    return this.#content.view;
  }

  /** An error number, 0 when it was done. A file that grows over a gap pays for the gap. */
  write(data: Uint8Array, at: number): number {
    if (!Number.isSafeInteger(at) || at < 0) return wasi.ERRNO_INVAL;
    if (!this.budget.spend(data.length + Math.max(0, at - this.#content.length))) return wasi.ERRNO_NOSPC;
    this.#own().write(data, at);
    return wasi.ERRNO_SUCCESS;
  }

  resize(length: number): number {
    if (!Number.isSafeInteger(length) || length < 0) return wasi.ERRNO_INVAL;
    if (!this.budget.spend(Math.max(0, length - this.#content.length))) return wasi.ERRNO_NOSPC;
    this.#own().resize(length);
    return wasi.ERRNO_SUCCESS;
  }

  override path_open(oflags: number, _rights: bigint, fdFlags: number) {
    if ((oflags & wasi.OFLAGS_TRUNC) !== 0) this.resize(0);
    return { ret: wasi.ERRNO_SUCCESS, fd_obj: new OpenMemoryFile(this, (fdFlags & wasi.FDFLAGS_APPEND) !== 0) };
  }

  override stat(): wasi.Filestat {
    return new wasi.Filestat(this.ino, wasi.FILETYPE_REGULAR_FILE, BigInt(this.#content.length));
  }

  #own(): GrowingBytes {
    if (this.#shared) this.#content = new GrowingBytes(Uint8Array.from(this.#content.view));
    this.#shared = false;
    this.changed = true;
    return this.#content;
  }
}

class OpenMemoryFile extends Fd {
  readonly #file: MemoryFile;
  readonly #append: boolean;
  #position = 0;

  constructor(file: MemoryFile, append: boolean) {
    super();
    this.#file = file;
    this.#append = append;
  }

  override fd_fdstat_get() {
    const fdstat = new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, this.#append ? wasi.FDFLAGS_APPEND : 0);
    fdstat.fs_rights_base = ALL_RIGHTS;
    return { ret: 0, fdstat };
  }

  override fd_filestat_get() {
    return { ret: 0, filestat: this.#file.stat() };
  }

  override fd_filestat_set_size(size: bigint): number {
    return this.#file.resize(Number(size));
  }

  override fd_allocate(offset: bigint, length: bigint): number {
    const end = Number(offset) + Number(length);
    return end > this.#file.bytes.length ? this.#file.resize(end) : wasi.ERRNO_SUCCESS;
  }

  override fd_read(size: number) {
    const data = this.#file.bytes.slice(this.#position, this.#position + size);
    this.#position += data.length;
    return { ret: 0, data };
  }

  override fd_pread(size: number, offset: bigint) {
    const at = Number(BigInt.asUintN(64, offset));
    return { ret: 0, data: this.#file.bytes.slice(at, at + size) };
  }

  override fd_write(data: Uint8Array) {
    const at = this.#append ? this.#file.bytes.length : this.#position;
    const ret = this.#file.write(data, at);
    if (ret !== wasi.ERRNO_SUCCESS) return { ret, nwritten: 0 };
    this.#position = at + data.length;
    return { ret, nwritten: data.length };
  }

  override fd_pwrite(data: Uint8Array, offset: bigint) {
    const ret = this.#file.write(data, Number(offset));
    return { ret, nwritten: ret === wasi.ERRNO_SUCCESS ? data.length : 0 };
  }

  override fd_seek(offset: bigint, whence: number) {
    const from = whence === wasi.WHENCE_SET ? 0 : whence === wasi.WHENCE_CUR ? this.#position : this.#file.bytes.length;
    const position = from + Number(offset);
    if (whence > wasi.WHENCE_END || position < 0 || !Number.isSafeInteger(position)) return { ret: wasi.ERRNO_INVAL, offset: 0n };
    this.#position = position;
    return { ret: 0, offset: BigInt(position) };
  }

  override fd_tell() {
    return { ret: 0, offset: BigInt(this.#position) };
  }
}

const ALL_RIGHTS = 0xffff_ffffn;

/** A folder that makes files of this file system and counts what is made. */
export class MemoryDirectory extends Directory {
  readonly #budget: OutputBudget;

  constructor(budget: OutputBudget) {
    super(new Map());
    this.ino = budget.nextInode();
    this.#budget = budget;
  }

  override create_entry_for_path(path: string, isDirectory: boolean) {
    // The base class takes the path apart and refuses what leaves the folder; only what it put there is exchanged.
    if (!this.#budget.addEntry() || !this.#budget.spend(path.length)) return { ret: wasi.ERRNO_NOSPC, entry: null };
    const made = super.create_entry_for_path(path, isDirectory);
    if (made.entry === null) return made;
    const entry = isDirectory ? new MemoryDirectory(this.#budget) : new MemoryFile(this.#budget);
    const parts = partsOf(path);
    const name = parts.pop() as string;
    const parent = parts.reduce<Directory>((folder, part) => folder.contents.get(part) as Directory, this);
    parent.contents.set(name, entry);
    return { ret: made.ret, entry };
  }

  /** Adds a file that was given in; the path was checked by the host. */
  addGiven(path: string, bytes: Uint8Array): void {
    const parts = path.split('/');
    const name = parts.pop() as string;
    let folder: MemoryDirectory = this;
    for (const part of parts) {
      let next = folder.contents.get(part);
      if (!(next instanceof MemoryDirectory)) folder.contents.set(part, (next = new MemoryDirectory(this.#budget)));
      folder = next as MemoryDirectory;
    }
    folder.contents.set(name, new MemoryFile(this.#budget, bytes));
  }

  /** Every file that is new, was written to, or has another path than it was given in with. May throw `OutputTooLarge`. */
  changedFiles(given: ReadonlySet<string>): GuestFile[] {
    const files: GuestFile[] = [];
    let pathLength = 0;
    const open: { readonly folder: Directory; readonly path: string }[] = [{ folder: this, path: '' }];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const [name, entry] of at.folder.contents) {
        const path = `${at.path}${name}`;
        if (entry instanceof MemoryFile && (entry.changed || !given.has(path))) {
          pathLength += path.length;
          if (pathLength > MAX_ANSWERED_PATHS)
            throw new OutputTooLarge(`the paths of its files have more than ${MAX_ANSWERED_PATHS} characters`);
          files.push({ path, bytes: entry.bytes.slice() });
        }
        if (entry instanceof Directory) open.push({ folder: entry, path: `${path}/` });
      }
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** The folder given to the guest: its root. */
export class RootDirectory extends OpenDirectory {
  override fd_prestat_get() {
    return { ret: 0, prestat: wasi.Prestat.dir('/') };
  }
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}
