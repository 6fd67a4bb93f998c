import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Landing } from '../../src/git/landing.js';
import { openRepository } from '../../src/git/repository.js';
import { runGit } from '../../src/git/run-git.js';
import type { LandingRequest } from '../../src/jobs/session-contracts.js';
import { commitIn, gitIn, TemporaryRepository } from './temporary-repository.js';

async function sceneOf(temporary: TemporaryRepository) {
  const repository = await temporary.open();
  const workspaces = temporary.workspaces();
  const base = await repository.ensureBranch('work');
  const workspace = await workspaces.create(repository, { name: 'one', base });
  const landing = new Landing({ workspaces });
  const request = async (overrides: Partial<LandingRequest> = {}): Promise<LandingRequest> => ({
    ...(await workspaces.inspect(workspace)),
    ...{ repository, branch: 'work', workspace, message: 'Land', landOnCheckedOut: false, onCandidate: () => {} },
    verify: async () => ({ passed: true, message: '' }),
    ...overrides,
  });
  return { repository, workspaces, workspace, base, landing, request };
}

describe('an agent', () => {
  it('cannot lead git to the files of a person by the configuration', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace, base } = await sceneOf(temporary);
    const person = path.join(temporary.folder, 'person');
    mkdirSync(person);
    writeFileSync(path.join(person, 'precious'), 'mine');
    gitIn(workspace.path, 'config', 'extensions.worktreeConfig', 'true');
    gitIn(workspace.path, 'config', '--worktree', 'core.worktree', person);
    await workspaces.reset(workspace, base);
    expect(readdirSync(person)).toEqual(['precious']);
    expect((await workspaces.inspect(workspace)).uncommitted).toEqual([]);
  });

  it('cannot lead git elsewhere by a .git that it forged', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace, base } = await sceneOf(temporary);
    const forged = path.join(temporary.folder, 'forged');
    mkdirSync(forged);
    for (const [name, text] of Object.entries({ commondir: `${temporary.path}/.git`, gitdir: `${workspace.path}/.git`, HEAD: base })) {
      writeFileSync(path.join(forged, name), `${text}\n`);
    }
    writeFileSync(path.join(forged, 'index'), 'precious');
    writeFileSync(path.join(workspace.path, '.git'), `gitdir: ${forged}\n`);
    await expect(workspaces.inspect(workspace)).rejects.toMatchObject({ code: 'WORKSPACE_BROKEN' });
    await expect(workspaces.reset(workspace, base)).rejects.toMatchObject({ code: 'WORKSPACE_BROKEN' });
    expect(readFileSync(path.join(forged, 'index'), 'utf8')).toBe('precious');
  });

  it('cannot make git take one history for another', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace, base } = await sceneOf(temporary);
    gitIn(workspace.path, 'checkout', '-q', '--orphan', 'other');
    const alien = commitIn(workspace.path, { 'a.txt': 'alien\n' });
    gitIn(workspace.path, 'replace', '--graft', alien, base);
    expect(gitIn(workspace.path, 'merge-base', alien, base)).toBe(base);
    await expect(workspaces.inspect(workspace)).rejects.toMatchObject({ code: 'WORKSPACE_BROKEN' });
    temporary.git('replace', '-d', alien);
    mkdirSync(path.join(temporary.path, '.git/info'), { recursive: true });
    writeFileSync(path.join(temporary.path, '.git/info/grafts'), `${alien} ${base}\n`);
    await expect(workspaces.inspect(workspace)).rejects.toMatchObject({ code: 'WORKSPACE_BROKEN' });
  });

  it('cannot pass a verification by modes or links that it did not commit', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace } = await sceneOf(temporary);
    const commit = commitIn(workspace.path, { 'run.sh': '#!/bin/sh\n' });
    gitIn(workspace.path, 'config', 'core.fileMode', 'false');
    chmodSync(path.join(workspace.path, 'run.sh'), 0o755);
    await workspaces.reset(workspace, commit);
    expect(statSync(path.join(workspace.path, 'run.sh')).mode & 0o111).toBe(0);
  });

  it('that moved its workspace with git leaves nothing registered', async () => {
    using temporary = new TemporaryRepository();
    const { repository, workspaces, workspace } = await sceneOf(temporary);
    const elsewhere = path.join(temporary.folder, 'elsewhere');
    gitIn(workspace.path, 'worktree', 'move', workspace.path, elsewhere);
    await expect(workspaces.inspect(workspace)).rejects.toMatchObject({ code: 'WORKSPACE_BROKEN' });
    await workspaces.remove(repository, workspace);
    expect(temporary.leftovers()).toEqual([]);
  });

  it('that was killed while it wrote its branch does not keep it from being removed', async () => {
    using temporary = new TemporaryRepository();
    const { repository, workspaces, workspace } = await sceneOf(temporary);
    writeFileSync(path.join(temporary.path, '.git/refs/heads/bellows/work/one.lock'), '');
    await workspaces.remove(repository, workspace);
    expect(temporary.leftovers()).toEqual([]);
  });

  it('that switched to the branch of the landing and deleted its own one is taken off', async () => {
    using temporary = new TemporaryRepository();
    const { workspace, landing, request } = await sceneOf(temporary);
    gitIn(workspace.path, 'switch', '-q', 'work');
    gitIn(workspace.path, 'branch', '-D', 'bellows/work/one');
    gitIn(workspace.path, 'checkout', '-q', '--detach');
    commitIn(workspace.path, { 'a.txt': 'changed\n' });
    const landingRequest = await request();
    gitIn(workspace.path, 'switch', '-q', 'work');
    expect((await landing.land(landingRequest)).outcome).toBe('landed');
  });

  it('that left a damaged, split or version 4 index is reset all the same', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace, base } = await sceneOf(temporary);
    const deeds = [
      () => gitIn(workspace.path, 'update-index', '--index-version', '4', '--assume-unchanged', 'a.txt'),
      () => gitIn(workspace.path, 'update-index', '--split-index', '--skip-worktree', 'a.txt'),
      () => {
        const index = path.join(temporary.path, '.git/worktrees/one/index');
        const bytes = readFileSync(index);
        bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
        writeFileSync(index, bytes);
      },
    ];
    for (const deed of deeds) {
      deed();
      writeFileSync(path.join(workspace.path, 'a.txt'), 'cheated');
      await workspaces.reset(workspace, base);
      expect(readFileSync(path.join(workspace.path, 'a.txt'), 'utf8')).toBe('a\n');
    }
  });
});

