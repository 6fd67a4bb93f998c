import { randomUUID } from 'node:crypto';
import { access, link, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a file that is never half made: `build` makes it whole under another name in the same folder, then it gets its own, durable when
 * this resolves. So whoever finds it empty later knows that it is damaged, and no start that was cut off. A file that is there, also one that
 * another process made meanwhile, stays as it is. It exists, empty and readable for its owner only, when `build` is called.
 * Rejects with what `build` or the file system threw; then nothing is left.
 */
export async function makeNewFile(file: string, build: (aside: string) => Promise<void>): Promise<void> {
  if (await isFileThere(file)) return;
  const aside = `${file}${NEW}${randomUUID()}`;
  try {
    await makePrivate(aside);
    await build(aside);
    await putInPlace(aside, file);
  } catch (error) {
    // another process was quicker, and removed this one
    if (!(await isFileThere(file))) throw error;
  } finally {
    await removeAll(path.dirname(file), path.basename((await isFileThere(file)) ? `${file}${NEW}` : aside));
  }
  await syncFolder(path.dirname(file));
}

/** Between the name of a file and what makes the name of one that is being made its own. */
const NEW = '-new-';

async function makePrivate(aside: string): Promise<void> {
  try {
    await (await open(aside, 'wx', 0o600)).close();
  } catch {
    // `build` fails next, and its error is the one that callers know
  }
}

/** Never over a file that another process made meanwhile, and wrote to. */
async function putInPlace(aside: string, file: string): Promise<void> {
  try {
    await link(aside, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // not every file system has links
    if (code !== 'EEXIST') await rename(aside, file);
  }
}

/** Once the file is there: what a killed process left of its own, and what one that is slower makes in vain. Never rejects. */
async function removeAll(folder: string, beginning: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const ours = names.filter((name) => name.startsWith(beginning));
  await Promise.all(ours.map((name) => rm(path.join(folder, name), { force: true }).catch(() => {})));
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function isFileThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
