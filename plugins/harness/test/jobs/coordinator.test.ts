import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { harnessConfigSchema } from '../../src/config.js';
import { Coordinator, type CoordinatorOptions } from '../../src/jobs/coordinator.js';
import type { JobRequest } from '../../src/jobs/job-requests.js';
import { git, makeRepository, rejection, STUB_AGENT, STUB_VERIFY, scratchFolder, stubIssue } from '../running-harness.js';

const QUICK = harnessConfigSchema.parse({ killGraceMs: 200 });

function jobOf(repo: string, issues: ReturnType<typeof stubIssue>[], more: Partial<JobRequest> = {}): JobRequest {
  return { repo, issues, agent: { command: [STUB_AGENT] }, verify: [STUB_VERIFY], ...more };
}

async function withCoordinator(
  work: (coordinator: Coordinator, repo: string, dataDir: string) => Promise<void>,
  options: Partial<CoordinatorOptions> = {},
) {
  await using scratch = await scratchFolder();
  const repo = await makeRepository(scratch.path);
  const dataDir = path.join(scratch.path, 'data');
  const coordinator = new Coordinator({ dataDir }, { cwd: scratch.path, maxWorkers: 4, services: { config: QUICK }, ...options });
  await coordinator.initialize();
  try {
    await work(coordinator, repo, dataDir);
  } finally {
    await coordinator.stop();
  }
}

