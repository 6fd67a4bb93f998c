import { describe, expect, it } from '@jest/globals';
import { until } from '../running-harness.js';
import { DEAD, jobOf, setUp } from './fake-coordinator.js';

describe('the workers of a coordinator', () => {
  it('gives a worker its next issue while the workspace of the last one is removed, and ends the job after that', async () => {
    await using harness = await setUp({ maxWorkers: 1 });
    const { coordinator, commands, agents, services, claims } = harness;
    const removals: (() => void)[] = [];
    services.workspaces.remove = () => new Promise((resolve) => removals.push(resolve));
    await coordinator.start(jobOf('job', ['a', 'b', 'c']));
    for (const [index, issue] of ['a', 'b', 'c'].entries()) {
      // no more folders wait to be removed than there are workers
      if (index === 2) {
        await until(() => removals.length === 2);
        expect(commands.agents).toHaveLength(2);
        removals[1]?.();
      }
      await agents(index + 1);
      commands.agentOf(issue).exit();
    }
    await until(() => removals.length === 3);
    removals[2]?.();
    expect(coordinator.get('job')).toMatchObject({ status: 'running', landed: [{}, {}, {}] });
    expect(claims).toEqual(['+bellows/job']);
    removals[0]?.();
    expect((await coordinator.wait('job')).status).toBe('completed');
  });

  it('removes what a session left also when the metrics cannot be shown', async () => {
    const display = () => {
      throw new Error('no terminal');
    };
    await using harness = await setUp({ enableScaleManager: true }, {}, { services: { display } });
    const { coordinator, commands, agents, workspaces } = harness;
    await coordinator.start(jobOf('job', ['a', 'b', 'c', 'd', 'e']));
    for (let count = 1; count <= 5; count += 1) {
      await agents(count);
      commands.agents[count - 1]?.exit();
    }
    expect((await coordinator.wait('job')).status).toBe('completed');
    expect([...workspaces]).toEqual([]);
  });

  it('judges and tells stalls by the scale configuration it was given', async () => {
    await using harness = await setUp({ scaleConfig: { workerStallTimeoutMs: 60_000 } }, { maxAttempts: 1 });
    const { coordinator, commands, clock, agents } = harness;
    await coordinator.start(jobOf('job', ['a']));
    await agents(1);
    commands.agentOf('a').now = DEAD;
    await clock.advance(30_000);
    expect((await coordinator.wait('job')).issues[0]?.message).toMatch(/workerStallTimeoutMs, 60000 ms/);
  });

  it('asks for no more workers than its jobs may have, and says why others wait', async () => {
    await using harness = await setUp({ enableScaleManager: true, maxWorkers: 30 });
    const { coordinator, agents } = harness;
    const issues = Array.from({ length: 50 }, (_, index) => `i${index}`);
    await coordinator.start({ ...jobOf('job', issues, { maxWorkers: 2 }) });
    await agents(2);
    expect(coordinator.getMetrics()).toMatchObject({ currentWorkers: 4, activeWorkers: 2, queueDepth: 0, scaleOperations: 0 });
    expect(coordinator.scaleManager.getScalingMetrics()).toMatchObject({ demand: 2, 'queue.depth': 0, 'queue.oldestMs': 0 });
    expect(coordinator.getMetrics().workers.reason).toMatch(/48 wait because their jobs have all the workers they asked for/);
  });

  it('runs the jobs of its state one after the other where they would not find room', async () => {
    const state = { jobs: [jobOf('one', ['a', 'b', 'c']), jobOf('two', ['d', 'e', 'f'])] };
    await using harness = await setUp({ scaleConfig: { maxQueueDepth: 3 } }, {}, { state });
    const { coordinator, commands, clock, agents } = harness;
    const running = coordinator.run();
    for (let count = 1; count <= 6; count += 1) {
      await until(async () => {
        await clock.advance(1_000);
        return commands.agents.length >= count;
      });
      await agents(count);
      commands.agents[count - 1]?.exit();
    }
    expect((await running).map(({ id, status }) => [id, status])).toEqual([
      ['one', 'completed'],
      ['two', 'completed'],
    ]);
  });
});
