import { fd_read, fd_write, proc_exit } from './wasi_snapshot_preview1';

const FIRST_BYTES: i32 = 65536;
const READ_FAILED: i32 = 1;
const WRITE_FAILED: i32 = 2;

/** One buffer with its length, as WASI takes it, and a place for the number of bytes done. */
const vector = memory.data(12);

/** All of standard input. Ends the program with exit code 1 when it cannot be read. */
export function readInput(): Uint8Array {
  let bytes = new Uint8Array(FIRST_BYTES);
  let length = 0;
  let count: i32 = 0;
  do {
    if (length === bytes.length) bytes = twiceAsLong(bytes);
    store<u32>(vector, <u32>bytes.dataStart + length);
    store<u32>(vector + 4, bytes.length - length);
    if (fd_read(0, vector, 1, vector + 8) !== 0) proc_exit(READ_FAILED);
    count = load<i32>(vector + 8);
    length += count;
  } while (count > 0);
  return bytes.subarray(0, length);
}

function twiceAsLong(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(2 * bytes.length);
  longer.set(bytes);
  return longer;
}

/** Writes to standard output. Ends the program with exit code 2 when that is not possible. */
export function writeOutput(text: string): void {
  const bytes = String.UTF8.encode(text);
  let done: u32 = 0;
  while (done < <u32>bytes.byteLength) {
    store<u32>(vector, <u32>changetype<usize>(bytes) + done);
    store<u32>(vector + 4, bytes.byteLength - done);
    if (fd_write(1, vector, 1, vector + 8) !== 0) proc_exit(WRITE_FAILED);
    done += load<u32>(vector + 8);
  }
}
