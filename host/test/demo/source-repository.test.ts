import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkOutFiles } from '../../src/demo/clone-files.js';
import { runGit } from '../../src/demo/run-git.js';
import { cloneHistory, openSourceRepository } from '../../src/demo/source-repository.js';
import { git, repository, surroundings, tempFolder } from './repositories.js';

const options = (into: string, copiedKib = 1_000) => ({ into, branch: 'base', copiedKib });

describe('openSourceRepository', () => {
  it('finds the top of a repository from a folder within, with what is checked out', async () => {
    const folder = repository({ 'docs/a.md': 'a\n' });
    const source = await openSourceRepository(path.join(folder, 'docs'), surroundings());
    expect(source).toMatchObject({ folder, head: git(folder, 'rev-parse', 'HEAD'), isShallow: false, isDirty: false });
  });

  it('tells of changes that are not committed and of a history that is cut off', async () => {
    const folder = repository({ 'a.md': 'a\n' });
    writeFileSync(path.join(folder, 'a.md'), 'b\n');
    expect((await openSourceRepository(folder, surroundings())).isDirty).toBe(true);
    git(folder, 'commit', '--quiet', '-am', 'second');
    const shallow = path.join(tempFolder(), 'shallow');
    git(folder, 'clone', '--quiet', '--depth=1', `file://${folder}`, shallow);
    expect(await openSourceRepository(shallow, surroundings())).toMatchObject({ isShallow: true, isDirty: false });
  });

  it('says with a code that there is no folder, no repository, no commit, no git', async () => {
    const empty = tempFolder();
    await expect(openSourceRepository(path.join(empty, 'none'), surroundings())).rejects.toMatchObject({ code: 'DEMO_REPO_INVALID' });
    await expect(
      openSourceRepository(empty, surroundings({ ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(empty) })),
    ).rejects.toMatchObject({
      code: 'DEMO_REPO_INVALID',
      message: expect.stringContaining('not a git repository'),
    });
    git(empty, 'init', '--quiet');
    await expect(openSourceRepository(empty, surroundings())).rejects.toMatchObject({ code: 'DEMO_REPO_EMPTY' });
    await expect(openSourceRepository(empty, surroundings({ PATH: empty }))).rejects.toMatchObject({ code: 'DEMO_GIT_MISSING' });
  });

  it('says how a repository of another user is trusted, which git does not read otherwise', async () => {
    const [folder, bin] = [repository({ 'a.md': 'a\n' }), tempFolder()];
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const script = `#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec '${real}' "$@"\n`;
    writeFileSync(path.join(bin, 'git'), script, { mode: 0o755 });
    const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}`, GIT_CONFIG_GLOBAL: '/dev/null' };
    await expect(openSourceRepository(folder, surroundings(env))).rejects.toMatchObject({
      code: 'DEMO_REPO_INVALID',
      message: expect.stringContaining(`git config --global --add safe.directory '${folder}'`),
    });
  });

  it('starts no watcher of files that the repository or the user has set', async () => {
    const folder = repository({ 'a.md': 'a\n' });
    const [watcher, started] = [path.join(tempFolder(), 'watcher'), path.join(tempFolder(), 'started')];
    writeFileSync(watcher, `#!/bin/sh\ntouch '${started}'\n`, { mode: 0o755 });
    git(folder, 'config', 'core.fsmonitor', watcher);
    git(folder, 'status');
    expect(existsSync(started)).toBe(true);
    rmSync(started);
    await openSourceRepository(folder, surroundings());
    expect(existsSync(started)).toBe(false);
  });

  it('is not led to another repository by the environment of a hook', async () => {
    const [one, other] = [repository({ 'a.md': 'a\n' }), repository({ 'b.md': 'b\n' })];
    const env = { ...process.env, GIT_DIR: path.join(other, '.git'), GIT_INDEX_FILE: path.join(other, '.git/index'), GIT_WORK_TREE: other };
    expect((await openSourceRepository(one, surroundings(env))).folder).toBe(one);
  });
});

describe('cloneHistory', () => {
  it.each([
    ['copied', 1_000],
    ['referred to', -1],
  ])('has the commit on a branch of its own, the history %s, and changes nothing in the source', async (_how, copiedKib) => {
    const folder = repository({ 'a.md': 'a\n' });
    git(folder, 'checkout', '--quiet', '--detach');
    const before = [git(folder, 'for-each-ref'), git(folder, 'status', '--porcelain')];
    const source = await openSourceRepository(folder, surroundings());
    const into = path.join(tempFolder(), 'clone');
    await cloneHistory(source, options(into, copiedKib), surroundings());
    await checkOutFiles({ clone: into, branch: 'base', needed: ['a.md'], fileCount: 1, mostFiles: 10 }, surroundings());
    expect([git(into, 'rev-parse', 'HEAD'), git(into, 'branch', '--show-current'), git(into, 'remote')]).toEqual([source.head, 'base', '']);
    expect(git(into, 'status', '--porcelain')).toBe('');
    expect(existsSync(path.join(into, '.git/objects/info/alternates'))).toBe(copiedKib < 0);
    expect([git(folder, 'for-each-ref'), git(folder, 'status', '--porcelain')]).toEqual(before);
  });

  it('leaves what is not needed out of a large tree, by a commit', async () => {
    const source = await openSourceRepository(repository({ 'a/x y.md': 'a\n', 'b.bin': 'b', 'c.md': 'c\n' }), surroundings());
    const into = path.join(tempFolder(), 'clone');
    await cloneHistory(source, options(into), surroundings());
    const files = { clone: into, branch: 'base', needed: ['a/x y.md'], fileCount: 3, mostFiles: 2 };
    expect(await checkOutFiles(files, surroundings())).toBe(true);
    expect(git(into, 'ls-files')).toBe('a/x y.md');
    expect([git(into, 'rev-parse', 'HEAD^'), git(into, 'status', '--porcelain')]).toEqual([source.head, '']);
  });

  it('says with a code that it cannot be written where it is to be', async () => {
    const source = await openSourceRepository(repository({ 'a.md': 'a\n' }), surroundings());
    const folder = tempFolder();
    writeFileSync(path.join(folder, 'file'), '');
    await expect(cloneHistory(source, options(path.join(folder, 'file', 'clone')), surroundings())).rejects.toMatchObject({
      code: expect.stringMatching(/^DEMO_(FOLDER_UNUSABLE|REPO_INVALID)$/),
    });
  });
});

describe('runGit', () => {
  it('is interrupted by its signal, also before it began', async () => {
    const folder = repository({ 'a.md': 'a\n' });
    const abort = new AbortController();
    // the program that git starts holds its output open
    const began = path.join(folder, 'began');
    const waiting = runGit(
      { folder, args: ['-c', `alias.wait=!touch '${began}'; sleep 8`, 'wait'] },
      { env: process.env, signal: abort.signal },
    );
    while (!existsSync(began)) await new Promise(setImmediate);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(runGit({ folder, args: ['status'] }, { env: process.env, signal: abort.signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });
});
