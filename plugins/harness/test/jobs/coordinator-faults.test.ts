import { describe, expect, it } from '@jest/globals';
import type { JobRequest } from '../../src/jobs/job-requests.js';
import { rejection, stubIssue, until } from '../running-harness.js';
import { DEAD, jobOf, setUp } from './fake-coordinator.js';

describe('a coordinator', () => {
  it('ends a stalled session, frees its worker and tries the issue again', async () => {
    await using harness = await setUp();
    const { coordinator, commands, clock, agents } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    commands.agentOf('a').now = DEAD;
    await clock.advance(30_000);
    await agents(2);
    expect(commands.agents[0]?.causes).toEqual(['stalled']);
    expect(coordinator.get('job').issues[0]).toMatchObject({ status: 'working', attempts: 2, reason: 'stalled' });
    commands.agentOf('a').exit();
    expect(await coordinator.wait('job')).toMatchObject({ status: 'completed', landed: [{ issue: 'a' }] });
  });

  it('gives up a session whose processes cannot be ended, and refuses what it reports later', async () => {
    await using harness = await setUp({}, { maxAttempts: 2 });
    const { coordinator, commands, clock, agents, landed } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    const [stuck] = commands.agents;
    if (stuck === undefined) throw new Error('no agent');
    Object.assign(stuck, { stuck: true, now: DEAD });
    await clock.advance(30_000);
    expect(coordinator.getMetrics()).toMatchObject({ stalledWorkers: 1, activeWorkers: 1 });
    await clock.advance(35_000);
    await agents(2);
    stuck.exit();
    commands.agentOf('a').exit();
    const report = await coordinator.wait('job');
    expect(report.issues[0]).toMatchObject({ status: 'landed', attempts: 2 });
    expect(landed).toEqual([report.issues[0]?.commit]);
    expect(landed[0]).toMatch(/^merge-a-2-/);
  });

  it('ends a session that takes longer than it may', async () => {
    await using harness = await setUp({}, { maxAttempts: 1, sessionTimeoutMs: 1_000 });
    const { coordinator, commands, clock, agents } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    await clock.advance(1_000);
    expect((await coordinator.wait('job')).issues[0]).toMatchObject({ status: 'failed', reason: 'timed_out' });
    expect(commands.agents[0]?.causes).toEqual(['timed_out']);
  });

  it('shares its workers between jobs in turn, and keeps to the workers of each', async () => {
    await using harness = await setUp({ maxWorkers: 3 });
    const { coordinator, commands, agents } = harness;
    await coordinator.start(jobOf('large', ['a1', 'a2', 'a3', 'a4'], { maxWorkers: 2 }));
    await agents(2);
    await coordinator.start(jobOf('small', ['b1', 'b2']));
    await agents(3);
    expect(commands.agents.map(({ issueId }) => issueId).sort()).toEqual(['a1', 'a2', 'b1']);
    commands.agentOf('a1').exit();
    await agents(4);
    commands.agentOf('b1').exit();
    await agents(5);
    expect(
      commands.agents
        .slice(3)
        .map(({ issueId }) => issueId)
        .sort(),
    ).toEqual(['a3', 'b2']);
  });

  it('begins the issue of the highest priority first, then in the order of the list', async () => {
    await using harness = await setUp({ maxWorkers: 1 });
    const { coordinator, commands, agents } = harness;
    const issues = [
      stubIssue('low'),
      stubIssue('first', 'ok', { priority: 5 }),
      stubIssue('later'),
      stubIssue('second', 'ok', { priority: 5 }),
    ];
    await coordinator.start({ ...jobOf('job', []), issues });
    for (let count = 1; count <= 4; count += 1) {
      await agents(count);
      commands.agents[count - 1]?.exit();
    }
    await coordinator.wait('job');
    expect(commands.agents.map(({ issueId }) => issueId)).toEqual(['first', 'second', 'low', 'later']);
  });

  it('verifies the same files once', async () => {
    await using harness = await setUp();
    const { coordinator, commands, agents, trees } = harness;
    trees.of = () => 'one-tree';
    await coordinator.start(jobOf('job', ['a', 'b'], { maxWorkers: 1 }));
    await agents(1);
    commands.agentOf('a').exit();
    await agents(2);
    commands.agentOf('b').exit();
    await coordinator.wait('job');
    expect(commands.verifications).toHaveLength(1);
  });

  it('accepts the same request once, and refuses another one of the same id', async () => {
    await using harness = await setUp();
    const { coordinator } = harness;
    const both = await Promise.all([coordinator.start(jobOf('job', ['a'])), coordinator.start(jobOf('job', ['a']))]);
    expect(both.map(({ created }) => created)).toEqual([true, false]);
    expect((await rejection(coordinator.start(jobOf('job', ['b'])))).code).toBe('JOB_CONFLICT');
    const caller = { tenant: 't', user: 'u', authority: { role: 'admin', runsCommands: true }, idempotencyKey: 'run 1/stage "x"' } as const;
    const { id: _, ...nameless } = jobOf('', ['a']);
    const first = await coordinator.start(nameless, caller);
    expect(await coordinator.start(nameless, caller)).toEqual({ id: first.id, created: false });
    expect((await coordinator.start(nameless, { ...caller, tenant: 'other' })).id).not.toBe(first.id);
    expect((await coordinator.start(nameless)).id).not.toBe((await coordinator.start(nameless)).id);
  });

  it('throttles what comes in and never what runs; a job that finds nobody waiting may be of any size', async () => {
    await using harness = await setUp({ scaleConfig: { maxQueueDepth: 3 } });
    const { coordinator, commands, agents, claims } = harness;
    await coordinator.start(jobOf('large', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']));
    await agents(2);
    const refused = await rejection(coordinator.start(jobOf('more', ['x'])));
    expect(refused).toMatchObject({ code: 'CAPACITY', retryAfterMs: 30_000 });
    expect(claims).toEqual(['+bellows/large']);
    expect(coordinator.scaleManager.getScalingMetrics()['rejected.total']).toBe(1);
    for (let count = 1; count <= 8; count += 1) {
      await agents(count);
      commands.agents[count - 1]?.exit();
    }
    await coordinator.wait('large');
    await until(() => claims.length === 2);
    expect(claims).toEqual(['+bellows/large', '-bellows/large']);
    await coordinator.start(jobOf('more', ['x']));
  });

  it('counts jobs that are being accepted at the same time', async () => {
    await using harness = await setUp({ scaleConfig: { maxQueueDepth: 3 } });
    const starts = ['one', 'two', 'three'].map((id) => harness.coordinator.start(jobOf(id, ['a', 'b'])));
    const outcomes = await Promise.allSettled(starts);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  it('waits as long as asked and no longer; the job goes on when its caller goes away', async () => {
    await using harness = await setUp();
    const { coordinator, commands, clock, agents } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    const waiting = coordinator.wait('job', { timeoutMs: 500 });
    await clock.advance(500);
    expect((await waiting).status).toBe('running');
    const aborter = new AbortController();
    const gone = coordinator.wait('job', { signal: aborter.signal });
    aborter.abort(new Error('gone'));
    expect((await rejection(gone)).message).toBe('gone');
    commands.agentOf('a').exit();
    expect((await coordinator.wait('job')).status).toBe('completed');
  });

  it('pauses before it tries again what the machine and not the agent did wrong', async () => {
    await using harness = await setUp();
    const { coordinator, services, clock, commands } = harness;
    const { create } = services.workspaces;
    let failures = 0;
    services.workspaces.create = async () => {
      failures += 1;
      throw new Error('no space left');
    };
    await coordinator.start(jobOf('job', ['a']));
    await until(() => failures === 1);
    expect(coordinator.get('job').issues[0]).toMatchObject({ status: 'working', attempts: 1 });
    services.workspaces.create = create;
    await until(async () => {
      await clock.advance(20);
      return commands.agents.length === 1;
    });
    expect(coordinator.get('job').issues[0]).toMatchObject({ attempts: 2, reason: 'workspace_failed', message: 'no space left' });
    commands.agentOf('a').exit();
    await coordinator.wait('job');
  });

  it('takes for landed what is on the branch, whatever went wrong after it', async () => {
    await using harness = await setUp();
    const { coordinator, services, commands, agents, landed } = harness;
    services.landing.land = async (request) => {
      const commit = `merge-${request.workspace.name}`;
      await request.onCandidate(commit);
      landed.push(commit);
      throw new Error('the checkout did not follow');
    };
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    commands.agentOf('a').exit();
    expect(await coordinator.wait('job')).toMatchObject({ status: 'completed', issues: [{ commit: landed[0] }] });
  });

  it('names every fault of a request', async () => {
    await using harness = await setUp();
    const { coordinator } = harness;
    const faulty = { repo: '', issues: [{ id: 'a', titel: 'x' }], agent: { command: [] }, verify: ['a\0b'] } as unknown as JobRequest;
    const error = await rejection(coordinator.start(faulty));
    expect(error.code).toBe('JOB_INVALID');
    expect(error.details?.length).toBeGreaterThanOrEqual(3);
    const cycle = jobOf('cycle', []);
    const circular = [stubIssue('a', 'ok', { dependsOn: ['b'] }), stubIssue('b', 'ok', { dependsOn: ['a'] })];
    expect((await rejection(coordinator.start({ ...cycle, issues: circular }))).code).toBe('ISSUES_INVALID');
  });
});
