import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { MadeFile } from './demo-report.js';

const RESULTS = 'results';

/** The files that the demo made in its folder, in the order of their paths. */
export async function madeFiles(folder: string): Promise<readonly MadeFile[]> {
  const entries = await readdir(path.join(folder, RESULTS), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const made = await Promise.all(files.map(async (file) => ({ path: path.relative(folder, file), bytes: (await stat(file)).size })));
  return made.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What one line tells of one file, or of several. */
export interface FoldedFiles {
  readonly name: string;
  readonly bytes: number;
  readonly files: number;
  /** On which branch, where they are landed files. */
  readonly branch?: string;
}

/** For people: where a folder holds more than `most` files, or more than `most` of one name have landed, one line tells of them. */
export function foldedFiles(files: readonly MadeFile[], most: number): readonly FoldedFiles[] {
  const groups = Map.groupBy(files, ({ path: file, landed }) => (landed ? `**/${path.basename(file)}` : `${path.dirname(file)}/*`));
  return [...groups].flatMap(([name, some]) => {
    const branch = some[0]?.landed?.branch;
    const where = branch === undefined ? {} : { branch };
    if (some.length <= most) return some.map((file) => ({ name: file.path, bytes: file.bytes, files: 1, ...where }));
    return [{ name, bytes: some.reduce((sum, { bytes }) => sum + bytes, 0), files: some.length, ...where }];
  });
}
