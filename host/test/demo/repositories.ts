import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import type { GitSurroundings } from '../../src/demo/run-git.js';

const made: string[] = [];

/** A new empty folder, removed after the test file. */
export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'bellows-of-demo-')));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function git(folder: string, ...args: readonly string[]): string {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@localhost', '-c', 'commit.gpgSign=false'];
  return execFileSync('git', ['-C', folder, ...identity, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** A real repository with a commit of these files. */
export function repository(files: Readonly<Record<string, string | Buffer>>, message = 'The beginning'): string {
  const folder = tempFolder();
  git(folder, 'init', '--quiet', '--initial-branch=main');
  commitFiles(folder, files, message);
  return folder;
}

export function commitFiles(folder: string, files: Readonly<Record<string, string | Buffer>>, message: string): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  git(folder, 'add', '-A');
  git(folder, 'commit', '--quiet', '--allow-empty', '-m', message);
}

export function surroundings(env: GitSurroundings['env'] = process.env): GitSurroundings {
  return { env, signal: new AbortController().signal };
}