describe('the configuration of a repository', () => {
  it('may say that submodules follow', async () => {
    using temporary = new TemporaryRepository();
    gitIn(temporary.folder, 'clone', '-q', temporary.path, 'inner');
    temporary.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', path.join(temporary.folder, 'inner'), 'sub');
    temporary.commit({});
    temporary.git('config', 'submodule.recurse', 'true');
    const { workspaces, workspace, base } = await sceneOf(temporary);
    expect(readdirSync(workspace.path).sort()).toEqual(['.git', '.gitmodules', 'a.txt', 'b.txt', 'sub']);
    await workspaces.reset(workspace, base);
  });

  it('may be one per worktree, and counts for agents too', async () => {
    using temporary = new TemporaryRepository();
    temporary.git('config', 'extensions.worktreeConfig', 'true');
    temporary.git('config', '--worktree', 'user.name', 'Their name');
    const { workspace, repository, workspaces } = await sceneOf(temporary);
    expect(gitIn(workspace.path, 'config', 'user.name')).toBe('Their name');
    await workspaces.remove(repository, workspace);
    expect(temporary.leftovers()).toEqual([]);
  });

  it('starts nothing of a repository inside of the workspace', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace } = await sceneOf(temporary);
    const called = path.join(temporary.folder, 'called');
    const inner = path.join(workspace.path, 'inner');
    gitIn(workspace.path, 'init', '-q', 'inner');
    writeFileSync(path.join(inner, '.gitattributes'), '* filter=evil\n');
    commitIn(inner, { 'x.txt': 'x\n' });
    gitIn(workspace.path, 'add', 'inner');
    gitIn(inner, 'config', 'filter.evil.clean', `touch '${called}'; cat`);
    writeFileSync(path.join(inner, 'x.txt'), 'y\n');
    expect((await workspaces.inspect(workspace)).uncommitted).toEqual(['inner']);
    expect(existsSync(called)).toBe(false);
  });

  it('may name a filter that hangs: an abort ends what waits for it, and so does a time-out', async () => {
    using temporary = new TemporaryRepository();
    const { workspaces, workspace, base } = await sceneOf(temporary);
    const begun = path.join(temporary.folder, 'begun');
    const commit = commitIn(workspace.path, { '.gitattributes': 'z.txt filter=slow\n', 'z.txt': 'z\n' });
    temporary.git('config', 'filter.slow.smudge', `echo $$ >> '${begun}'; exec sleep 600`);
    await workspaces.reset(workspace, base);
    const controller = new AbortController();
    const resetting = workspaces.reset(workspace, commit, controller.signal);
    while (!existsSync(begun)) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('enough'));
    await expect(resetting).rejects.toThrow('enough');
    await workspaces.reset(workspace, base);
    // whether it has begun by then or not, this one ends soon after its git
    temporary.git('config', 'filter.slow.smudge', 'while kill -0 $PPID; do sleep 0.05; done');
    const timed = runGit(workspace.path, ['checkout', '--force', commit], { timeoutMs: 500 });
    await expect(timed).rejects.toMatchObject({ code: 'GIT_FAILED', message: 'git did not end within 500 ms' });
    while (readFileSync(begun, 'utf8').trim() === '') await new Promise((resolve) => setImmediate(resolve));
    for (const pid of readFileSync(begun, 'utf8').trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
  });
});

