import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';

/** Being made by this process, by folder. */
const making = new Map<string, Promise<void>>();

/**
 * Answers `<stagingDir>/_links/<hash of links>`, a folder in which each package (by name) is a link to where it is (absolute). It is made
 * once for all plugins with the same links: a hundred of them would make hundreds of links, which takes longer than copying their code.
 */
export async function linkFolder(links: ReadonlyMap<string, string>, stagingDir: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([...links]));
  const folder = path.join(stagingDir, '_links', hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  const made = making.get(folder) ?? make(folder, links).finally(() => making.delete(folder));
  making.set(folder, made);
  await made;
  return folder;
}

async function make(folder: string, links: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true, mode: 0o700 });
  const temporary = await mkdtemp(path.join(path.dirname(folder), 'new.'));
  try {
    for (const [name, target] of links) {
      const file = path.join(temporary, name);
      await mkdir(path.dirname(file), { recursive: true });
      await symlink(target, file, 'junction');
    }
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another process made the same
  }
}
