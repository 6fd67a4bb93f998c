import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openRepository } from '../../src/git/repository.js';
import { gitIn, TemporaryRepository } from './temporary-repository.js';

describe('opening a repository', () => {
  it('resolves links and folders inside to its top', async () => {
    using temporary = new TemporaryRepository();
    const inside = path.join(temporary.path, 'deep/er');
    mkdirSync(inside, { recursive: true });
    symlinkSync(inside, path.join(temporary.folder, 'link'));
    const { path: top, commonDir } = await openRepository(path.join(temporary.folder, 'link'));
    expect([top, commonDir]).toEqual([temporary.path, path.join(temporary.path, '.git')]);
  });

  it('takes bare ones, worktrees, and folders with odd names', async () => {
    using temporary = new TemporaryRepository();
    const bare = path.join(temporary.folder, '-bare\nü');
    gitIn(temporary.folder, 'clone', '-q', '--bare', temporary.path, bare);
    const repository = await openRepository(bare);
    expect([repository.path, repository.commonDir]).toEqual([bare, bare]);
    expect(await repository.changedFiles()).toEqual([]);
    expect(await repository.ensureBranch('work')).toBe(temporary.git('rev-parse', 'main'));
    const tree = path.join(temporary.folder, 'tree');
    gitIn(bare, 'worktree', 'add', '-q', '-b', 'tree', tree);
    expect(await openRepository(tree)).toMatchObject({ path: tree, commonDir: bare });
    expect(await repository.checkedOutAt('tree')).toBe(tree);
  });

  it('refuses what is none, and one without any commit', async () => {
    using temporary = new TemporaryRepository();
    const plain = path.join(temporary.folder, 'plain');
    const empty = path.join(temporary.folder, 'empty');
    mkdirSync(plain);
    gitIn(temporary.folder, 'init', '-q', empty);
    const file = path.join(temporary.path, 'a.txt');
    for (const wrong of [plain, file, `${plain}/missing`, `${temporary.path}/.git`, 'nul\0', '']) {
      await expect(openRepository(wrong)).rejects.toMatchObject({ code: 'REPO_INVALID' });
    }
    await expect(openRepository(empty)).rejects.toMatchObject({ code: 'REPO_EMPTY' });
  });

  it('takes one whose HEAD has no commit when another branch has, and tells when that is needed', async () => {
    using temporary = new TemporaryRepository();
    temporary.git('checkout', '-q', '--orphan', 'unborn');
    const repository = await temporary.open();
    expect(await repository.ensureBranch('main')).toBe(temporary.git('rev-parse', 'main'));
    await expect(repository.ensureBranch('work')).rejects.toMatchObject({ code: 'REPO_EMPTY' });
  });

  it('is told from a repository that was removed since', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    rmSync(path.join(temporary.path, '.git'), { recursive: true });
    await expect(repository.commitOf('main')).rejects.toMatchObject({ code: 'REPO_INVALID' });
  });
});

describe('a repository', () => {
  it('gives the commit of branches, tags and hashes, the branch first, and null for what is none', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const first = temporary.git('rev-parse', 'main');
    const second = temporary.commit({ 'a.txt': 'second\n' });
    temporary.git('tag', 'main', first);
    temporary.git('tag', '-a', '-m', 'annotated', 'v1', first);
    expect(await Promise.all(['main', 'v1', first, 'HEAD', first.slice(0, 10)].map((name) => repository.commitOf(name)))).toEqual([
      second,
      first,
      first,
      second,
      first,
    ]);
    for (const none of ['nothing', '-x', '--all', '', 'a..b', '0'.repeat(40), 'x\0y', 'main:a.txt', '@{-1}']) {
      expect([none, await repository.commitOf(none)]).toEqual([none, null]);
    }
  });

  it('makes a missing branch at HEAD once, also for many at the same time', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const head = temporary.git('rev-parse', 'HEAD');
    expect(new Set(await Promise.all(Array.from({ length: 10 }, () => repository.ensureBranch('team/work'))))).toEqual(new Set([head]));
    temporary.commit({ 'a.txt': 'x' });
    expect(await repository.ensureBranch('team/work')).toBe(head);
  });

  it('refuses names of branches that git does not allow or that mean something else', async () => {
    using temporary = new TemporaryRepository();
    temporary.git('checkout', '-q', '-b', 'second');
    const repository = await temporary.open();
    const hostile = [
      '',
      '-',
      '-d',
      '--all',
      '..',
      'a..b',
      'a\nb',
      'a\0b',
      'refs/heads/x',
      'HEAD',
      '@',
      '@{-1}',
      'a b',
      'x.lock',
      '/x',
      'x/',
      'a//b',
      'a~1',
      'a^',
      'a:b',
      'a?',
      'x'.repeat(201),
      'bellows/work/x',
      'main/x',
    ];
    for (const branch of hostile) {
      expect([branch, await repository.ensureBranch(branch).catch((error) => error.code)]).toEqual([branch, 'BRANCH_INVALID']);
    }
    expect(temporary.git('branch', '--format=%(refname)')).toBe('refs/heads/main\nrefs/heads/second');
    expect(await repository.ensureBranch('ünï/日本')).toBe(temporary.git('rev-parse', 'HEAD'));
  });

  it('knows where a branch is checked out, and forgets folders that are gone', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const other = path.join(temporary.folder, 'other\nline');
    temporary.git('worktree', 'add', '-q', '-b', 'other', other);
    expect(await Promise.all(['main', 'other', 'none'].map((branch) => repository.checkedOutAt(branch)))).toEqual([
      temporary.path,
      other,
      null,
    ]);
    rmSync(other, { recursive: true });
    expect(await repository.checkedOutAt('other')).toBeNull();
  });

  it('names tracked files that changed, at most a hundred', async () => {
    using temporary = new TemporaryRepository();
    const names = Array.from({ length: 150 }, (_, at) => `f${String(at).padStart(3, '0')}`);
    temporary.commit(Object.fromEntries(names.map((name) => [name, 'x'])));
    const repository = await temporary.open();
    writeFileSync(path.join(temporary.path, 'untracked'), '');
    expect(await repository.changedFiles()).toEqual([]);
    rmSync(path.join(temporary.path, 'a.txt'));
    temporary.git('mv', 'b.txt', 'ü\n.txt');
    expect(await repository.changedFiles()).toEqual(['a.txt', 'b.txt', 'ü\n.txt']);
    for (const name of names) writeFileSync(path.join(temporary.path, name), 'y');
    expect(await repository.changedFiles()).toHaveLength(100);
  });

  it('removes a branch only where it was left and nobody has it checked out', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const at = await repository.ensureBranch('team/work');
    temporary.git('worktree', 'add', '-q', path.join(temporary.folder, 'other'), 'team/work');
    expect(await repository.removeBranch('team/work', at)).toBe(false);
    temporary.git('worktree', 'remove', path.join(temporary.folder, 'other'));
    const moved = temporary.commit({ 'c.txt': 'c' });
    temporary.git('update-ref', 'refs/heads/team/work', moved);
    expect(await repository.removeBranch('team/work', at)).toBe(false);
    expect(await repository.commitOf('refs/heads/team/work')).toBe(moved);
    expect(await repository.removeBranch('team/work', moved)).toBe(true);
    expect(await repository.removeBranch('team/work', moved)).toBe(false);
    expect(temporary.git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
  });
});
