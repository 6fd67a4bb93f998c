import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Workspaces } from '../../src/git/workspaces.js';
import type { Workspace } from '../../src/jobs/session-contracts.js';
import { Child } from './child.js';
import { commitIn, gitIn, TemporaryRepository } from './temporary-repository.js';

async function withWorkspace(work: (scene: Scene) => Promise<void>): Promise<void> {
  using temporary = new TemporaryRepository();
  const repository = await temporary.open();
  const workspaces = temporary.workspaces();
  const base = temporary.git('rev-parse', 'main');
  const workspace = await workspaces.create(repository, { name: 'one', base });
  await work({ temporary, repository, workspaces, workspace, base });
}

interface Scene {
  readonly temporary: TemporaryRepository;
  readonly repository: Awaited<ReturnType<TemporaryRepository['open']>>;
  readonly workspaces: Workspaces;
  readonly workspace: Workspace;
  readonly base: string;
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}${at}`);

describe('a workspace', () => {
  it('has the files of its base on a branch of its own without upstream', async () => {
    await withWorkspace(async ({ workspace, base }) => {
      expect(gitIn(workspace.path, 'status', '--porcelain=v2', '--branch')).toBe(`# branch.oid ${base}\n# branch.head bellows/work/one`);
      expect(readdirSync(workspace.path).sort()).toEqual(['.git', 'a.txt', 'b.txt']);
    });
  });

  it('is removed with everything, twice and at the same time', async () => {
    await withWorkspace(async ({ temporary, repository, workspaces, workspace }) => {
      gitIn(workspace.path, 'config', 'branch.bellows/work/one.remote', 'origin');
      await Promise.all([1, 2, 3].map(() => workspaces.remove(repository, workspace)));
      await workspaces.remove(repository, workspace);
      expect(temporary.leftovers()).toEqual([]);
      expect(readFileSync(path.join(temporary.path, '.git/config'), 'utf8')).not.toContain('bellows');
    });
  });

  it('is removed whatever the agent did to it', async () => {
    const deeds: Readonly<Record<string, (folder: string, temporary: TemporaryRepository) => void>> = {
      'without .git': (folder) => rmSync(path.join(folder, '.git')),
      'without folder': (folder) => rmSync(folder, { recursive: true }),
      'moved away': (folder) => renameSync(folder, `${folder}-moved`),
      'on another branch': (folder) => gitIn(folder, 'switch', '-q', '-c', 'bellows/work/other'),
      locked: (folder) => gitIn(folder, 'worktree', 'lock', folder),
      'read-only': (folder) => {
        mkdirSync(path.join(folder, 'cache/deep'), { recursive: true });
        chmodSync(path.join(folder, 'cache/deep'), 0o500);
        chmodSync(path.join(folder, 'cache'), 0o500);
      },
      'with a link to the repository': (folder, temporary) => symlinkSync(temporary.path, path.join(folder, 'link')),
    };
    for (const [deed, act] of Object.entries(deeds)) {
      await withWorkspace(async ({ temporary, repository, workspaces, workspace }) => {
        act(workspace.path, temporary);
        await workspaces.remove(repository, workspace);
        rmSync(`${workspace.path}-moved`, { recursive: true, force: true });
        if (deed === 'on another branch') temporary.git('branch', '-D', 'bellows/work/other');
        expect([deed, temporary.leftovers()]).toEqual([deed, []]);
        expect(readFileSync(path.join(temporary.path, 'a.txt'), 'utf8')).toBe('a\n');
      });
    }
  });

  it('is never removed where another host or nobody keeps workspaces', async () => {
    await withWorkspace(async ({ temporary, repository, workspaces, workspace }) => {
      for (const wrong of [
        { name: 'repository', path: temporary.path },
        { name: '..', path: path.join(workspace.path, '..') },
      ]) {
        await expect(workspaces.remove(repository, wrong)).rejects.toMatchObject({ code: 'WORKSPACE_FAILED' });
      }
      expect(existsSync(temporary.path) && existsSync(workspace.path)).toBe(true);
    });
  });

  it('is refused for a bad name, a base that is none, or a name that is taken, and leaves nothing behind', async () => {
    await withWorkspace(async ({ temporary, repository, workspaces, workspace, base }) => {
      for (const name of ['', '../x', '-x', 'a b', 'x.lock', 'a..b', 'x'.repeat(101), 'x\n']) {
        await expect(workspaces.create(repository, { name, base })).rejects.toMatchObject({ code: 'WORKSPACE_FAILED' });
      }
      await expect(workspaces.create(repository, { name: 'two', base: '1'.repeat(40) })).rejects.toMatchObject({
        code: 'WORKSPACE_FAILED',
      });
      await expect(workspaces.create(repository, { name: 'one', base })).rejects.toMatchObject({ code: 'WORKSPACE_FAILED' });
      temporary.git('branch', 'bellows/work/three');
      await expect(workspaces.create(repository, { name: 'three', base })).rejects.toMatchObject({ code: 'WORKSPACE_FAILED' });
      expect(temporary.git('branch', '--list', 'bellows/work/*', '--format=%(refname:short)')).toBe('bellows/work/one\nbellows/work/three');
      expect((await workspaces.inspect(workspace)).commit).toBe(base);
      expect(readdirSync(path.dirname(workspace.path))).toEqual(['one']);
    });
  });

  it('leaves nothing behind when it is aborted while it is made, at whatever step', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const workspaces = temporary.workspaces();
    const base = temporary.git('rev-parse', 'main');
    for (let turns = 0; turns < 40; turns += 4) {
      const controller = new AbortController();
      const all = names('x', 4).map((name) => workspaces.create(repository, { name, base, signal: controller.signal }));
      const outcomes = Promise.allSettled(all);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error('enough'));
      for (const [at, outcome] of (await outcomes).entries()) {
        if (outcome.status === 'fulfilled') await workspaces.remove(repository, outcome.value);
        else expect([at, String(outcome.reason)]).toEqual([at, 'Error: enough']);
      }
      expect(temporary.leftovers()).toEqual([]);
    }
  });
});

