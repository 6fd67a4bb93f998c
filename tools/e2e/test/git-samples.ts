import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cleanEnv } from './running-host.js';
import { tempFolder } from './temp-folder.js';

/** Runs git in a folder and answers what it prints. */
export function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** A real repository with one commit on `main`. */
export function newRepository(
  files: Readonly<Record<string, string>> = { 'README.md': '# sample\n', 'shared.txt': 'one\ntwo\nthree\n' },
): string {
  const folder = tempFolder('bellows-repo');
  git(folder, 'init', '--quiet', '--initial-branch=main');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  git(folder, 'add', '-A');
  git(folder, 'commit', '--quiet', '-m', 'The beginning');
  return folder;
}

/** Everything of a repository that must be as before when a harness has worked in it. */
export function checkoutOf(folder: string): readonly string[] {
  return [git(folder, 'rev-parse', 'HEAD'), git(folder, 'symbolic-ref', 'HEAD'), git(folder, 'status', '--porcelain', '-uall')];
}

/** An agent as a line of shell: what it does is all there is. `$BELLOWS_ISSUE_ID` names its issue. */
export function shellAgent(script: string): { driver: 'plain'; command: string[] } {
  return { driver: 'plain', command: ['sh', '-c', script] };
}

/** Writes a file named after the issue and commits it. */
export const COMMIT =
  'echo "$BELLOWS_ISSUE_ID" > "done-$BELLOWS_ISSUE_ID.txt" && git add -A && git commit --quiet -m "Did $BELLOWS_ISSUE_ID"';
