import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { COMMIT, checkoutOf, git, newRepository, shellAgent } from './git-samples.js';
import type { Answer } from './http-client.js';
import { isRunning } from './processes.js';
import { HARNESS, type RunningHost, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

/** As patient with its agents as any: git may take long on a busy machine. */
const PATIENT = { scale: { minWorkers: 4 }, maxAttempts: 1, killGraceMs: 200 };
/** For agents that do nothing. */
const IMPATIENT = { ...PATIENT, scale: { ...PATIENT.scale, healthCheckIntervalMs: 100, workerStallTimeoutMs: 1_500 } };
const ISSUE = [{ id: 'one', title: 'Do it', body: '' }];

let host: RunningHost;
const codeOf = ({ status, json }: Answer) => [status, json.error?.code];

function harness(of: RunningHost, name: string, input: unknown): Promise<Answer> {
  return of.call(`harness.${name}`, input, { authorization: `Bearer ${of.token}` });
}

function start(config: object = PATIENT): Promise<RunningHost> {
  return startHost({ config: { plugins: { harness: { from: HARNESS, config } } } });
}

async function run(agent: string, more: object = {}, of = host) {
  const repo = newRepository();
  const before = checkoutOf(repo);
  const answer = await harness(of, 'run', { repo, branch: 'work', issues: ISSUE, agent: shellAgent(agent), verify: ['true'], ...more });
  expect(checkoutOf(repo)).toEqual(before);
  return { repo, answer, json: answer.json };
}

const leftovers = (repo: string) => [
  git(repo, 'worktree', 'list', '--porcelain').match(/^worktree /gm)?.length,
  git(repo, 'branch', '--list', 'bellows/work/*'),
];

/** Pids that an agent wrote down; they must not run any more. */
function pidsIn(file: string): number[] {
  return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean).map(Number);
}

beforeAll(async () => {
  host = await start();
});

describe('an agent', () => {
  it('that commits lands, with a commit of its own on the branch', async () => {
    const { repo, json } = await run(COMMIT);
    expect(json).toMatchObject({ status: 'completed', failed: [], landed: [{ issue: 'one', commit: git(repo, 'rev-parse', 'work') }] });
    expect(git(repo, 'show', 'work:done-one.txt')).toBe('one');
    expect(leftovers(repo)).toEqual([1, '']);
  });

  it('that exits 0 without a commit fails with no_commit', async () => {
    const { repo, json } = await run('echo I am done; echo new > file.txt');
    expect(json).toMatchObject({
      status: 'failed',
      landed: [],
      failed: [{ issue: 'one', reason: expect.stringMatching(/^no_commit/), attempts: 1 }],
    });
    expect(git(repo, 'branch', '--list', 'work')).toBe('');
    expect(leftovers(repo)).toEqual([1, '']);
  });

  it('that fails is told apart from one that cannot be started', async () => {
    expect((await run(`${COMMIT}; exit 3`)).json.failed[0].reason).toMatch(/^agent_failed/);
    const { json, answer } = await run('true', { agent: { driver: 'plain', command: ['/nobody/has/this'] } });
    expect(answer.status === 200 ? json.failed[0].reason : json.error.code).toMatch(/^(agent_not_started|COMMAND_NOT_STARTED)/);
  });

  it('whose work the verification refuses does not land', async () => {
    const { repo, json } = await run(COMMIT, { verify: ['sh', '-c', 'test ! -e done-one.txt'] });
    expect(json.failed[0].reason).toMatch(/^verification_failed/);
    expect(git(repo, 'branch', '--list', 'work')).toBe('');
  });

  it('that hangs is ended as stalled, and nothing of it is left; one that ignores SIGTERM is killed', async () => {
    const pids = path.join(tempFolder(), 'pids');
    const impatient = await start(IMPATIENT);
    const hang = `echo $$ >> ${pids}; sleep 3600`;
    const [hanging, deaf] = await Promise.all([run(hang, {}, impatient), run(`trap '' TERM INT HUP; ${hang}; sleep 3600`, {}, impatient)]);
    for (const { repo, json } of [hanging, deaf]) {
      expect(json.failed[0].reason).toMatch(/^stalled/);
      expect(leftovers(repo)).toEqual([1, '']);
    }
    expect(pidsIn(pids)).toHaveLength(2);
    for (const pid of pidsIn(pids)) expect(isRunning(pid)).toBe(false);
    expect((await impatient.stop()).code).toBe(0);
  });

  it('that forks leaves no process behind, not even one in a session of its own', async () => {
    const pids = path.join(tempFolder(), 'pids');
    const fork = `setsid sh -c 'echo $$ >> ${pids}; exec sleep 3600' & sh -c 'echo $$ >> ${pids}; exec sleep 3600' &`;
    const { json } = await run(`${fork} until test "$(cat ${pids} 2>/dev/null | wc -l)" = 2; do sleep 0.05; done; ${COMMIT}`);
    expect(json.status).toBe('completed');
    expect(pidsIn(pids)).toHaveLength(2);
    for (const pid of pidsIn(pids)) await until(`the end of ${pid}`, () => !isRunning(pid));
  });

  it('that floods its output is cut and lands, and the host stays small', async () => {
    const { json } = await run(`head -c 250000000 /dev/zero | tr '\\0' 'x'; ${COMMIT}`);
    expect(json.status).toBe('completed');
    // half of it is what a host has at most; one that keeps what it reads has more than the flood
    const peakKib = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))?.[1]);
    expect(peakKib).toBeLessThan(320 * 1024);
  });

  it('that destroys its workspace fails, and the repository is as before', async () => {
    const { repo, json } = await run('rm -rf .git ./*; exit 0');
    expect(json.status).toBe('failed');
    expect(leftovers(repo)).toEqual([1, '']);
  });
});