describe('a coordinator with real agents', () => {
  it('works in the documented form: make, initialize, run', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    const state = { dataDir: path.join(scratch.path, 'data'), jobs: [jobOf('repo', [stubIssue('a'), stubIssue('b')], { branch: 'work' })] };
    const lines: string[] = [];
    const coordinator = new Coordinator(state, {
      cwd: scratch.path,
      maxWorkers: 25,
      enableScaleManager: true,
      scaleConfig: { minWorkers: 4, maxWorkers: 30, targetQueueDepth: 10, maxQueueDepth: 100 },
      services: { display: (text) => lines.push(text) },
    });
    await coordinator.initialize();
    const [report] = await coordinator.run();
    expect(report).toMatchObject({ status: 'completed', landed: [{ issue: 'a' }, { issue: 'b' }], failed: [], branch: 'work' });
    expect((await git(repo, 'ls-tree', '-r', '--name-only', 'work')).split('\n')).toEqual(['README.md', 'stub/a-1.txt', 'stub/b-1.txt']);
    expect(await git(repo, 'log', '-1', '--format=%(trailers:key=Bellows-Job,valueonly)', 'work')).toBe(report?.id);
  });

  it('ends every kind of failure with its reason, and tries it as often as it should', async () => {
    await withCoordinator(async (coordinator, repo, dataDir) => {
      const issues = [
        stubIssue('good'),
        stubIssue('silent', 'no-commit'),
        stubIssue('left', 'uncommitted'),
        stubIssue('code', 'exit=3'),
        stubIssue('killed', 'crash'),
        stubIssue('broken', 'fail-verify'),
        stubIssue('behind', 'ok', { dependsOn: ['broken'] }),
        stubIssue('far-behind', 'ok', { dependsOn: ['behind'] }),
        stubIssue('second-time', 'crash once'),
      ];
      const { id } = await coordinator.start(jobOf(repo, issues));
      const report = await coordinator.wait(id);
      const odd = report.issues.filter(({ reason }) => reason === 'workspace_failed');
      expect(odd).toEqual([]);
      const shown = Object.fromEntries(report.issues.map(({ id: issue, status, reason, attempts }) => [issue, [status, reason, attempts]]));
      expect(shown).toEqual({
        good: ['landed', undefined, 1],
        silent: ['failed', 'no_commit', 3],
        left: ['failed', 'no_commit', 3],
        code: ['failed', 'agent_failed', 3],
        killed: ['failed', 'agent_failed', 3],
        broken: ['failed', 'verification_failed', 3],
        behind: ['failed', 'dependency_failed', 0],
        'far-behind': ['failed', 'dependency_failed', 0],
        'second-time': ['landed', undefined, 2],
      });
      expect(report.status).toBe('partial');
      expect(report.issues.find((issue) => issue.id === 'left')?.message).toMatch(/uncommitted changes in stub/);
      expect(report.issues.find((issue) => issue.id === 'broken')?.message).toMatch(/exit code 1[\s\S]*BROKEN is there/);
      expect(await git(repo, 'for-each-ref', 'refs/heads/bellows/work')).toBe('');
      expect((await git(repo, 'worktree', 'list')).split('\n')).toHaveLength(1);
      expect(await readdir(path.join(dataDir, 'issues'))).toEqual([]);
      expect(await git(repo, 'status', '--porcelain')).toBe('');
    });
  });

  it('lands what others depend on before these begin', async () => {
    await withCoordinator(async (coordinator, repo) => {
      const issues = [stubIssue('c', 'ok', { dependsOn: ['b'] }), stubIssue('b', 'ok', { dependsOn: ['a'] }), stubIssue('a')];
      const report = await coordinator.wait((await coordinator.start(jobOf(repo, issues, { branch: 'work' }))).id);
      expect(report.status).toBe('completed');
      const landed = await git(
        repo,
        'log',
        '--first-parent',
        '--reverse',
        '--format=%(trailers:key=Bellows-Issue,valueonly,separator=)',
        'work',
      );
      expect(landed.split('\n').filter(Boolean)).toEqual(['a', 'b', 'c']);
    });
  });

  it('runs sessions at the same time, up to its workers', async () => {
    await withCoordinator(async (coordinator, repo) => {
      const issues = Array.from({ length: 4 }, (_, index) => stubIssue(`i${index}`, 'sleep=0.7'));
      const { id } = await coordinator.start(jobOf(repo, issues));
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, coordinator.getMetrics().activeWorkers);
      }, 5);
      await coordinator.wait(id);
      clearInterval(watch);
      expect(most).toBe(4);
    });
  });

  it('tells the agent why the attempt before failed', async () => {
    await withCoordinator(async (coordinator, repo, dataDir) => {
      const script =
        'if [ -n "$BELLOWS_LAST_FAILURE" ]; then cat "$BELLOWS_LAST_FAILURE"; echo ok > done.txt; git add . ; git commit -qm done; else echo because; exit 7; fi';
      const { id } = await coordinator.start(jobOf(repo, [stubIssue('a')], { agent: { command: ['sh', '-c', script] } }));
      const report = await coordinator.wait(id);
      expect(report.issues[0]).toMatchObject({ status: 'landed', attempts: 2 });
      const logs = path.join(dataDir, 'logs', id);
      const texts = await Promise.all((await readdir(logs)).map((name) => readFile(path.join(logs, name), 'utf8')));
      expect(texts.join('\n')).toMatch(/agent_failed\nThe agent ended with exit code 7. Its last output:\nbecause/);
    });
  });

  it('keeps both of two agents that change the same line, one after the other', async () => {
    await withCoordinator(async (coordinator, repo, dataDir) => {
      const issues = [stubIssue('a', 'conflict once'), stubIssue('b', 'conflict once')];
      // neither ends before both have begun, so both begin at the same commit
      const together = 'echo x >"$0/$BELLOWS_ISSUE_ID"; until [ -e "$0/a" ] && [ -e "$0/b" ]; do sleep 0.02; done; exec "$1"';
      const agent = { command: ['sh', '-c', together, dataDir, STUB_AGENT] };
      const report = await coordinator.wait((await coordinator.start(jobOf(repo, issues, { agent }))).id);
      expect(report.status).toBe('completed');
      expect(report.issues.map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
    });
  });

  it('refuses programs that cannot be started and a driver that is not there, and leaves nothing behind', async () => {
    await withCoordinator(async (coordinator, repo) => {
      const refusal = async (more: Partial<JobRequest>) => rejection(coordinator.start(jobOf(repo, [stubIssue('a')], more)));
      const both = await refusal({ agent: { command: ['no-such-agent'] }, verify: ['./no-such-check'] });
      expect([both.code, both.status, both.details?.map((detail) => detail.path)]).toEqual([
        'COMMAND_NOT_STARTED',
        400,
        ['agent.command[0]', 'verify[0]'],
      ]);
      expect(both.message).toMatch(/PATH of the host.*relative paths are meant from the top of the workspace/);
      expect((await refusal({ agent: { driver: 'acp', command: ['x'] } })).code).toBe('FEATURE_UNSUPPORTED');
      expect(coordinator.list({ limit: 1, cursor: null }).items).toEqual([]);
      expect(await git(repo, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
    });
  });

  it('does not try again what cannot be started, nor keeps a branch on which nothing landed', async () => {
    await withCoordinator(async (coordinator, repo) => {
      const script = path.join(repo, 'lost-interpreter.sh');
      await writeFile(script, '#!/nobody/has/this\n', { mode: 0o755 });
      const { id } = await coordinator.start(jobOf(repo, [stubIssue('a')], { agent: { command: [script] } }));
      const [issue] = (await coordinator.wait(id)).issues;
      expect(issue).toMatchObject({ status: 'failed', reason: 'agent_not_started', attempts: 1 });
      expect(issue).not.toHaveProperty('log');
      expect(await git(repo, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
      await git(repo, 'branch', 'mine');
      const failing = jobOf(repo, [stubIssue('a', 'exit=1')], { branch: 'mine' });
      expect((await coordinator.wait((await coordinator.start(failing)).id)).status).toBe('failed');
      expect(await git(repo, 'branch', '--list', 'mine', 'bellows/*')).toBe('mine');
    });
  });

  it('says where the logs of each issue are, which nobody else may read', async () => {
    await withCoordinator(
      async (coordinator, repo) => {
        const verify = ['sh', '-c', 'echo looked at it; test ! -e bad'];
        const agent = { command: ['sh', '-c', 'echo did "$BELLOWS_ISSUE_ID"; touch "$BELLOWS_ISSUE_ID"; git add .; git commit -qm work'] };
        const { id } = await coordinator.start(jobOf(repo, [stubIssue('good'), stubIssue('bad')], { agent, verify }));
        const [good, bad] = (await coordinator.wait(id)).issues;
        expect([good?.status, good?.verifyLog, bad?.reason]).toEqual(['landed', undefined, 'verification_failed']);
        expect(await readFile(good?.log ?? '', 'utf8')).toBe('did good\n');
        expect(await readFile(bad?.log ?? '', 'utf8')).toBe('did bad\n');
        expect(await readFile(bad?.verifyLog ?? '', 'utf8')).toBe('looked at it\n');
        const folder = path.dirname(bad?.log ?? '');
        for (const at of [folder, path.dirname(folder)]) expect((await stat(at)).mode & 0o777).toBe(0o700);
      },
      { services: { config: harnessConfigSchema.parse({ maxAttempts: 2 }) } },
    );
  });
});