describe('what an agent left', () => {
  it('is the commit of HEAD with its tree, and without one the files that were not committed, with odd names', async () => {
    await withWorkspace(async ({ workspaces, workspace, base, temporary }) => {
      mkdirSync(path.join(temporary.path, '.git/info'), { recursive: true });
      writeFileSync(path.join(temporary.path, '.git/info/exclude'), 'ignored\n');
      const tree = gitIn(workspace.path, 'rev-parse', `${base}^{tree}`);
      for (const name of ['a.txt', 'ignored', '-new\nfile', 'ü "q"']) writeFileSync(path.join(workspace.path, name), 'changed');
      expect(await workspaces.inspect(workspace)).toEqual({ commit: base, tree, uncommitted: ['a.txt', '-new\nfile', 'ü "q"'] });
      const commit = commitIn(workspace.path, { '-odd\nname ü "q".txt': 'x' });
      writeFileSync(path.join(workspace.path, 'a.txt'), 'changed again');
      const own = { commit, tree: gitIn(workspace.path, 'rev-parse', 'HEAD^{tree}') };
      expect(await workspaces.inspect(workspace)).toEqual({ ...own, uncommitted: [] });
    });
  });

  it('is found to come from the base behind more commits than are looked at first', async () => {
    await withWorkspace(async ({ workspaces, workspace }) => {
      let commit = '';
      for (let made = 0; made < 55; made++) commit = gitIn(workspace.path, 'commit-tree', '-p', commit || 'HEAD', '-m', 'x', 'HEAD^{tree}');
      gitIn(workspace.path, 'reset', '-q', '--hard', commit);
      expect((await workspaces.inspect(workspace)).commit).toBe(commit);
    });
  });

  it('counts on another branch, without a branch, in the middle of a rebase and with a lock file', async () => {
    const deeds: readonly ((folder: string) => void)[] = [
      (folder) => gitIn(folder, 'switch', '-q', '-c', 'mine'),
      (folder) => gitIn(folder, 'checkout', '-q', '--detach'),
      (folder) => writeFileSync(path.join(gitIn(folder, 'rev-parse', '--absolute-git-dir'), 'index.lock'), ''),
      (folder) => {
        commitIn(folder, { 'a.txt': 'theirs\n' });
        gitIn(folder, 'checkout', '-q', '-b', 'mine', 'HEAD~');
        commitIn(folder, { 'a.txt': 'ours\n' });
        expect(() => gitIn(folder, 'rebase', 'bellows/work/one')).toThrow();
      },
    ];
    for (const act of deeds) {
      await withWorkspace(async ({ workspaces, workspace }) => {
        commitIn(workspace.path, { 'c.txt': 'c\n' });
        act(workspace.path);
        const { commit } = await workspaces.inspect(workspace);
        expect(commit).toBe(gitIn(workspace.path, 'rev-parse', 'HEAD'));
        await workspaces.reset(workspace, commit);
        expect(await workspaces.inspect(workspace)).toMatchObject({ commit, uncommitted: [] });
      });
    }
  });

  it('is refused without its folder, with another .git, or with a history that does not come from the base', async () => {
    const deeds: readonly ((folder: string, temporary: TemporaryRepository) => void)[] = [
      (folder) => rmSync(folder, { recursive: true }),
      (folder) => rmSync(path.join(folder, '.git')),
      (folder) => {
        rmSync(path.join(folder, '.git'));
        gitIn(folder, 'init', '-q');
        commitIn(folder, {});
      },
      (folder, temporary) => {
        rmSync(folder, { recursive: true });
        gitIn(temporary.folder, 'clone', '-q', temporary.path, folder);
      },
      (folder) => {
        gitIn(folder, 'checkout', '-q', '--orphan', 'other');
        commitIn(folder, {});
      },
      (folder) => gitIn(folder, 'checkout', '-q', '--orphan', 'unborn'),
      (folder, temporary) => writeFileSync(path.join(folder, '.git'), `gitdir: ${path.join(temporary.path, '.git')}\n`),
      (folder) => writeFileSync(path.join(gitIn(folder, 'rev-parse', '--absolute-git-dir'), 'index'), 'garbage'),
    ];
    for (const [at, act] of deeds.entries()) {
      await withWorkspace(async ({ temporary, workspaces, workspace }) => {
        act(workspace.path, temporary);
        await expect([at, await workspaces.inspect(workspace).catch((error) => error.code)]).toEqual([at, 'WORKSPACE_BROKEN']);
      });
    }
  });
});

