import { open, stat } from 'node:fs/promises';
import { systemFault } from './system-fault.js';

export type TextFile = { readonly text: string } | { readonly fault: string };

interface ReadingLimits {
  readonly maxBytes: number;
  /** Whether it may be a pipe (`<(…)` of a shell). One that nobody writes into is waited for without end. Default false. */
  readonly mayBePipe?: boolean;
}

/**
 * Reads a file of UTF-8 text; a byte order mark is left out. Reads never more than `maxBytes` and opens nothing that could go on
 * for ever (a device, a socket). Never rejects: a fault is told in words that go on after the name of the file.
 */
export async function readTextFile(file: string, { maxBytes, mayBePipe = false }: ReadingLimits): Promise<TextFile> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) return { fault: 'is a folder: name a file in it' };
    if (!found.isFile() && !(mayBePipe && found.isFIFO())) {
      return { fault: `is ${found.isFIFO() ? 'a pipe' : 'a device or a socket'}: name a file` };
    }
    const bytes = await readAtMost(file, maxBytes + 1);
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
