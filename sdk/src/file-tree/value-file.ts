import type { FileHandle } from 'node:fs/promises';
import { checksum } from '../store-checksum.js';
import { PIECE_BYTES } from '../store-pieces.js';
import { damagedFile } from './file-error.js';

/*
 * bellows1 | length of the path, 4 bytes | length of the value, 8 bytes | checksum of these and the path, 4 bytes | path | pieces
 * Each piece: checksum, 4 bytes | up to 1 MiB of the value. Numbers are big-endian. All pieces but the last are full.
 */
const MAGIC = 'bellows1';
const FIXED_BYTES = MAGIC.length + 4 + 8 + 4;
const SUM_BYTES = 4;
/** A path of 1,024 characters. */
const MAX_PATH_BYTES = 3 * 1_024;

/** Writes a whole file, its beginning last; not synced. */
export async function writeValue(
  handle: FileHandle,
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const start = FIXED_BYTES + Buffer.byteLength(path);
  let at = start;
  let seq = 0;
  let bytes = 0;
  for await (const piece of pieces) {
    const sum = Buffer.alloc(SUM_BYTES);
    sum.writeUInt32BE(pieceSum(path, seq, piece));
    await writeAll(handle, sum, at);
    await writeAll(handle, piece, at + SUM_BYTES);
    at += SUM_BYTES + piece.length;
    bytes += piece.length;
    seq += 1;
  }
  await writeAll(handle, headOf(path, bytes), 0);
}

export interface ValueFile {
  readonly path: string;
  readonly bytes: number;
  /** One at a time, each checked before it is given. */
  pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/** Reads and checks the beginning and the length; `STORE_CORRUPT` names `file`. With `path`, it must be the value of that. */
export async function readValue(handle: FileHandle, file: string, wanted: string | null): Promise<ValueFile> {
  const { path, bytes } = await readHead(handle, file);
  if (wanted !== null && path !== wanted) throw damagedFile(file, `it is the value of ${path}`);
  const start = FIXED_BYTES + Buffer.byteLength(path);
  const count = Math.ceil(bytes / PIECE_BYTES);
  const { size } = await handle.stat();
  const expected = start + count * SUM_BYTES + bytes;
  if (size !== expected) throw damagedFile(file, `it has ${size} bytes instead of ${expected}`);
  return {
    path,
    bytes,
    async *pieces() {
      for (let seq = 0; seq < count; seq += 1) {
        const length = Math.min(PIECE_BYTES, bytes - seq * PIECE_BYTES);
        const piece = new Uint8Array(length);
        const sum = Buffer.alloc(SUM_BYTES);
        const at = start + seq * (SUM_BYTES + PIECE_BYTES);
        const isThere = (await readAll(handle, sum, at)) && (await readAll(handle, piece, at + SUM_BYTES));
        if (!isThere || sum.readUInt32BE() !== pieceSum(path, seq, piece)) throw damagedFile(file, 'its value is not what was written');
        yield piece;
      }
    },
  };
}

async function readHead(handle: FileHandle, file: string): Promise<{ readonly path: string; readonly bytes: number }> {
  const fixed = Buffer.alloc(FIXED_BYTES);
  const isThere = await readAll(handle, fixed, 0);
  if (!isThere || fixed.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damagedFile(file, 'it does not begin as the file of a value');
  const pathBytes = fixed.readUInt32BE(MAGIC.length);
  const name = Buffer.alloc(Math.min(pathBytes, MAX_PATH_BYTES));
  const isNamed = pathBytes <= MAX_PATH_BYTES && (await readAll(handle, name, FIXED_BYTES));
  const path = name.toString();
  const bytes = Number(fixed.readBigUInt64BE(MAGIC.length + 4));
  // made anew and compared: whatever was changed in it is seen
  if (!isNamed || !Buffer.concat([fixed, name]).equals(headOf(path, bytes))) throw damagedFile(file, 'its beginning was changed');
  return { path, bytes };
}

function headOf(path: string, bytes: number): Buffer {
  const name = Buffer.from(path);
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.write(MAGIC, 'latin1');
  fixed.writeUInt32BE(name.length, MAGIC.length);
  // a length that was changed may be more than a number holds; then it is not equal, whatever it becomes
  fixed.writeBigUInt64BE(BigInt.asUintN(64, BigInt(bytes)), MAGIC.length + 4);
  fixed.writeUInt32BE(checksum(`${bytes}/${path}`, fixed.subarray(0, FIXED_BYTES - 4)), FIXED_BYTES - 4);
  return Buffer.concat([fixed, name]);
}

function pieceSum(path: string, seq: number, piece: Uint8Array): number {
  return checksum(`${path}\0${seq}`, piece);
}

async function writeAll(handle: FileHandle, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    done += (await handle.write(data, done, data.length - done, position + done)).bytesWritten;
  }
}

/** Whether there were as many bytes. */
async function readAll(handle: FileHandle, into: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