describe('resetting a workspace', () => {
  it('leaves the files of the commit and ignored ones only', async () => {
    await withWorkspace(async ({ workspaces, workspace, base }) => {
      const commit = commitIn(workspace.path, { '.gitignore': 'cache\n', 'c.txt': 'c\n' });
      for (const name of ['a.txt', 'new', 'cache', 'folder/new']) {
        mkdirSync(path.dirname(path.join(workspace.path, name)), { recursive: true });
        writeFileSync(path.join(workspace.path, name), 'changed');
      }
      gitIn(workspace.path, 'init', '-q', 'nested');
      await workspaces.reset(workspace, commit);
      expect(readdirSync(workspace.path).sort()).toEqual(['.git', '.gitignore', 'a.txt', 'b.txt', 'c.txt', 'cache']);
      expect(readFileSync(path.join(workspace.path, 'a.txt'), 'utf8')).toBe('a\n');
      await workspaces.reset(workspace, base);
      expect(existsSync(path.join(workspace.path, 'c.txt'))).toBe(false);
    });
  });

  it('does not move a branch that the agent switched to', async () => {
    await withWorkspace(async ({ temporary, workspaces, workspace, base }) => {
      temporary.git('branch', 'shared');
      gitIn(workspace.path, 'switch', '-q', 'shared');
      const other = temporary.git('commit-tree', '-p', base, '-m', 'other', `${base}^{tree}`);
      await workspaces.reset(workspace, other);
      expect(temporary.git('rev-parse', 'shared')).toBe(base);
      expect((await workspaces.inspect(workspace)).commit).toBe(other);
    });
  });

  it('finds changes that the agent told git to overlook', async () => {
    for (const flag of ['--assume-unchanged', '--skip-worktree']) {
      await withWorkspace(async ({ workspaces, workspace, base }) => {
        gitIn(workspace.path, 'update-index', flag, 'a.txt');
        writeFileSync(path.join(workspace.path, 'a.txt'), 'cheated');
        await workspaces.reset(workspace, base);
        expect(readFileSync(path.join(workspace.path, 'a.txt'), 'utf8')).toBe('a\n');
      });
    }
  });

  it('brings back what a sparse checkout or a damaged index left out', async () => {
    await withWorkspace(async ({ temporary, workspaces, workspace, base }) => {
      const commit = commitIn(workspace.path, { 'sub/c.txt': 'c\n' });
      gitIn(workspace.path, 'sparse-checkout', 'set', 'nothing');
      expect(existsSync(path.join(workspace.path, 'sub'))).toBe(false);
      await workspaces.reset(workspace, commit);
      expect(existsSync(path.join(workspace.path, 'sub/c.txt'))).toBe(true);
      writeFileSync(path.join(temporary.path, '.git/worktrees/one/index'), 'garbage');
      await workspaces.reset(workspace, base);
      expect(await workspaces.inspect(workspace)).toMatchObject({ commit: base, uncommitted: [] });
    });
  });
});

