import { readdir } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { runLoadTestScenario } from '../../src/load-test/run-load-test.js';
import { rejection, scratchFolder } from '../running-harness.js';

describe('a load test', () => {
  it('passes the smoke scenario with real agents and a real repository, and says how much faster it was', async () => {
    await using scratch = await scratchFolder();
    const results = await runLoadTestScenario('smoke', scratch.path, { speed: 60 });
    expect({ passed: results.passed, failedCriteria: results.failedCriteria, speedFactor: results.speedFactor }).toEqual({
      passed: true,
      failedCriteria: [],
      speedFactor: 60,
    });
    expect(results).toMatchObject({ issuesLanded: 10, issuesFailed: 0, workerStalls: 0 });
    expect(results.avgLatencyMs).toBeGreaterThan(350);
    expect(results.p99LatencyMs).toBeGreaterThanOrEqual(results.p95LatencyMs);
    expect(results.summary).toMatch(/all times divided by 60[\s\S]*PASSED$/);
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
});