describe('a repository whose refs are no files', () => {
  it('is worked on by git alone', async () => {
    using temporary = new TemporaryRepository();
    temporary.git('branch', 'work');
    // what a HEAD looks like beside reftables
    writeFileSync(path.join(temporary.path, '.git/HEAD'), 'ref: refs/heads/.invalid\n');
    const { repository, workspaces, workspace, landing, request } = await sceneOf(temporary);
    commitIn(workspace.path, { 'a.txt': 'changed\n' });
    expect((await landing.land(await request())).outcome).toBe('landed');
    gitIn(workspace.path, 'switch', '-q', 'work');
    expect(await repository.checkedOutAt('work')).toBe(workspace.path);
    await workspaces.remove(repository, workspace);
    writeFileSync(path.join(temporary.path, '.git/HEAD'), 'ref: refs/heads/main\n');
    expect(temporary.leftovers()).toEqual([]);
  });
});

describe('a branch that a person uses', () => {
  it('does not move when it was checked out while the work was verified', async () => {
    using temporary = new TemporaryRepository();
    const { landing, request, workspace, workspaces, repository, base } = await sceneOf(temporary);
    commitIn(workspace.path, { 'a.txt': 'one\n' });
    await landing.land(await request());
    const two = await workspaces.create(repository, { name: 'two', base });
    commitIn(two.path, { 'b.txt': 'two\n' });
    const tip = temporary.git('rev-parse', 'work');
    const verify = async () => {
      temporary.git('switch', '-q', 'work');
      return { passed: true, message: '' };
    };
    const late = await request({ ...(await workspaces.inspect(two)), workspace: two, verify });
    await expect(landing.land(late)).rejects.toMatchObject({ code: 'BRANCH_CHECKED_OUT' });
    expect([temporary.git('rev-parse', 'work'), temporary.git('status', '--porcelain')]).toEqual([tip, '']);
  });

  it('is known by the name of an alias too', async () => {
    using temporary = new TemporaryRepository();
    const { landing, request, workspace } = await sceneOf(temporary);
    commitIn(workspace.path, { 'a.txt': 'one\n' });
    temporary.git('symbolic-ref', 'refs/heads/trunk', 'refs/heads/main');
    const refused = { code: 'BRANCH_CHECKED_OUT', data: { folder: temporary.path } };
    await expect(landing.land(await request({ branch: 'trunk' }))).rejects.toMatchObject(refused);
    temporary.git('symbolic-ref', 'HEAD', 'refs/heads/trunk');
    await expect(landing.land(await request({ branch: 'main' }))).rejects.toMatchObject(refused);
    expect(temporary.git('status', '--porcelain')).toBe('');
  });

  it('waits for a git of theirs that holds the index for a moment', async () => {
    using temporary = new TemporaryRepository();
    const { landing, request, workspace } = await sceneOf(temporary);
    commitIn(workspace.path, { 'a.txt': 'one\n' });
    const lock = path.join(temporary.path, '.git/index.lock');
    const onCandidate = () => {
      writeFileSync(lock, '');
      setTimeout(() => rmSync(lock), 50);
    };
    const allowed = await request({ branch: 'main', landOnCheckedOut: true, onCandidate });
    expect((await landing.land(allowed)).outcome).toBe('landed');
    expect([readFileSync(path.join(temporary.path, 'a.txt'), 'utf8'), temporary.git('status', '--porcelain')]).toEqual(['one\n', '']);
  });

  it('has its files in a submodule where they are, not inside of .git', async () => {
    using outer = new TemporaryRepository();
    using temporary = new TemporaryRepository();
    outer.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', temporary.path, 'sub');
    const sub = path.join(outer.path, 'sub');
    const repository = await openRepository(sub);
    expect(repository.commonDir).toBe(path.join(outer.path, '.git/modules/sub'));
    expect(await repository.checkedOutAt('main')).toBe(sub);
  });
});

describe('whether a commit has landed', () => {
  it('is not answered with no when git could not look', async () => {
    using temporary = new TemporaryRepository();
    const { landing, repository, base } = await sceneOf(temporary);
    expect(await landing.hasLanded(repository, 'work', '1'.repeat(40))).toBe(false);
    const second = temporary.commit({ 'c.txt': 'c\n' });
    temporary.git('update-ref', 'refs/heads/work', second);
    const object = path.join(temporary.path, '.git/objects', base.slice(0, 2), base.slice(2));
    chmodSync(object, 0o644);
    writeFileSync(object, 'garbage');
    await expect(landing.hasLanded(repository, 'work', base)).rejects.toMatchObject({ code: 'GIT_FAILED' });
  });
});
