import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Landing } from '../../src/git/landing.js';
import type { Workspaces } from '../../src/git/workspaces.js';
import type { IRepository, LandingRequest, Workspace } from '../../src/jobs/session-contracts.js';
import { Child } from './child.js';
import { commitIn, gitIn, TemporaryRepository } from './temporary-repository.js';

interface Scene {
  readonly repository: IRepository;
  readonly workspaces: Workspaces;
  readonly landing: Landing;
  /** A workspace at the tip of `work` with one commit of `files`. */
  work(name: string, files: Readonly<Record<string, string>>): Promise<Work>;
}

interface Work {
  readonly workspace: Workspace;
  readonly commit: string;
  /** Trees that `verify` was called with. */
  readonly verified: string[];
  readonly candidates: string[];
  request(overrides?: Partial<LandingRequest>): LandingRequest;
}

async function sceneOf(temporary: TemporaryRepository): Promise<Scene> {
  const repository = await temporary.open();
  const workspaces = temporary.workspaces();
  const work = async (name: string, files: Readonly<Record<string, string>>): Promise<Work> => {
    const workspace = await workspaces.create(repository, { name, base: await repository.ensureBranch('work') });
    const commit = commitIn(workspace.path, files, name);
    const verified: string[] = [];
    const candidates: string[] = [];
    const verify = async (tree: string) => {
      verified.push(tree);
      return { passed: true, message: '' };
    };
    const onCandidate = (candidate: string) => void candidates.push(candidate);
    const tree = gitIn(workspace.path, 'rev-parse', 'HEAD^{tree}');
    const plain = {
      repository,
      branch: 'work',
      workspace,
      commit,
      tree,
      message: `Land ${name}`,
      landOnCheckedOut: false,
      verify,
      onCandidate,
    };
    return { workspace, commit, verified, candidates, request: (overrides = {}) => ({ ...plain, ...overrides }) };
  };
  return { repository, workspaces, landing: new Landing({ workspaces }), work };
}

const passed = { passed: true, message: '' };