describe('a target', () => {
  const job = (repo: string, more: object = {}) => ({ repo, issues: ISSUE, agent: shellAgent(COMMIT), verify: ['true'], ...more });

  it('that is no git repository, or has no commit, is refused', async () => {
    expect(codeOf(await harness(host, 'start', job(tempFolder())))).toEqual([400, 'REPO_INVALID']);
    expect(codeOf(await harness(host, 'start', job('/nobody/has/this')))).toEqual([400, 'REPO_INVALID']);
    const empty = tempFolder();
    git(empty, 'init', '--quiet');
    expect(codeOf(await harness(host, 'start', job(empty)))).toEqual([400, 'REPO_EMPTY']);
  });

  it('that is dirty keeps its changes: agents work from the commit, and the answer warns', async () => {
    const repo = newRepository();
    writeFileSync(path.join(repo, 'shared.txt'), 'mine\n');
    const before = checkoutOf(repo);
    const { json } = await harness(host, 'run', job(repo, { branch: 'work' }));
    expect(json.status).toBe('completed');
    expect(checkoutOf(repo)).toEqual(before);
    expect(readFileSync(path.join(repo, 'shared.txt'), 'utf8')).toBe('mine\n');
    expect((await harness(host, 'get', { id: json.id })).json.warnings.join()).toContain('shared.txt');
  });

  it('branch that somebody has checked out is refused unless asked, and then only when clean', async () => {
    const repo = newRepository();
    expect(codeOf(await harness(host, 'start', job(repo, { branch: 'main' })))).toEqual([409, 'BRANCH_CHECKED_OUT']);
    const { json } = await harness(host, 'run', job(repo, { branch: 'main', landOnCheckedOut: true }));
    expect(json.status).toBe('completed');
    expect(readFileSync(path.join(repo, 'done-one.txt'), 'utf8')).toBe('one\n');
    expect(git(repo, 'status', '--porcelain')).toBe('');
    writeFileSync(path.join(repo, 'shared.txt'), 'mine\n');
    expect(codeOf(await harness(host, 'start', job(repo, { branch: 'main', landOnCheckedOut: true })))).toEqual([409, 'REPO_DIRTY']);
    expect(readFileSync(path.join(repo, 'shared.txt'), 'utf8')).toBe('mine\n');
  });

  it('needs the token of the host, also by way of a workflow', async () => {
    expect(codeOf(await host.call('harness.start', job(newRepository())))).toEqual([401, 'TOKEN_NEEDED']);
  });

  it('takes several issues at once, in the order of their dependencies, from a Markdown list', async () => {
    const repo = newRepository();
    writeFileSync(
      path.join(repo, 'ISSUES.md'),
      '- [ ] First {#first}\n  its body\n- [ ] Second {#second after:#first}\n- [ ] Third {#third}\n- [x] Done {#done}\n- [ ] Last {#last after:#second after:#third}\n',
    );
    const agent = shellAgent(`test "$BELLOWS_ISSUE_ID" != second || test -e done-first.txt || exit 9; ${COMMIT}`);
    const { json } = await harness(host, 'run', job(repo, { branch: 'work', issues: { file: 'ISSUES.md' }, agent }));
    expect(json.failed).toEqual([]);
    expect(json.landed.map(({ issue }: { issue: string }) => issue).sort()).toEqual(['first', 'last', 'second', 'third']);
    expect(git(repo, 'ls-tree', '--name-only', 'work').split('\n')).toEqual(expect.arrayContaining(['done-first.txt', 'done-last.txt']));
    for (const { commit } of json.landed) expect(git(repo, 'rev-list', '--first-parent', 'work').split('\n')).toContain(commit);
  });

  it('gets conflicting work once and reports the rest', async () => {
    const issues = ['a', 'b', 'c'].map((id) => ({ id, title: id, body: '' }));
    // each begins before any has landed
    const begun = tempFolder();
    const agent = shellAgent(
      `touch ${begun}/$BELLOWS_ISSUE_ID; until test "$(ls ${begun} | wc -l)" = 3; do sleep 0.05; done;
      sed -i "s/^two$/two by $BELLOWS_ISSUE_ID/" shared.txt; git commit --quiet -am "$BELLOWS_ISSUE_ID"`,
    );
    const { json, repo } = await run('', { issues, agent });
    expect(json.landed).toHaveLength(1);
    expect(json.failed.map(({ reason }: { reason: string }) => reason.split(/[: ]/)[0])).toEqual(['conflict', 'conflict']);
    expect(git(repo, 'show', 'work:shared.txt')).toBe(`one\ntwo by ${json.landed[0].issue}\nthree`);
  });
});

