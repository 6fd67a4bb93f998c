import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMIT, checkoutOf, git, newRepository, shellAgent } from './git-samples.js';
import { isRunning } from './processes.js';
import { HARNESS, type RunningHost, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

const KILLS = 4;

function start(folder: string): Promise<RunningHost> {
  const config = { scale: { minWorkers: 4 }, killGraceMs: 200 };
  return startHost({ folder, config: { plugins: { harness: { from: HARNESS, config } } } });
}

function harness(host: RunningHost, name: string, input: unknown) {
  return host.call(`harness.${name}`, input, { authorization: `Bearer ${host.token}` });
}

function started(file: string): number[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split(/\s+/).filter(Boolean).map(Number) : [];
}

describe('a host killed with SIGKILL while agents work', () => {
  it('ends the agents it left, gives their issues out again, and lands each exactly once', async () => {
    const folder = tempFolder('bellows-harness');
    const repo = newRepository();
    const before = checkoutOf(repo);
    const pids = path.join(tempFolder(), 'pids');
    const issues = Array.from({ length: 12 }, (_, index) => ({ id: `i${index}`, title: `Issue ${index}`, body: '' }));
    let host = await start(folder);
    const agent = shellAgent(`echo $$ >> ${pids}; sleep 0.4; ${COMMIT}`);
    const { json } = await harness(host, 'start', { repo, branch: 'work', issues, agent, verify: ['sh', '-c', 'sleep 0.1'], id: 'job' });
    expect(json).toEqual({ id: 'job' });
    for (let kill = 0; kill < KILLS; kill += 1) {
      const known = started(pids).length;
      await until('more agents', () => started(pids).length > known + 1);
      // at another moment of a session each time: just begun, in the agent, in the verification, in a landing
      await new Promise((resolve) => setTimeout(resolve, kill * 180));
      await host.stop('SIGKILL');
      const left = started(pids).filter(isRunning);
      host = await start(folder);
      for (const pid of left) await until(`the end of agent ${pid}`, () => !isRunning(pid));
    }
    const done = await until(
      'the end of the job',
      async () => {
        const answer = await harness(host, 'wait', { id: 'job', timeoutMs: 10_000 });
        return answer.json.status === 'running' ? undefined : answer.json;
      },
      { withinMs: 60_000 },
    );
    expect(done.failed).toEqual([]);
    expect(done.status).toBe('completed');
    expect(done.landed.map(({ issue }: { issue: string }) => issue).sort()).toEqual(issues.map(({ id }) => id).sort());
    const merges = git(repo, 'log', '--first-parent', '--format=%(trailers:key=Bellows-Issue,valueonly,separator=%x20)', 'work')
      .split('\n')
      .filter(Boolean);
    expect(merges.map((line) => line.trim()).sort()).toEqual(issues.map(({ id }) => id).sort());
    expect(checkoutOf(repo)).toEqual(before);
    expect(git(repo, 'worktree', 'list').split('\n')).toHaveLength(1);
    expect(started(pids).filter(isRunning)).toEqual([]);
    expect((await host.stop()).code).toBe(0);
  });

  it('ends its agents at a clean stop too, and goes on after it', async () => {
    const folder = tempFolder('bellows-harness');
    const repo = newRepository();
    const pids = path.join(tempFolder(), 'pids');
    const once = path.join(tempFolder(), 'once');
    let host = await start(folder);
    const agent = shellAgent(`echo $$ >> ${pids}; test -e ${once} || { touch ${once}; sleep 3600; }; ${COMMIT}`);
    await harness(host, 'start', { repo, branch: 'work', issues: [{ id: 'a', title: 'a', body: '' }], agent, verify: ['true'], id: 'job' });
    await until('the agent', () => existsSync(once));
    expect((await host.stop()).code).toBe(0);
    expect(started(pids).filter(isRunning)).toEqual([]);
    host = await start(folder);
    const { json } = await harness(host, 'wait', { id: 'job', timeoutMs: 30_000 });
    expect([json.status, json.landed.length]).toEqual(['completed', 1]);
  });
});
