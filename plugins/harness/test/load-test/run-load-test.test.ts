import { spawn } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { silentLogger, systemClock } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { JobStore } from '../../src/jobs/job-store.js';
import { LOAD_TEST_PREFIX, runLoadTestScenario } from '../../src/load-test/run-load-test.js';
import { sweepLoadTests } from '../../src/load-test/sweep-load-tests.js';
import { rejection, scratchFolder } from '../running-harness.js';

describe('a load test', () => {
  it('passes the smoke scenario with real agents and a real repository, and says how much faster it was', async () => {
    await using scratch = await scratchFolder();
    const results = await runLoadTestScenario('smoke', scratch.path, { speed: 30 });
    expect({ passed: results.passed, failedCriteria: results.failedCriteria, speedFactor: results.speedFactor }).toEqual({
      passed: true,
      failedCriteria: [],
      speedFactor: 30,
    });
    expect(results).toMatchObject({ issuesLanded: 10, issuesFailed: 0, workerStalls: 0 });
    expect(results.avgLatencyMs).toBeGreaterThan(700);
    expect(results.p99LatencyMs).toBeGreaterThanOrEqual(results.p95LatencyMs);
    expect(results.summary).toMatch(
      /\(\d+\.\d\d s ÷ 30\)[\s\S]*all times divided by 30[\s\S]*none of them[\s\S]*tried again counts as failed[\s\S]*PASSED$/,
    );
    expect(await readdir(scratch.path)).toEqual([]);
  });

  it('ends with its agents when it is aborted, and leaves nothing behind', async () => {
    await using scratch = await scratchFolder();
    const aborter = new AbortController();
    const running = runLoadTestScenario('smoke', scratch.path, { signal: aborter.signal });
    setTimeout(() => aborter.abort(new Error('enough')), 500);
    expect((await rejection(running)).message).toBe('enough');
    expect(await readdir(scratch.path)).toEqual([]);
  });

  it('names the scenarios there are', async () => {
    const error = await rejection(runLoadTestScenario('huge' as 'heavy', '/nowhere'));
    expect(error.code).toBe('LOAD_TEST_INVALID');
    expect(error.message).toMatch(/smoke, light, medium, heavy, stress/);
  });

  it('whose host was killed is cleared away by the next start of the plugin, with its agents', async () => {
    await using scratch = await scratchFolder();
    const left = path.join(scratch.path, `${LOAD_TEST_PREFIX}x`);
    await mkdir(path.join(left, 'data'), { recursive: true });
    const agent = spawn('sleep', ['600'], { env: { ...process.env, BELLOWS_SESSION: 'load-1-1-x' }, detached: true, stdio: 'ignore' });
    const ended = new Promise((resolve) => agent.on('exit', resolve));
    const store = await JobStore.open(path.join(left, 'data', 'harness.db'));
    const none = { workspacePath: null, base: null, process: null, candidate: null };
    const record = { id: 'load-1-1-x', jobId: 'j', issueId: 'load-1', epoch: 1, repo: left, branch: 'load-test', since: 0, ...none };
    await store.write([{ kind: 'session', record }]);
    store.close();
    await mkdir(path.join(scratch.path, `${LOAD_TEST_PREFIX}half-made`));
    await mkdir(path.join(scratch.path, 'logs'));
    await sweepLoadTests(scratch.path, { clock: systemClock, logger: silentLogger });
    await ended;
    expect(await readdir(scratch.path)).toEqual(['logs']);
  });
});
