import { CancelledError, DeadlineError, FULL_AUTHORITY, NotReadyError, PluginError } from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { type MustLand, runJob } from '../src/run-operation.js';
import { jobOf, setUp } from './jobs/fake-coordinator.js';
import { rejection, until } from './running-harness.js';

const caller = { tenant: 'default', user: 'default', authority: FULL_AUTHORITY };

async function running(issues: readonly string[] = ['a'], mustLand?: MustLand) {
  const harness = await setUp({}, { maxAttempts: 1 });
  const aborter = new AbortController();
  const answer = runJob(harness.coordinator, { request: jobOf('job', issues), mustLand, caller, signal: aborter.signal });
  answer.catch(() => {});
  await harness.agents(issues.length);
  return { ...harness, answer, aborter };
}

describe('a run whose caller goes away', () => {
  it.each([
    ['closed its connection', new CancelledError('CANCELLED', 'gone')],
    ['was cancelled', new CancelledError('RUN_CANCELLED', 'cancelled')],
    ['ran out of time', new DeadlineError('DEADLINE_EXCEEDED', 'late')],
  ])('because it %s cancels the job, and rejects when no agent runs any more', async (_why, reason) => {
    await using run = await running();
    run.aborter.abort(reason);
    expect(await rejection(run.answer)).toBe(reason);
    expect(run.commands.agents[0]?.causes).toEqual(['cancelled']);
    expect(run.coordinator.get('job').status).toBe('cancelled');
    expect(run.workspaces.size).toBe(0);
  });

  it.each([
    new NotReadyError('OPERATION_STOPPING', 'the plugin stops'),
    new NotReadyError('WORKFLOW_STOPPING', 'the workflow plugin stops'),
    new PluginError('PLUGIN_STOPPING', 'the plugin stops'),
  ])('because of $code lets the job go on', async (reason) => {
    await using run = await running();
    run.aborter.abort(reason);
    expect(await rejection(run.answer)).toBe(reason);
    expect(run.coordinator.get('job').status).toBe('running');
    run.commands.agentOf('a').exit();
    expect((await run.coordinator.wait('job')).status).toBe('completed');
  });

  it('while the harness stops lets the job go on after the next start', async () => {
    await using run = await running();
    const stopped = run.coordinator.stop();
    run.aborter.abort(new CancelledError('CANCELLED', 'gone'));
    expect((await rejection(run.answer)).code).toBe('HARNESS_STOPPING');
    await stopped;
    const next = run.make();
    await next.initialize();
    expect(next.get('job').status).toBe('running');
    await next.stop();
  });
});

describe('a run that is repeated under its key', () => {
  it('finds its job, and begins another one when that was cancelled because time had run out', async () => {
    await using harness = await setUp({}, { maxAttempts: 1 });
    const { id: _id, ...request } = jobOf('job', ['a']);
    const attempt = (signal = new AbortController().signal) =>
      runJob(harness.coordinator, { request, mustLand: undefined, caller: { ...caller, idempotencyKey: 'run/stage' }, signal });
    const late = new AbortController();
    const first = attempt(late.signal);
    first.catch(() => {});
    await harness.agents(1);
    late.abort(new DeadlineError('STAGE_TIMEOUT', 'late'));
    await rejection(first);
    const second = attempt();
    await harness.agents(2);
    const third = attempt();
    harness.commands.agents[1]?.exit();
    const answers = await Promise.all([second, third]);
    expect(answers.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(answers[0]?.id).toBe(answers[1]?.id);
    expect(
      harness.coordinator
        .list({ limit: 10, cursor: null })
        .items.map(({ status }) => status)
        .sort(),
    ).toEqual(['cancelled', 'completed']);
  });
});

describe('a run that is repeated while its job is being cancelled', () => {
  it('waits for the end of the agents, then begins another job', async () => {
    await using harness = await setUp({}, { maxAttempts: 1 });
    const { id: _id, ...request } = jobOf('job', ['a']);
    const attempt = (signal: AbortSignal) =>
      runJob(harness.coordinator, { request, mustLand: undefined, caller: { ...caller, idempotencyKey: 'run/stage' }, signal });
    const late = new AbortController();
    const first = attempt(late.signal);
    first.catch(() => {});
    await harness.agents(1);
    const [stuck] = harness.commands.agents;
    if (stuck === undefined) throw new Error('no agent');
    stuck.stuck = true;
    late.abort(new DeadlineError('STAGE_TIMEOUT', 'late'));
    await until(() => stuck.causes.length > 0);
    const second = attempt(new AbortController().signal);
    stuck.exit();
    expect((await rejection(first)).code).toBe('STAGE_TIMEOUT');
    await harness.agents(2);
    harness.commands.agents[1]?.exit();
    expect((await second).status).toBe('completed');
  });
});

describe('a run that says what must land', () => {
  const codes = [0, 1] as const;

  it.each([
    ['all', codes, 'JOB_FAILED'],
    ['some', codes, 'partial'],
    [undefined, codes, 'partial'],
    ['some', [1, 1], 'JOB_FAILED'],
    [undefined, [1, 1], 'failed'],
    ['all', [0, 0], 'completed'],
  ] as const)('%j: agents that end with %j make it %s', async (mustLand, [a, b], outcome) => {
    await using run = await running(['a', 'b'], mustLand);
    run.commands.agentOf('a').exit(a);
    run.commands.agentOf('b').exit(b);
    if (outcome !== 'JOB_FAILED') return expect((await run.answer).status).toBe(outcome);
    const error = await rejection(run.answer);
    expect([error.code, error.kind]).toEqual(['JOB_FAILED', 'guest']);
    expect(error.message).toMatch(/b: agent_failed \(The agent ended with exit code 1\)/);
    const { status, landed, failed } = run.coordinator.get('job');
    expect(error.data).toEqual({ id: 'job', status, landed, failed });
  });

  it('is the same request as one that does not', async () => {
    await using run = await running();
    const again = runJob(run.coordinator, { request: jobOf('job', ['a']), mustLand: 'all', caller, signal: run.aborter.signal });
    run.commands.agentOf('a').exit();
    expect(await again).toEqual(await run.answer);
  });
});