describe('two hosts on one repository', () => {
  it('land on branches of their own at the same time, and never on the same one', async () => {
    const repo = newRepository();
    const goOn = path.join(tempFolder(), 'go-on');
    const other = await start();
    const issues = Array.from({ length: 6 }, (_, index) => ({ id: `i${index}`, title: `Issue ${index}`, body: '' }));
    const job = (branch: string, script = COMMIT) => ({ repo, branch, issues, agent: shellAgent(script), verify: ['true'] });
    const long = await harness(host, 'start', job('shared', `while ! test -e ${goOn}; do sleep 0.05; done; ${COMMIT}`));
    expect(long.status).toBe(200);
    expect(codeOf(await harness(other, 'start', job('shared')))).toEqual([409, 'BRANCH_IN_USE']);
    writeFileSync(goOn, '');
    const answers = await Promise.all([harness(host, 'run', job('left')), harness(other, 'run', job('right'))]);
    for (const { json } of answers) expect([json.failed, json.landed.length]).toEqual([[], 6]);
    await until('the end of the first job', async () => (await harness(host, 'get', { id: long.json.id })).json.status === 'completed');
    const after = await harness(other, 'run', job('shared', `date > again-$BELLOWS_ISSUE_ID; git add -A; git commit -qm again`));
    expect(after.json.status).toBe('completed');
    expect(git(repo, 'rev-list', '--first-parent', '--count', 'shared')).toBe('13');
    expect(leftovers(repo)).toEqual([1, '']);
  });
});
