import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMIT, checkoutOf, git, newRepository, shellAgent } from './git-samples.js';
import { isRunning } from './processes.js';
import { HARNESS, type RunningHost, startHost } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

/** Of a session, in their order. */
const MOMENTS = ['begun', 'committed', 'verifying', 'landing'] as const;
type Moment = (typeof MOMENTS)[number];

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
    const issues = Array.from({ length: 8 }, (_, index) => ({ id: `i${index}`, title: `Issue ${index}`, body: '' }));
    const marks = tempFolder();
    // Whoever comes to a moment notes its process and waits while it is held: each kill finds agents exactly there.
    const at = (moment: Moment) => `echo $$ >> ${marks}/${moment}; while test -e ${marks}/hold-${moment}; do sleep 0.05; done`;
    const hold = (moment: Moment) => writeFileSync(path.join(marks, `hold-${moment}`), '');
    const running = () => MOMENTS.flatMap((moment) => started(path.join(marks, moment))).filter(isRunning);
    let host = await start(folder);
    const agent = shellAgent(`${at('begun')}; ${COMMIT} && { ${at('committed')}; }`);
    // files of two agents are together when one lands on the other
    const verify = ['sh', '-c', `${at('verifying')}; if test "$(ls done-* | wc -l)" -gt 1; then ${at('landing')}; fi`];
    hold('begun');
    const { json } = await harness(host, 'start', { repo, branch: 'work', issues, agent, verify, id: 'job' });
    expect(json).toEqual({ id: 'job' });
    for (const [index, moment] of MOMENTS.entries()) {
      await until(`somebody at ${moment}`, () => started(path.join(marks, moment)).some(isRunning));
      await host.stop('SIGKILL');
      const left = running();
      expect(left).not.toEqual([]);
      host = await start(folder);
      for (const pid of left) await until(`the end of process ${pid}`, () => !isRunning(pid));
      const next = MOMENTS[index + 1];
      if (next !== undefined) hold(next);
      rmSync(path.join(marks, `hold-${moment}`));
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
    expect(running()).toEqual([]);
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
