import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { makeRepository, STUB_AGENT, STUB_VERIFY, scratchFolder, stubIssue } from './running-harness.js';

const PROGRAM = fileURLToPath(new URL('./programs/quick-start.mjs', import.meta.url));
const run = promisify(execFile);

async function quickStart(folder: string, agent: string) {
  const command = { agent: { command: [agent] }, verify: [STUB_VERIFY] };
  const request = JSON.stringify({ repo: 'repo', branch: 'work', issues: [stubIssue('a'), stubIssue('b', 'exit=1 once')], ...command });
  const { stdout } = await run(process.execPath, [PROGRAM, path.join(folder, 'data'), request], { cwd: folder });
  return { stdout, seen: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown> };
}

describe('the documented programs', () => {
  it('run as they are written against the built package', async () => {
    await using scratch = await scratchFolder();
    await makeRepository(scratch.path);
    const { stdout, seen } = await quickStart(scratch.path, STUB_AGENT);
    expect(seen).toMatchObject({ limit: 4, status: 'completed', attempts: [1, 2], exceeded: false, backpressure: false });
    expect(seen).toMatchObject({ factory: true, passed: true, runsScenarios: 'function' });
    expect(seen.metrics).toEqual(
      expect.arrayContaining([
        ...['currentWorkers', 'activeWorkers', 'idleWorkers', 'stalledWorkers', 'queueDepth', 'mergeQueueDepth', 'throughputPerMinute'],
        ...['avgSessionDurationMs', 'p95SessionDurationMs', 'successRate', 'totalSessionsCompleted', 'totalSessionsFailed', 'health'],
        ...['backpressureActive', 'scaleOperations'],
      ]),
    );
    expect(seen.results).toEqual(
      expect.arrayContaining([
        ...['throughputPerSecond', 'avgLatencyMs', 'p95LatencyMs', 'p99LatencyMs', 'successRate', 'peakConcurrentWorkers'],
        ...['scaleOperations', 'backpressureActivations', 'workerStalls', 'summary'],
      ]),
    );
    expect(seen.scenarios).toEqual(expect.arrayContaining(['light', 'medium', 'heavy', 'stress', 'smoke']));
    expect(stdout).toMatch(/Workers: 0\/4\nSuccess rate: 100.0%\nHealth: healthy\n[\s\S]*PASSED/);
  });

  it('do not end by themselves while an issue only pauses before its next attempt', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    // a workspace cannot be made while a folder of its kind is a file
    await mkdir(path.join(scratch.path, 'data'));
    await writeFile(path.join(repo, '.git', 'worktrees'), '');
    const { seen } = await quickStart(scratch.path, STUB_AGENT);
    expect(seen).toMatchObject({ status: 'failed', attempts: [3, 3] });
  });
});