describe('landing', () => {
  it('makes a merge commit whose first parent is the old tip, by Bellows, without touching the checkout', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work, repository } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'changed\n' });
    const tip = temporary.git('rev-parse', 'work');
    const result = await landing.land(one.request({ message: 'Subject\n\nBellows-Job: j\n' }));
    expect(result).toEqual({ outcome: 'landed', commit: temporary.git('rev-parse', 'work') });
    expect(temporary.git('log', '-1', '--format=%P|%an|%cn|%ce|%B', 'work')).toBe(
      `${tip} ${one.commit}|Bellows|Bellows|bellows@localhost|Subject\n\nBellows-Job: j`,
    );
    expect(temporary.git('status', '--porcelain')).toBe('');
    expect(readFileSync(path.join(temporary.path, 'a.txt'), 'utf8')).toBe('a\n');
    expect(await landing.hasLanded(repository, 'work', one.commit)).toBe(true);
    expect(temporary.git('reflog', '-1', '--format=%gs', 'work')).toBe(`bellows: land ${one.commit}`);
  });

  it('does not verify again what was verified on its own, and verifies what came out of two', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    await landing.land(one.request());
    await landing.land(two.request());
    expect(one.verified).toEqual([]);
    expect(two.verified).toEqual([temporary.git('rev-parse', 'work^{tree}')]);
    expect(two.candidates).toEqual([temporary.git('rev-parse', 'work')]);
    expect(gitIn(two.workspace.path, 'rev-parse', 'HEAD')).toBe(two.candidates[0]);
  });

  it('puts the merged files into the workspace before they are verified', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    await landing.land(one.request());
    let seen = '';
    const verify = async () => {
      seen = readFileSync(path.join(two.workspace.path, 'a.txt'), 'utf8') + readFileSync(path.join(two.workspace.path, 'b.txt'), 'utf8');
      return passed;
    };
    await landing.land(two.request({ verify }));
    expect(seen).toBe('one\ntwo\n');
  });

  it('names the files that conflict, odd names included, and moves nothing', async () => {
    using temporary = new TemporaryRepository();
    const odd = '-line\nbreak ü.txt';
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n', [odd]: '1\n' });
    const two = await work('two', { 'a.txt': 'two\n', [odd]: '2\n' });
    const landed = await landing.land(one.request());
    const result = await landing.land(two.request());
    expect(result).toEqual({ outcome: 'conflict', files: [odd, 'a.txt'] });
    expect(landed).toEqual({ outcome: 'landed', commit: temporary.git('rev-parse', 'work') });
    expect(two.candidates).toEqual([]);
  });

  it('never lands a red candidate, and asks again the next time', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    await landing.land(one.request());
    const tip = temporary.git('rev-parse', 'work');
    const red = { passed: false, message: 'exit code 1' };
    const result = await landing.land(two.request({ verifier: 'tests', verify: async () => red }));
    expect(result).toEqual({ outcome: 'rejected', verdict: red });
    expect(temporary.git('rev-parse', 'work')).toBe(tip);
    expect(two.candidates).toEqual([]);
    expect((await landing.land(two.request({ verifier: 'tests' }))).outcome).toBe('landed');
    expect(two.verified).toHaveLength(1);
  });

  it('remembers a verdict for the same verifier only', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    await landing.land(one.request());
    const tip = temporary.git('rev-parse', 'work');
    const again = async (verifier: string | undefined) => {
      temporary.git('update-ref', 'refs/heads/work', tip);
      await landing.land(two.request(verifier === undefined ? {} : { verifier }));
      return two.verified.length;
    };
    expect([await again('x'), await again('x'), await again('y'), await again(undefined), await again(undefined)]).toEqual([1, 1, 2, 3, 4]);
  });

  it('takes what is on the branch already as landed, without another commit', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    await landing.land(one.request());
    const tip = temporary.git('rev-parse', 'work');
    expect(await landing.land(one.request())).toEqual({ outcome: 'landed', commit: one.commit });
    expect(temporary.git('rev-parse', 'work')).toBe(tip);
    expect(one.candidates).toHaveLength(1);
  });

  it('makes a commit for work that changes nothing any more, unless the branch has it', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'same\n' });
    const two = await work('two', { 'a.txt': 'same\n' });
    await landing.land(one.request());
    expect(await landing.land(two.request())).toEqual({ outcome: 'landed', commit: temporary.git('rev-parse', 'work') });
    expect(temporary.git('log', '--first-parent', '--format=%s', 'work')).toBe('Land two\nLand one\nfirst');
    expect(await landing.land(one.request())).toEqual({ outcome: 'landed', commit: one.commit });
    expect(temporary.git('rev-list', '--count', '--min-parents=2', 'work')).toBe('2');
  });

  it('begins again when somebody moved the branch between the verdict and the swap', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    const candidates: string[] = [];
    const onCandidate = (candidate: string) => {
      candidates.push(candidate);
      if (candidates.length === 1) temporary.git('update-ref', 'refs/heads/work', two.commit);
    };
    expect((await landing.land(one.request({ onCandidate }))).outcome).toBe('landed');
    expect(candidates).toHaveLength(2);
    expect(temporary.git('log', '--first-parent', '--format=%s', 'work')).toBe('Land one\ntwo\nfirst');
    expect(one.verified).toHaveLength(1);
  });

  it('gives up when the branch moves every time', async () => {
    using temporary = new TemporaryRepository();
    const { work, workspaces } = await sceneOf(temporary);
    const landing = new Landing({ workspaces, maxAttempts: 3 });
    const one = await work('one', { 'a.txt': 'one\n' });
    let moves = 0;
    const onCandidate = () => {
      const tree = temporary.git('rev-parse', 'work^{tree}');
      temporary.git('update-ref', 'refs/heads/work', temporary.git('commit-tree', '-p', 'work', '-m', `${moves++}`, tree));
    };
    await expect(landing.land(one.request({ onCandidate }))).rejects.toMatchObject({ code: 'LANDING_FAILED' });
    expect(moves).toBe(3);
  });

  it('lands nothing after an abort', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    await landing.land(one.request());
    const tip = temporary.git('rev-parse', 'work');
    const controller = new AbortController();
    const verify = async () => {
      controller.abort(new Error('cancelled'));
      return passed;
    };
    await expect(landing.land(two.request({ verify, signal: controller.signal }))).rejects.toThrow('cancelled');
    expect(temporary.git('rev-parse', 'work')).toBe(tip);
    expect((await landing.land(two.request())).outcome).toBe('landed');
  });

  it('works in a repository with SHA-256', async () => {
    using temporary = new TemporaryRepository('sha256');
    const { landing, work, workspaces, repository } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    expect(await landing.land(one.request())).toEqual({ outcome: 'landed', commit: temporary.git('rev-parse', 'work') });
    expect(one.commit).toHaveLength(64);
    await workspaces.remove(repository, one.workspace);
    expect(temporary.leftovers()).toEqual([]);
  });

  it('refuses names that are none, and lands on a branch that has the name of a tag', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    temporary.git('tag', 'work', one.commit);
    await expect(landing.land(one.request({ branch: '--all' }))).rejects.toMatchObject({ code: 'BRANCH_INVALID' });
    expect((await landing.land(one.request())).outcome).toBe('landed');
    expect(one.candidates).toEqual([temporary.git('rev-parse', 'refs/heads/work')]);
  });
});

