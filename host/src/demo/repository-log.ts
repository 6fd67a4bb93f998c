/** A file of the last commit. */
export interface TreeFile {
  readonly blob: string;
  readonly bytes: number;
  readonly path: string;
}

export interface Commit {
  readonly id: string;
  /** As the author's clock had it, ISO 8601. */
  readonly date: string;
  readonly message: string;
  /** What it changed, with the blob it made of it; deletions and submodules are left out. */
  readonly changes: readonly { readonly blob: string; readonly path: string }[];
}

/** The arguments of git whose output `parseTree` reads. */
export const TREE_ARGS: readonly string[] = ['ls-tree', '-r', '-l', '-z', '--full-tree'];

/** Plain files only: no links, no submodules. */
export function parseTree(output: Buffer): readonly TreeFile[] {
  return output
    .toString()
    .split('\0')
    .flatMap((line) => {
      const [, blob, bytes, path] = /^100\d{3} blob ([0-9a-f]+) +(\d+)\t([\s\S]+)$/.exec(line) ?? [];
      return blob === undefined || path === undefined ? [] : [{ blob, bytes: Number(bytes), path }];
    });
}

/** The arguments of git whose output `parseLog` reads. */
export const LOG_ARGS: readonly string[] = ['--raw', '--no-abbrev', '--no-renames', '-z', '--format=%x01%H%x00%aI%x00%B%x00'];

/** Newest first, as git has them. */
export function parseLog(output: Buffer): readonly Commit[] {
  const parts = output.toString().split('\u0001').slice(1);
  return joined(parts).map((record) => {
    const [id = '', date = '', message = '', ...rest] = record.split('\0');
    return { id, date, message: message.trimEnd(), changes: changesOf(rest) };
  });
}

/** A message may hold the mark, too: what does not begin as a record belongs to the one before. */
function joined(parts: readonly string[]): readonly string[] {
  const records: string[] = [];
  for (const part of parts) {
    if (/^[0-9a-f]{40,64}\0/.test(part)) records.push(part);
    else if (records.length > 0) records[records.length - 1] += `\u0001${part}`;
  }
  return records;
}

/** Pairs of `:100644 100644 <before> <after> M` and a path. */
function changesOf(parts: readonly string[]): Commit['changes'] {
  return parts.flatMap((part, index) => {
    const [, blob] = /^\s*:\d{6} 100\d{3} [0-9a-f]+ ([0-9a-f]+) [A-Z]/.exec(part) ?? [];
    const path = parts[index + 1];
    return blob === undefined || path === undefined ? [] : [{ blob, path }];
  });
}
