import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMIT, git, newRepository, shellAgent } from './git-samples.js';
import { HARNESS, type RunningHost, startHost, WORKFLOW } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

interface Scene {
  readonly folder: string;
  readonly repo: string;
  /** There as soon as the agent works. */
  readonly begun: string;
  /** The agent goes on when this is there. */
  readonly goOn: string;
}

/** A stage that runs one agent, which waits to be let on; no attempt may be wasted. */
async function runAgent(host: RunningHost, { repo, begun, goOn }: Scene, id: string): Promise<void> {
  const script = `touch ${begun}; while ! test -e ${goOn}; do sleep 0.05; done; ${COMMIT}`;
  const input = { repo, branch: 'work', issues: [{ id: 'one', title: 'One', body: '' }], agent: shellAgent(script), verify: ['true'] };
  const stages = [
    { name: 'agent', operation: 'harness.run', input, retry: { maxAttempts: 1 } },
    { name: 'after', timer: 1, dependsOn: ['agent'] },
  ];
  expect((await host.call('workflow.define', { json: { name: 'agent', version: 1, stages } })).status).toBe(200);
  const started = await host.call('workflow.start', { name: 'agent', input: {}, id }, { authorization: `Bearer ${host.token}` });
  expect(started.status).toBe(200);
  await until('the agent', () => existsSync(begun));
}

function scene(): Scene {
  const marks = tempFolder('bellows-marks');
  return { folder: tempFolder('bellows-agent'), repo: newRepository(), begun: path.join(marks, 'begun'), goOn: path.join(marks, 'go-on') };
}

function start(folder: string, order: readonly ('workflow' | 'harness')[]): Promise<RunningHost> {
  const from = { workflow: WORKFLOW, harness: HARNESS };
  const config = { killGraceMs: 200, scale: { minWorkers: 2 } };
  const plugins = Object.fromEntries(order.map((name) => [name, { from: from[name], ...(name === 'harness' ? { config } : {}) }]));
  return startHost({ folder, config: { plugins } });
}

describe('a workflow with an agent at work', () => {
  it.each([
    ['SIGKILL', ['workflow', 'harness']],
    ['SIGKILL', ['harness', 'workflow']],
    ['SIGTERM', ['workflow', 'harness']],
    ['SIGTERM', ['harness', 'workflow']],
  ] as const)('goes on with the same job after %s, with plugins in the order %j', async (signal, order) => {
    const at = scene();
    let host = await start(at.folder, order);
    await runAgent(host, at, 'run');
    const { code } = await host.stop(signal);
    if (signal === 'SIGTERM') expect(code).toBe(0);
    host = await start(at.folder, order);
    writeFileSync(at.goOn, '');
    const { json } = await host.call('workflow.wait', { id: 'run', timeoutMs: 60_000 });
    expect([json.status, json.stages[0].attempts]).toEqual(['completed', 1]);
    expect(json.stages[0].output).toMatchObject({ status: 'completed', landed: [{ issue: 'one' }] });
    expect(git(at.repo, 'rev-list', '--first-parent', '--count', 'work')).toBe('2');
    const jobs = (await host.call('harness.list', {}, { authorization: `Bearer ${host.token}` })).json.items;
    expect(jobs).toHaveLength(1);
  });

  it('takes its job with it when it is cancelled: nothing lands afterwards', async () => {
    const at = scene();
    const host = await start(at.folder, ['workflow', 'harness']);
    await runAgent(host, at, 'run');
    expect((await host.call('workflow.cancel', { id: 'run' })).status).toBe(200);
    const { json } = await host.call('workflow.wait', { id: 'run', timeoutMs: 30_000 });
    expect(json.status).toBe('cancelled');
    const job = await until('the end of the job', async () => {
      const { items } = (await host.call('harness.list', {}, { authorization: `Bearer ${host.token}` })).json;
      return items[0]?.status === 'running' ? undefined : items[0];
    });
    expect(job.status).toBe('cancelled');
    writeFileSync(at.goOn, '');
    expect(git(at.repo, 'branch', '--list', 'bellows/work/*')).toBe('');
    expect(git(at.repo, 'rev-list', '--count', '--all')).toBe('1');
  });
});
