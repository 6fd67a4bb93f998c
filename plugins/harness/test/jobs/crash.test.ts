import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { JobReport } from '../../src/jobs/job-report.js';
import { livesInGroup } from '../git/child.js';
import { git, makeRepository, STUB_AGENT, STUB_VERIFY, scratchFolder, stubIssue, until } from '../running-harness.js';

const PROGRAM = fileURLToPath(new URL('../programs/run-jobs.mjs', import.meta.url));

/** What the program printed; null when it was killed, and what it had started of git has ended. */
async function runProgram(args: readonly string[]): Promise<JobReport | null> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { detached: true });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (piece) => (output += piece));
  child.stderr.on('data', (piece) => (errors += piece));
  const [code, signal] = await once(child, 'close');
  if (signal === 'SIGKILL') {
    // one that makes a workspace still, after the next life has swept them, would leave it to the life after that; agents are no part of the group
    await until(async () => !(await livesInGroup(child.pid!)));
    return null;
  }
  if (code !== 0) throw new Error(`it ended with ${code ?? signal}: ${errors}`);
  return JSON.parse(output) as JobReport;
}

describe('a coordinator that is killed', () => {
  it('goes on where it was, wherever that is, and ends every issue exactly once', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    const dataDir = path.join(scratch.path, 'data');
    const issues = [stubIssue('a'), stubIssue('b', 'exit=1 once'), stubIssue('c', 'ok', { dependsOn: ['a'] }), stubIssue('d', 'no-commit')];
    const request = { id: 'job', repo: 'repo', branch: 'work', issues, agent: { command: [STUB_AGENT] }, verify: [STUB_VERIFY] };
    const args = [dataDir, scratch.path, JSON.stringify(request)];
    const kills = ['1-', '1+', '2-', '3+', '4-', '5+', '6-', '7+', '8-', '9+', '11-', '13+'];
    await mkdir(dataDir);
    let report: JobReport | null = null;
    let killed = 0;
    for (const kill of kills) {
      report = await runProgram([...args, kill]);
      if (report !== null) break;
      killed += 1;
    }
    report ??= await runProgram(args);
    expect(killed).toBeGreaterThanOrEqual(8);
    const shown = report?.issues.map(({ id, status, reason, attempts }) => ({ id, status, reason, attempts }));
    expect(shown).toEqual([
      { id: 'a', status: 'landed', reason: undefined, attempts: 1 },
      { id: 'b', status: 'landed', reason: undefined, attempts: 2 },
      { id: 'c', status: 'landed', reason: undefined, attempts: 1 },
      { id: 'd', status: 'failed', reason: 'no_commit', attempts: 3 },
    ]);
    const landed = await git(repo, 'log', '--first-parent', '--format=%(trailers:key=Bellows-Issue,valueonly,separator=)', 'work');
    expect(landed.split('\n').filter(Boolean).sort()).toEqual(['a', 'b', 'c']);
    expect((await git(repo, 'worktree', 'list')).split('\n')).toHaveLength(1);
    expect(await git(repo, 'for-each-ref', 'refs/heads/bellows/work')).toBe('');
    expect(await readdir(path.join(dataDir, 'issues'))).toEqual([]);
  });
});
