import { readFile, stat } from 'node:fs/promises';

/**
 * Whether the index at `file` says of a path that its changes do not matter (assume-unchanged, skip-worktree), or cannot be understood: it is
 * damaged, split, or larger than 64 MiB. Read here because `git ls-files -v` would be one process more for every session.
 */
export async function hidesChanges(file: string, hashBytes: number): Promise<boolean> {
  const size = (await stat(file).catch(() => null))?.size ?? 0;
  if (size > MAX_BYTES) return true;
  const index = await readFile(file).catch(() => null);
  return index !== null && !hasOnlyPlainEntries(index, hashBytes);
}

const MAX_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 12;
/** Times, device, inode, mode, owner and size; the hash comes after them. */
const STAT_BYTES = 40;
const ASSUME_UNCHANGED = 0x8000;
const EXTENDED = 0x4000;
const SKIP_WORKTREE = 0x4000;

/** See gitformat-index. */
function hasOnlyPlainEntries(index: Buffer, hashBytes: number): boolean {
  if (index.length < HEADER_BYTES + hashBytes || index.toString('latin1', 0, 4) !== 'DIRC') return false;
  const version = index.readUInt32BE(4);
  if (version < 2 || version > 4) return false;
  const end = index.length - hashBytes;
  let at = HEADER_BYTES;
  for (let entry = index.readUInt32BE(8); entry > 0; entry--) {
    const next = plainEntryEnd(index, { at, version, hashBytes });
    if (next === null || next > end) return false;
    at = next;
  }
  return !isSplit(index, at, end);
}

/** Where the next entry begins; null for one that is not plain. */
function plainEntryEnd(
  index: Buffer,
  { at, version, hashBytes }: { readonly at: number; readonly version: number; readonly hashBytes: number },
): number | null {
  let name = at + STAT_BYTES + hashBytes + 2;
  if (name + 2 > index.length) return null;
  const flags = index.readUInt16BE(name - 2);
  if ((flags & ASSUME_UNCHANGED) !== 0) return null;
  if ((flags & EXTENDED) !== 0) {
    if ((index.readUInt16BE(name) & SKIP_WORKTREE) !== 0) return null;
    name += 2;
  }
  // in version 4 the name follows a number whose last byte is below 128
  if (version === 4) while ((index[name++] ?? 0) >= 128);
  const nul = index.indexOf(0, name);
  if (nul < 0) return null;
  // elsewhere the entry is filled with one to eight zeros
  return version === 4 ? nul + 1 : at + (((nul - at) >> 3) + 1) * 8;
}

/** Whether the rest of the entries is in another file. */
function isSplit(index: Buffer, from: number, end: number): boolean {
  for (let at = from; at + 8 <= end; at += 8 + index.readUInt32BE(at + 4)) {
    if (index.toString('latin1', at, at + 4) === 'link') return true;
  }
  return false;
}
