import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkoutOf, git, newRepository } from './git-samples.js';
import { copyOfRepository } from './repository-copy.js';
import { tempFolder } from './temp-folder.js';

const FILES = { '.gitignore': 'dist/\n', a: 'a', b: 'b', c: 'c', 'd/d': 'd' };

function filesOf(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  return Object.fromEntries(
    names.filter((name) => !name.startsWith('.git/')).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  );
}

describe('a copy of the repository', () => {
  it('has what is changed, renamed and new, and neither what is deleted nor what git ignores nor a repository inside', () => {
    const repository = newRepository(FILES);
    writeFileSync(path.join(repository, 'a'), 'changed');
    git(repository, 'mv', 'b', 'renamed');
    renameSync(path.join(repository, 'c'), path.join(repository, 'moved'));
    rmSync(path.join(repository, 'd'), { recursive: true });
    mkdirSync(path.join(repository, 'dist'));
    writeFileSync(path.join(repository, 'dist/built'), '');
    git(repository, 'init', '--quiet', 'inside');
    git(path.join(repository, 'inside'), 'commit', '--quiet', '--allow-empty', '-m', 'Its own');
    const before = checkoutOf(repository);
    const copy = copyOfRepository(repository);
    expect(filesOf(copy)).toEqual({ '.gitignore': 'dist/\n', a: 'changed', renamed: 'b', moved: 'c' });
    expect(checkoutOf(repository)).toEqual(before);
  });

  it('can be made of a clone as a service makes it: of one commit, on no branch', () => {
    const shallow = path.join(tempFolder(), 'clone');
    const origin = newRepository(FILES);
    git(origin, 'commit', '--quiet', '--allow-empty', '-m', 'One more');
    git(origin, 'clone', '--quiet', '--depth', '1', `file://${origin}`, shallow);
    git(shallow, 'checkout', '--quiet', '--detach');
    git(shallow, 'branch', '--quiet', '--delete', '--force', 'main');
    writeFileSync(path.join(shallow, 'a'), 'changed');
    const copy = copyOfRepository(shallow);
    expect(filesOf(copy)).toEqual({ ...FILES, a: 'changed' });
    expect(git(copy, 'rev-parse', 'HEAD')).toBe(git(shallow, 'rev-parse', 'HEAD'));
  });

  it('is a repository of its own, also where a hook of git runs the tests', () => {
    const repository = newRepository(FILES);
    const before = checkoutOf(repository);
    Object.assign(process.env, { GIT_DIR: path.join(repository, '.git'), GIT_INDEX_FILE: path.join(repository, '.git/index') });
    try {
      const copy = copyOfRepository(repository);
      writeFileSync(path.join(copy, 'a'), 'changed');
      git(copy, 'commit', '--quiet', '--all', '-m', 'In the copy');
      expect(existsSync(path.join(copy, '.git/index'))).toBe(true);
    } finally {
      delete process.env.GIT_DIR;
      delete process.env.GIT_INDEX_FILE;
    }
    expect(checkoutOf(repository)).toEqual(before);
  });
});