describe('a sweep', () => {
  it('removes what no session needs, also without folder, and nothing of others', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const base = temporary.git('rev-parse', 'main');
    const before = temporary.workspaces();
    const [, gone] = await Promise.all(['kept', 'gone', 'stray'].map((name) => before.create(repository, { name, base })));
    rmSync(gone!.path, { recursive: true });
    mkdirSync(path.join(path.dirname(gone!.path), 'half-made'));
    temporary.git('worktree', 'add', '-q', '-b', 'mine', path.join(temporary.folder, 'mine'));
    const otherHost = new Workspaces({ folder: path.join(temporary.folder, 'other-host') });
    const other = await otherHost.create(repository, { name: 'other', base });

    const after = temporary.workspaces();
    const own = await after.create(repository, { name: 'own', base });
    expect(await after.sweep(repository, new Set(['kept']))).toEqual(['gone', 'half-made', 'stray']);
    expect(await after.sweep(repository, new Set(['kept']))).toEqual([]);
    const branches = 'bellows/work/kept\nbellows/work/other\nbellows/work/own\nmain\nmine';
    expect(temporary.git('branch', '--format=%(refname:short)')).toBe(branches);
    expect(readdirSync(path.dirname(own.path)).sort()).toEqual(['kept', 'own']);
    expect(existsSync(other.path)).toBe(true);
    expect(temporary.git('worktree', 'list').split('\n')).toHaveLength(5);
  });

  it('takes no workspace away that is being made at the same time', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const workspaces = temporary.workspaces();
    const base = temporary.git('rev-parse', 'main');
    const making = Promise.all(names('x', 8).map((name) => workspaces.create(repository, { name, base })));
    let made = false;
    void making.then(() => (made = true));
    while (!made) expect(await workspaces.sweep(repository, new Set())).toEqual([]);
    for (const workspace of await making) expect((await workspaces.inspect(workspace)).uncommitted).toEqual([]);
  });

  it('cleans up after a process that was killed while it made workspaces', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    for (const word of ['begins', 'made']) {
      const child = new Child('create-workspaces.mjs', temporary.path, path.join(temporary.folder, 'workspaces'), 'killed', '12');
      await child.says(word);
      expect(await child.kill()).toBe('SIGKILL');
      // a git that the dead process had started may still write, also while it is swept
      for (let isLast = false; !isLast; ) {
        isLast = !(await child.hasHeirs());
        await temporary.workspaces().sweep(repository, new Set());
      }
      expect(temporary.leftovers()).toEqual([]);
    }
    expect(temporary.git('fsck', '--no-dangling')).toBe('');
  });
});

describe('many workspaces at once', () => {
  it('never fail, also when other processes make some in the same repository', async () => {
    using temporary = new TemporaryRepository();
    const repository = await temporary.open();
    const workspaces = temporary.workspaces();
    const base = temporary.git('rev-parse', 'main');
    const children = ['x', 'y'].map(
      (prefix) => new Child('create-workspaces.mjs', temporary.path, path.join(temporary.folder, `workspaces-${prefix}`), prefix, '15'),
    );
    await Promise.all(children.map((child) => child.says('begins')));
    const made = await Promise.all(names('z', 60).map((name) => workspaces.create(repository, { name, base })));
    await Promise.all(children.map((child) => child.says('made')));
    await Promise.all(children.map((child) => child.kill()));
    expect(temporary.git('worktree', 'list').split('\n')).toHaveLength(91);
    for (const { path: folder } of made) expect(readdirSync(folder).sort()).toEqual(['.git', 'a.txt', 'b.txt']);
    await Promise.all([
      ...made.map((workspace) => workspaces.remove(repository, workspace)),
      ...['x', 'y'].map((prefix) =>
        new Workspaces({ folder: path.join(temporary.folder, `workspaces-${prefix}`) }).sweep(repository, new Set()),
      ),
    ]);
    expect(temporary.leftovers()).toEqual([]);
  });
});
