import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { harnessConfigSchema } from '../../src/config.js';
import { Coordinator } from '../../src/jobs/coordinator.js';
import type { JobRequest } from '../../src/jobs/job-requests.js';
import { git, makeRepository, rejection, STUB_AGENT, STUB_VERIFY, scratchFolder, stubIssue } from '../running-harness.js';

async function withCoordinator(name: string, work: (coordinator: Coordinator, repo: string) => Promise<void>) {
  await using scratch = await scratchFolder();
  const repo = await makeRepository(scratch.path, name);
  const services = { config: harnessConfigSchema.parse({ maxAttempts: 1, killGraceMs: 200 }), display: () => {} };
  const coordinator = new Coordinator({ dataDir: path.join(scratch.path, 'data') }, { cwd: scratch.path, maxWorkers: 4, services });
  await coordinator.initialize();
  try {
    await work(coordinator, repo);
  } finally {
    await coordinator.stop();
  }
}

const command = { agent: { command: [STUB_AGENT] }, verify: [STUB_VERIFY] };

describe('a job with hostile input', () => {
  it('lands issues whose names are those of built-in properties, and whose titles are a megabyte or look like trailers', async () => {
    await withCoordinator(' a "repo"\n$(false) ü', async (coordinator, repo) => {
      const issues = [
        { ...stubIssue('__proto__'), title: 'x'.repeat(1024 * 1024) },
        { ...stubIssue('constructor', 'ok', { dependsOn: ['__proto__', '__proto__'] }), title: 'a\n\nBellows-Issue: other\r\n\u0001' },
        { ...stubIssue('a..b.lock'), title: '-m #hash' },
        stubIssue('_'),
      ];
      const { id } = await coordinator.start({ repo, issues, branch: 'work', ...command });
      const report = await coordinator.wait(id);
      expect(report.issues.map(({ status, message }) => [status, message])).toEqual(issues.map(() => ['landed', undefined]));
      const trailers = await git(repo, 'log', '--first-parent', '--format=%(trailers:key=Bellows-Issue,valueonly,separator=;)', 'work');
      expect(trailers.split('\n').filter(Boolean).sort()).toEqual(['_', '__proto__', 'a..b.lock', 'constructor']);
      const subjects = (await git(repo, 'log', '--first-parent', '--format=%s', 'work')).split('\n');
      expect(Math.max(...subjects.map(({ length }) => length))).toBe(200);
    });
  });

  it('is refused with a stable code, or fails with a reason', async () => {
    await withCoordinator('repo', async (coordinator, repo) => {
      const code = async (more: Partial<JobRequest>) => {
        const request = { repo, issues: [stubIssue('a')], ...command, ...more };
        return (await rejection(coordinator.start(request))).code;
      };
      expect(await code({ branch: 'a\0b' })).toBe('BRANCH_INVALID');
      expect(await code({ branch: '-x' })).toBe('BRANCH_INVALID');
      expect(await code({ branch: 'x'.repeat(100_000) })).toBe('BRANCH_INVALID');
      expect(await code({ repo: `${repo}\0` })).toBe('JOB_INVALID');
      expect(await code({ repo: 'x/'.repeat(10_000) })).toBe('REPO_INVALID');
      expect(await code({ repo: path.join(repo, 'README.md') })).toBe('REPO_INVALID');
      expect(await code({ agent: { command: ['sh', '-c', 'a\0b'] } })).toBe('JOB_INVALID');
      expect(await code({ issues: [{ ...stubIssue('a'), id: '../../a' }] })).toBe('ISSUES_INVALID');
      expect(await code({ issues: { file: '/dev/zero' } })).toBe('ISSUES_INVALID');
      expect(await code({ issues: { file: '.' } })).toBe('ISSUES_INVALID');
      expect(await code({ issues: Array.from({ length: 10_001 }, (_, index) => stubIssue(`i${index}`)) })).toBe('ISSUES_INVALID');
      expect(await code({ issues: [{ ...stubIssue('a'), priority: Number.POSITIVE_INFINITY }] })).toBe('JOB_INVALID');
      const { id } = await coordinator.start({
        repo,
        issues: [stubIssue('a')],
        ...command,
        agent: { command: ['sh', 'x'.repeat(300_000)] },
      });
      expect((await coordinator.wait(id)).issues[0]).toMatchObject({ status: 'failed', reason: 'agent_not_started' });
      expect(await git(repo, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
    });
  });

  it('of ten thousand issues that all wait for one is accepted, and ends when that one fails', async () => {
    await withCoordinator('repo', async (coordinator, repo) => {
      const others = Array.from({ length: 9_999 }, (_, index) => stubIssue(`i${index}`, 'ok', { dependsOn: ['first'] }));
      const { id } = await coordinator.start({ repo, issues: [stubIssue('first', 'exit=1'), ...others], ...command });
      const report = await coordinator.wait(id);
      expect(report.status).toBe('failed');
      expect(report.failed).toHaveLength(10_000);
    });
  });
});
