import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AGENT_GIT_ENV, runGit } from '../git/run-git.js';

const FOLDERS = 10;
const FILES_PER_FOLDER = 10;

/** A repository of a hundred small files with one commit. */
export async function makeSampleRepository(folder: string): Promise<void> {
  for (let number = 1; number <= FOLDERS; number += 1) {
    const module = path.join(folder, `module-${number}`);
    await mkdir(module, { recursive: true });
    for (let file = 1; file <= FILES_PER_FOLDER; file += 1) {
      await writeFile(path.join(module, `file-${file}.txt`), `file ${file} of module ${number}\n`.repeat(20));
    }
  }
  await runGit(folder, ['init', '--quiet', '--initial-branch=main']);
  await runGit(folder, ['add', '.']);
  await runGit(folder, ['commit', '--quiet', '-m', 'The sample'], { env: AGENT_GIT_ENV });
}
