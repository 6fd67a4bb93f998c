import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FILES_PER_FOLDER = 50;
/** About what a source file has. */
const FILE_TEXT = 'one line of a file that is long enough to look like source code\n'.repeat(40);

/** A new repository with so many files in one commit on `main`. */
export function makeRepository(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < files; at += 1) {
    const parent = path.join(folder, `part-${Math.floor(at / FILES_PER_FOLDER)}`);
    mkdirSync(parent, { recursive: true });
    writeFileSync(path.join(parent, `file-${at}.txt`), `${at}\n${FILE_TEXT}`);
  }
  git(folder, 'init', '--quiet', '--initial-branch=main');
  for (const [key, value] of [
    ['user.name', 'Bench'],
    ['user.email', 'bench@localhost'],
    ['gc.auto', '0'], // a collection in the middle would be measured with whoever comes next
  ])
    git(folder, 'config', key, value);
  git(folder, 'add', '-A');
  git(folder, 'commit', '--quiet', '-m', 'Files');
  return folder;
}

export function git(folder, ...args) {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