describe('many landings at once', () => {
  it('from two processes lose nothing and land each exactly once, one after the other', async () => {
    using temporary = new TemporaryRepository();
    const children = ['x', 'y'].map(
      (prefix) => new Child('land-branches.mjs', temporary.path, path.join(temporary.folder, `workspaces-${prefix}`), prefix, '15'),
    );
    await Promise.all(children.map((child) => child.says('ready')));
    for (const child of children) child.tell('go');
    expect(await Promise.all(children.map((child) => child.end()))).toEqual([0, 0]);
    const expected = ['x', 'y'].flatMap((prefix) => Array.from({ length: 15 }, (_, at) => `${prefix}${at}`)).sort();
    const subjects = temporary.git('log', '--first-parent', '--format=%s', 'work').split('\n');
    expect(subjects.pop()).toBe('first');
    expect([...subjects].sort()).toEqual(expected.map((name) => `Land ${name}`));
    expect(temporary.git('ls-tree', '--name-only', 'work').split('\n').sort()).toEqual([
      'a.txt',
      'b.txt',
      ...expected.map((name) => `${name}.txt`),
    ]);
    expect(temporary.git('rev-list', '--count', '--min-parents=2', 'work')).toBe('30');
  });

  it('go in the order of the calls, and nothing red gets in between', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const all = await Promise.all(Array.from({ length: 12 }, (_, at) => work(`n${at}`, { [`n${at}.txt`]: `${at}\n` })));
    const verify = (at: number) => async () => ({ passed: at % 3 !== 2, message: '' });
    const results = await Promise.all(all.map((one, at) => landing.land(one.request({ verify: verify(at) }))));
    const green = all.map((_, at) => at).filter((at) => at % 3 !== 2);
    expect(results.map((result) => result.outcome)).toEqual(all.map((_, at) => (at % 3 === 2 ? 'rejected' : 'landed')));
    const subjects = temporary.git('log', '--first-parent', '--reverse', '--format=%s', 'work').split('\n').slice(1);
    expect(subjects).toEqual(green.map((at) => `Land n${at}`));
    expect(temporary.git('ls-tree', '--name-only', 'work').split('\n')).not.toContain('n2.txt');
  });

  it('on two branches do not wait for each other', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const first = await work('first', { 'a.txt': 'one\n' });
    const second = await work('second', { 'b.txt': 'two\n' });
    const third = await work('third', { 'c.txt': 'three\n' });
    await landing.land(first.request());
    const outcomes: unknown[] = [];
    const verify = async () => {
      outcomes.push(await landing.land(third.request({ branch: 'other' })));
      return passed;
    };
    expect((await landing.land(second.request({ verify }))).outcome).toBe('landed');
    expect(outcomes).toEqual([{ outcome: 'landed', commit: temporary.git('rev-parse', 'other') }]);
  });

  it('can be aborted while they wait for their turn', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const [first, second, third] = await Promise.all(['a', 'b', 'c'].map((name) => work(name, { [`${name}1`]: '1\n' })));
    await landing.land(first!.request());
    const controller = new AbortController();
    let waiting: Promise<unknown> = Promise.resolve();
    const verify = async () => {
      waiting = landing.land(third!.request({ signal: controller.signal })).catch((error) => error.message);
      await Promise.resolve();
      controller.abort(new Error('cancelled'));
      expect(await waiting).toBe('cancelled');
      return passed;
    };
    expect((await landing.land(second!.request({ verify }))).outcome).toBe('landed');
    expect(third!.candidates).toEqual([]);
  });
});

