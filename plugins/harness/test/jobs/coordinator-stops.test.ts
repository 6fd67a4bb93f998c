import path from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { JobStore } from '../../src/jobs/job-store.js';
import { rejection, stubIssue, until } from '../running-harness.js';
import { jobOf, setUp } from './fake-coordinator.js';

describe('a coordinator that is stopped, or whose jobs are', () => {
  it('cancels: ends agents, keeps what landed, begins nothing more', async () => {
    await using harness = await setUp();
    const { coordinator, commands, agents } = harness;
    await coordinator.start({
      ...jobOf('job', []),
      issues: [...['a', 'b', 'c'].map((id) => stubIssue(id)), stubIssue('d', 'ok', { dependsOn: ['c'] })],
    });
    await agents(2);
    commands.agentOf('a').exit();
    await agents(3);
    const report = await coordinator.cancel('job');
    expect(report).toMatchObject({ status: 'cancelled', landed: [{ issue: 'a' }] });
    expect(report.issues.map(({ status }) => status)).toEqual(['landed', 'cancelled', 'cancelled', 'cancelled']);
    expect(commands.agentOf('b').causes).toEqual(['cancelled']);
    expect((await rejection(coordinator.cancel('job'))).code).toBe('JOB_ENDED');
    expect((await rejection(coordinator.cancel('unknown'))).code).toBe('JOB_UNKNOWN');
    expect(coordinator.getMetrics()).toMatchObject({ runningJobs: 0, queueDepth: 0 });
  });

  it('gives issues back when it stops, and goes on with them after the next start without counting the attempt', async () => {
    await using harness = await setUp();
    const { coordinator, commands, workspaces, make, agents, claims } = harness;
    await coordinator.start(jobOf('job', ['a', 'b', 'c']));
    await agents(2);
    const waiting = rejection(coordinator.wait('job'));
    await coordinator.stop();
    expect((await waiting).code).toBe('HARNESS_STOPPING');
    expect((await rejection(coordinator.start(jobOf('other', ['a'])))).code).toBe('HARNESS_STOPPING');
    expect(commands.agents.map(({ causes }) => causes)).toEqual([['stopped'], ['stopped']]);
    expect([...workspaces]).toEqual([]);
    expect(claims).toEqual(['+bellows/job', '-bellows/job']);
    const next = make();
    await next.initialize();
    await agents(4);
    expect(next.get('job').issues.map(({ attempts }) => attempts)).toEqual([1, 1, 0]);
    for (let count = 3; count <= 5; count += 1) {
      await agents(count);
      commands.agents[count - 1]?.exit();
    }
    expect(await next.wait('job')).toMatchObject({ status: 'completed', failed: [] });
    await next.stop();
  });

  it('answers a cancellation that a stop overtakes, and ends the job at the next start', async () => {
    await using harness = await setUp();
    const { coordinator, make, agents, commands } = harness;
    await coordinator.start(jobOf('job', ['a', 'b', 'c']));
    await agents(2);
    const [first] = commands.agents;
    if (first !== undefined) first.stuck = true;
    const cancelling = rejection(coordinator.cancel('job'));
    await until(() => coordinator.get('job').issues.some(({ status }) => status === 'cancelled'));
    const stopped = coordinator.stop();
    first?.exit();
    await stopped;
    expect((await cancelling).code).toBe('HARNESS_STOPPING');
    const next = make();
    await next.initialize();
    expect((await next.wait('job')).status).toBe('cancelled');
    await next.stop();
  });

  it('holds a job whose branch another host has, and goes on when it is free', async () => {
    await using harness = await setUp();
    const { coordinator, make, agents, services, clock, commands } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    await coordinator.stop();
    const { claim } = services.claims;
    services.claims.claim = () => Promise.reject(new Error('somebody else has it'));
    const next = make();
    await next.initialize();
    await clock.advance(1_000);
    expect(commands.agents).toHaveLength(1);
    expect(next.get('job').issues[0]?.status).toBe('ready');
    expect(next.scaleManager.getMetrics().queueDepth).toBe(0);
    services.claims.claim = claim;
    await clock.advance(2_000);
    await agents(2);
    commands.agentOf('a').exit();
    expect((await next.wait('job')).status).toBe('completed');
    await next.stop();
  });

  it('ends a job that is held because its repository is gone, when it is cancelled', async () => {
    await using harness = await setUp();
    const { coordinator, make, agents, clock, repository, claims, dataDir, commands } = harness;
    await coordinator.start(jobOf('job', ['a', 'b', 'c']));
    await agents(2);
    const store = await JobStore.open(path.join(dataDir, 'harness.db'));
    const left = { job: store.job('job'), issues: store.issues('job') };
    await coordinator.stop();
    // as a crash leaves it
    if (left.job === null) throw new Error('there is no job');
    await store.write(left.issues.map((record, position) => ({ kind: 'issue', jobId: 'job', position, record })));
    store.close();
    const { open } = repository;
    repository.open = () => Promise.reject(new Error('no such folder'));
    const next = make();
    await next.initialize();
    expect(next.get('job').issues.map(({ status }) => status)).toEqual(['working', 'working', 'ready']);
    expect(next.getMetrics().workers.reason).toMatch(/1 jobs are held, the first is job: no such folder/);
    expect((await next.cancel('job')).status).toBe('cancelled');
    expect(next.get('job').issues[0]?.message).toMatch(/whether the last attempt landed is not known/);
    repository.open = open;
    await clock.advance(120_000);
    expect(claims).toEqual(['+bellows/job', '-bellows/job']);
    expect(commands.agents).toHaveLength(2);
    await next.stop();
  });

  it('keeps what it decided about a session that was cut off, although the disk was full at first', async () => {
    await using harness = await setUp();
    const { coordinator, make, agents, clock, services, dataDir, commands, landed } = harness;
    let letGo = () => {};
    const hung = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    services.landing.land = async (request) => {
      const commit = `merge-${request.workspace.name}`;
      await request.onCandidate(commit);
      landed.push(commit);
      await hung;
      return { outcome: 'landed', commit };
    };
    await coordinator.start(jobOf('job', ['a', 'b'], { maxWorkers: 1 }));
    await agents(1);
    commands.agentOf('a').exit();
    await until(() => landed.length === 1);
    const file = path.join(dataDir, 'harness.db');
    // what a crash would leave: the first coordinator is given up without a stop
    const full = Object.assign(new Error('database or disk is full'), { errcode: 13 });
    const write = jest.spyOn(JobStore.prototype, 'write').mockRejectedValueOnce(full);
    const next = make();
    try {
      await next.initialize();
      await clock.advance(2_000);
      await agents(2);
      const store = await JobStore.open(file);
      expect(store.issues('job').map(({ status }) => status)).toEqual(['landed', 'working']);
      store.close();
    } finally {
      write.mockRestore();
      await next.stop();
      letGo();
    }
  });

  it('ends both of two stops only when nothing runs any more, and a stop during the start as well', async () => {
    await using harness = await setUp();
    const { coordinator, agents, commands, make, dataDir } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    const [agent] = commands.agents;
    if (agent !== undefined) agent.stuck = true;
    let ended = 0;
    const stops = [coordinator.stop(), coordinator.stop()].map(async (stop) => {
      await stop;
      ended += 1;
    });
    await until(() => agent?.causes.length === 1);
    expect(ended).toBe(0);
    agent?.exit();
    await Promise.all(stops);
    expect((await rejection(coordinator.wait('job'))).code).toBe('HARNESS_STOPPING');
    expect((await rejection(coordinator.cancel('job'))).code).toBe('HARNESS_STOPPING');
    const next = make();
    const starting = rejection(next.initialize());
    await next.stop();
    expect((await starting).code).toBe('HARNESS_STOPPING');
    expect((await rejection(next.initialize())).code).toBe('HARNESS_STOPPING');
    expect(commands.agents).toHaveLength(1);
    (await JobStore.open(path.join(dataDir, 'harness.db'))).close();
  });

  it('does not leave those waiting for ever whose job can never be written', async () => {
    await using harness = await setUp();
    const { coordinator } = harness;
    const corrupt = Object.assign(new Error('database disk image is malformed'), { code: 'HARNESS_STORE_FAILED' });
    await coordinator.start(jobOf('other', ['x']));
    const write = jest.spyOn(JobStore.prototype, 'write').mockImplementation(async (changes) => {
      if (!changes.some((change) => change.kind === 'job' && change.record.status === 'running')) throw corrupt;
    });
    try {
      await coordinator.start(jobOf('job', ['a', 'b']));
      expect((await rejection(coordinator.wait('job'))).code).toBe('JOB_UNKNOWN');
      expect(coordinator.getMetrics()).toMatchObject({ runningJobs: 1, activeWorkers: 1 });
    } finally {
      write.mockRestore();
    }
  });
});
