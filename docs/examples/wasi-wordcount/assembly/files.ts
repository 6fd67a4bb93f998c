import { args_get, args_sizes_get, fd_close, fd_read, fd_write, path_open, proc_exit } from './wasi_snapshot_preview1';

/** The first folder that the host opened for the program; 0, 1 and 2 are the standard streams. */
const ROOT: i32 = 3;
const CREATE_AND_TRUNCATE: i32 = 1 | 8;
const RIGHT_READ: u64 = 2;
const RIGHT_WRITE: u64 = 64;
const CHUNK_BYTES: i32 = 65536;

/** A buffer with its length, as WASI takes it, and a place for the number of bytes done. */
const vector = memory.data(16);

export function programArguments(): string[] {
  const sizes = memory.data(8);
  args_sizes_get(sizes, sizes + 4);
  const count = load<u32>(sizes);
  const pointers = new ArrayBuffer(4 * count);
  const texts = new ArrayBuffer(load<u32>(sizes + 4));
  args_get(changetype<usize>(pointers), changetype<usize>(texts));
  const all: string[] = [];
  for (let index: u32 = 0; index < count; index++) {
    const start = load<u32>(changetype<usize>(pointers) + 4 * index);
    let end = start;
    while (load<u8>(end) !== 0) end++;
    all.push(String.UTF8.decodeUnsafe(start, end - start));
  }
  return all;
}

/** Ends the program with a message when the file cannot be read. */
export function readFile(path: string): Uint8Array {
  const file = open(path, 0, RIGHT_READ);
  let bytes = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  for (;;) {
    if (length === bytes.length) bytes = twiceAsLong(bytes);
    store<u32>(vector, <u32>bytes.dataStart + length);
    store<u32>(vector + 4, bytes.length - length);
    if (fd_read(file, vector, 1, vector + 8) !== 0) fail(`cannot read ${path}`);
    const count = load<u32>(vector + 8);
    if (count === 0) break;
    length += count;
  }
  fd_close(file);
  return bytes.subarray(0, length);
}

function twiceAsLong(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(2 * bytes.length);
  longer.set(bytes);
  return longer;
}

export function writeFile(path: string, text: string): void {
  const file = open(path, CREATE_AND_TRUNCATE, RIGHT_WRITE);
  write(file, text);
  fd_close(file);
}

export function print(text: string): void {
  write(1, text);
}

export function fail(message: string): void {
  write(2, `wordcount: ${message}\n`);
  proc_exit(1);
}

function open(path: string, flags: i32, rights: u64): i32 {
  // Names are looked up from the root, so "/texts/a.txt" is "texts/a.txt" there.
  const name = String.UTF8.encode(path.startsWith('/') ? path.substring(1) : path);
  const error = path_open(ROOT, 0, changetype<usize>(name), name.byteLength, flags, rights, 0, 0, vector);
  if (error !== 0) fail(`cannot open ${path} (error ${error})`);
  return load<i32>(vector);
}

function write(file: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  let done: u32 = 0;
  while (done < <u32>bytes.byteLength) {
    store<u32>(vector, <u32>changetype<usize>(bytes) + done);
    store<u32>(vector + 4, bytes.byteLength - done);
    if (fd_write(file, vector, 1, vector + 8) !== 0) proc_exit(2);
    done += load<u32>(vector + 8);
  }
}