describe('landing on a branch that is checked out', () => {
  it('is refused unless it was allowed', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const refused = { code: 'BRANCH_CHECKED_OUT', data: { folder: temporary.path } };
    await expect(landing.land(one.request({ branch: 'main' }))).rejects.toMatchObject(refused);
  });

  it('brings the files along when it was allowed', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n', 'new/c.txt': 'c\n' });
    writeFileSync(path.join(temporary.path, 'mine.txt'), 'not tracked');
    expect((await landing.land(one.request({ branch: 'main', landOnCheckedOut: true }))).outcome).toBe('landed');
    expect(temporary.git('status', '--porcelain')).toBe('?? mine.txt');
    expect(readFileSync(path.join(temporary.path, 'a.txt'), 'utf8')).toBe('one\n');
  });

  it('is refused while files there are changed, and names them', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    writeFileSync(path.join(temporary.path, 'b.txt'), 'mine');
    const request = one.request({ branch: 'main', landOnCheckedOut: true });
    await expect(landing.land(request)).rejects.toMatchObject({ code: 'REPO_DIRTY', data: { files: ['b.txt'] } });
    expect(readFileSync(path.join(temporary.path, 'b.txt'), 'utf8')).toBe('mine');
  });

  it('takes the branch back when an untracked file is in the way', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'c.txt': 'one\n' });
    const tip = temporary.git('rev-parse', 'main');
    writeFileSync(path.join(temporary.path, 'c.txt'), 'mine');
    const request = one.request({ branch: 'main', landOnCheckedOut: true });
    await expect(landing.land(request)).rejects.toMatchObject({ code: 'REPO_DIRTY' });
    expect(temporary.git('rev-parse', 'main')).toBe(tip);
    expect(temporary.git('status', '--porcelain')).toBe('?? c.txt');
    expect(readFileSync(path.join(temporary.path, 'c.txt'), 'utf8')).toBe('mine');
  });

  it('takes another agent that had switched to it off the branch, and leaves its files', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work, workspaces } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    const two = await work('two', { 'b.txt': 'two\n' });
    const tip = temporary.git('rev-parse', 'work');
    gitIn(two.workspace.path, 'switch', '-q', 'work');
    writeFileSync(path.join(two.workspace.path, 'b.txt'), 'under way');
    expect((await landing.land(one.request())).outcome).toBe('landed');
    expect(await workspaces.inspect(two.workspace)).toMatchObject({ commit: tip, uncommitted: ['b.txt'] });
    commitIn(two.workspace.path, {});
    expect(temporary.git('rev-parse', 'work')).toBe(one.candidates[0]);
  });

  it('leaves the branch when the agent of the landing itself had switched to it', async () => {
    using temporary = new TemporaryRepository();
    const { landing, work } = await sceneOf(temporary);
    const one = await work('one', { 'a.txt': 'one\n' });
    gitIn(one.workspace.path, 'switch', '-q', 'work');
    expect((await landing.land(one.request())).outcome).toBe('landed');
    expect(existsSync(path.join(one.workspace.path, 'a.txt'))).toBe(true);
    expect(temporary.git('rev-parse', 'work')).toBe(one.candidates[0]);
  });
});
