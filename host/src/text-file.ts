import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { systemFault } from './system-fault.js';

export type TextFile = { readonly text: string } | { readonly fault: string };

interface ReadingLimits {
  readonly maxBytes: number;
  /** Whether it may be a pipe (`<(…)` of a shell). One that somebody has opened for writing is read to its end. Default false. */
  readonly mayBePipe?: boolean;
  /** How long somebody is waited for who opens a pipe for writing. Default 2,000. */
  readonly pipeWaitMs?: number;
}

/**
 * Reads a file of UTF-8 text; a byte order mark is left out. Reads never more than `maxBytes` and opens nothing that could go on
 * for ever (a device, a socket). Never rejects: a fault is told in words that go on after the name of the file.
 */
export async function readTextFile(file: string, { maxBytes, mayBePipe = false, pipeWaitMs = 2_000 }: ReadingLimits): Promise<TextFile> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) return { fault: 'is a folder: name a file in it' };
    if (!found.isFile() && !(mayBePipe && found.isFIFO())) {
      return { fault: `is ${found.isFIFO() ? 'a pipe' : 'a device or a socket'}: name a file` };
    }
    const bytes = await (found.isFIFO() ? readPipe(file, maxBytes + 1, pipeWaitMs) : readAtMost(file, maxBytes + 1));
    if (bytes === undefined) return { fault: 'is a pipe into which nobody writes: write into it, or name a file' };
    if (bytes.length > maxBytes) return { fault: `is larger than ${maxBytes / 1_024} KiB: name a smaller file` };
    return textOf(bytes);
  } catch (error) {
    return { fault: systemFault(error) };
  }
}

function textOf(bytes: Uint8Array): TextFile {
  const fault = 'holds bytes that are no text in UTF-8: save it as UTF-8, or name another file';
  if (bytes.includes(0)) return { fault };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { fault };
  }
}

/** The size that a file system tells is not trusted: in /proc it is 0, and a file may grow. */
async function readAtMost(file: string, limit: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const chunks: Buffer[] = [];
    let left = limit;
    while (left > 0) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES)));
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

/** Most files of options fit into one. */
const CHUNK_BYTES = 65_536;

/**
 * Undefined when nobody writes. Opened without waiting: to open it as a file would wait for whoever opens the other end, which nothing
 * breaks off and which keeps the process from ending.
 */
async function readPipe(file: string, limit: number, waitMs: number): Promise<Uint8Array | undefined> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    let left = limit;
    let leftMs = waitMs;
    while (left > 0) {
      const chunk = await readNow(handle, Math.min(left, CHUNK_BYTES));
      if (chunk === undefined) {
        await pause(PIPE_PAUSE_MS); // somebody has it open and is not ready
      } else if (chunk.length > 0) {
        chunks.push(chunk);
        left -= chunk.length;
      } else if (chunks.length > 0) {
        break;
      } else {
        if (leftMs <= 0) return undefined;
        leftMs -= PIPE_PAUSE_MS;
        await pause(PIPE_PAUSE_MS);
      }
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

const PIPE_PAUSE_MS = 10;

/** Nothing at the end, undefined while there is nothing to read. */
async function readNow(handle: FileHandle, bytes: number): Promise<Buffer | undefined> {
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(bytes));
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
