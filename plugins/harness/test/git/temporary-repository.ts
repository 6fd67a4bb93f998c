import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import { openRepository } from '../../src/git/repository.js';
import { Workspaces } from '../../src/git/workspaces.js';
import type { IRepository } from '../../src/jobs/session-contracts.js';

const ENV = {
  PATH: process.env.PATH ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  ...Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((who) => [
      [`GIT_${who}_NAME`, 'Test'],
      [`GIT_${who}_EMAIL`, 'test@localhost'],
    ]),
  ),
};

/** A real repository on `main` with one commit (a.txt, b.txt), beside a folder for workspaces; gone at the end of the block. */
export class TemporaryRepository implements Disposable {
  readonly folder: string;
  readonly path: string;

  constructor(objectFormat: 'sha1' | 'sha256' = 'sha1') {
    this.folder = temporaryFolder();
    this.path = path.join(this.folder, 'repository');
    cpSync(templateOf(objectFormat), this.path, { recursive: true });
  }

  git(...args: string[]): string {
    return gitIn(this.path, ...args);
  }

  commit(files: Readonly<Record<string, string>>, message = 'work'): string {
    return commitIn(this.path, files, message);
  }

  open(): Promise<IRepository> {
    return openRepository(this.path);
  }

  workspaces(): Workspaces {
    return new Workspaces({ folder: path.join(this.folder, 'workspaces') });
  }

  /** Everything that a workspace could leave behind. */
  leftovers(): readonly string[] {
    const lines = (text: string) => text.split('\n').filter((line) => line !== '');
    return [
      ...lines(this.git('for-each-ref', '--format=%(refname)', 'refs/heads/bellows')),
      ...lines(this.git('worktree', 'list', '--porcelain')).filter(
        (line) => line.startsWith('worktree ') && line !== `worktree ${this.path}`,
      ),
      ...lines(execFileSync('find', [path.join(this.folder, 'workspaces'), '-mindepth', '2'], { encoding: 'utf8' })),
      ...lines(execFileSync('find', [path.join(this.path, '.git'), '-name', '*.lock'], { encoding: 'utf8' })),
      ...['removed', 'made']
        .map((name) => path.join(this.path, '.git/bellows', name))
        .filter((folder) => existsSync(folder))
        .flatMap((folder) => lines(execFileSync('find', [folder, '-mindepth', '1'], { encoding: 'utf8' }))),
    ];
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Made once per file of tests and then copied: making one takes four processes. */
const TEMPLATES = new Map<string, string>();

function templateOf(objectFormat: string): string {
  const known = TEMPLATES.get(objectFormat);
  if (known !== undefined) return known;
  const folder = temporaryFolder();
  TEMPLATES.set(objectFormat, folder);
  gitIn(folder, 'init', '-q', '-b', 'main', `--object-format=${objectFormat}`);
  commitIn(folder, { 'a.txt': 'a\n', 'b.txt': 'b\n' }, 'first');
  return folder;
}

afterAll(() => {
  for (const folder of TEMPLATES.values()) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  return realpathSync(mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bellows-git-')));
}

export function gitIn(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8', env: ENV, stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
}

export function commitIn(folder: string, files: Readonly<Record<string, string>>, message = 'work'): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  gitIn(folder, 'add', '-A');
  gitIn(folder, 'commit', '-q', '--allow-empty', '-m', message);
  return gitIn(folder, 'rev-parse', 'HEAD');
}
