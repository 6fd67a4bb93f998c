import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newRepository, shellAgent } from './git-samples.js';
import { COMPUTE, type ConfigObject, HARNESS, type RunningHost, startHost, WORKFLOW, writeConfig } from './running-host.js';
import { until } from './until.js';
import { flowFolder } from './workflow-samples.js';

const SUBSYSTEMS = ['compute.wasm', 'workflow.pipeline', 'harness.scale'] as const;
/** Operations to divide, on any machine: enough for shares that differ, fewer than are wanted. */
const BUDGET = 8;

interface Subsystem {
  readonly name: string;
  readonly ceiling: number;
  readonly limits: { readonly maxConcurrentOperations: number };
  readonly metrics: Readonly<Record<string, number>>;
}

let host: RunningHost;
let jobs = 0;

async function seen(): Promise<Record<(typeof SUBSYSTEMS)[number], Subsystem>> {
  const { json } = await host.request('/v1/status');
  return Object.fromEntries(json.subsystems.map((subsystem: Subsystem) => [subsystem.name, subsystem])) as never;
}

async function ceilings(): Promise<[compute: number, workflow: number, harness: number]> {
  const now = await seen();
  return [now['compute.wasm'].ceiling, now['workflow.pipeline'].ceiling, now['harness.scale'].ceiling];
}

/** Thirty agents that only wait: more than any share. */
async function startAgents(): Promise<string> {
  jobs += 1;
  const issues = Array.from({ length: 30 }, (_, index) => ({ id: `i${index}`, title: 'Wait', body: '' }));
  const job = { id: `job-${jobs}`, repo: newRepository(), issues, agent: shellAgent('sleep 600'), verify: ['true'] };
  const { status } = await host.call('harness.start', job, { authorization: `Bearer ${host.token}` });
  expect(status).toBe(200);
  return job.id;
}

async function cancelAgents(id: string): Promise<void> {
  const { status } = await host.call('harness.cancel', { id }, { authorization: `Bearer ${host.token}` });
  expect(status).toBe(200);
}

/** All cost the same here, so that shares can be read off the ceilings. */
function configFor(cores: number): ConfigObject {
  const policy = (weight: number) => ({ weight, floor: 1, costCores: cores / BUDGET });
  return {
    governor: {
      periodMs: 100,
      downWindowMs: 200,
      overcommit: 1,
      subsystems: { 'compute.wasm': policy(1), 'workflow.pipeline': policy(1), 'harness.scale': policy(3) },
    },
    plugins: {
      compute: { from: COMPUTE },
      workflow: { from: WORKFLOW, config: { definitions: ['flows/*.ts'], maxConcurrentTransactions: 64 } },
      harness: { from: HARNESS, config: { scale: { minWorkers: 4, maxWorkers: 30, scaleCooldownMs: 0 }, killGraceMs: 100 } },
    },
  };
}

beforeAll(async () => {
  const folder = flowFolder();
  host = await startHost({ folder, config: configFor(1) });
  // a control group may give it less than the machine has, and no whole number
  writeConfig(folder, configFor((await host.request('/v1/status')).json.machine.cores));
  expect(await host.bellows(['reload'])).toMatchObject({ code: 0, stderr: '' });
  const file = path.join(folder, 'effects.jsonl');
  const stages = [{ name: 'a', run: 'effect', input: { file, sleepMs: 400 } }];
  await host.call('workflow.define', { json: { name: 'slow', version: 1, stages } });
});

describe('one budget for three subsystems', () => {
  let feeding = true;
  let feeder: Promise<void>;
  let job: string;

  it('gives two hungry ones their shares by weight, each at least its floor, and the idle one its floor', async () => {
    feeder = (async () => {
      while (feeding) {
        const { metrics } = (await seen())['workflow.pipeline'];
        if ((metrics.demand ?? 0) < 60) {
          await Promise.all(Array.from({ length: 40 }, () => host.call('workflow.start', { name: 'slow', input: {} })));
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    job = await startAgents();
    // all in one look: what they want, and with it what they are given, changes from one to the next
    await until('shares by weight of the whole budget, and the floor of the idle one', async () => {
      const [compute, workflow, harness] = await ceilings();
      return compute === 1 && workflow > 1 && harness >= 2 * workflow && compute + workflow + harness === BUDGET;
    });
    await until('as many agents as are allowed', async () => {
      const { ceiling, metrics, limits } = (await seen())['harness.scale'];
      return metrics.inUse === Math.min(ceiling, limits.maxConcurrentOperations) && metrics.inUse >= 4;
    });
  });

  it('lends the share of the one that has nothing to do', async () => {
    const before = (await seen())['workflow.pipeline'].ceiling;
    await cancelAgents(job);
    expect(before).toBeLessThan(BUDGET - 2);
    await until('all but the two other floors for the one that is hungry', async () => {
      const [compute, workflow, harness] = await ceilings();
      return harness === 1 && compute === 1 && workflow === BUDGET - 2;
    });
  });

  it('returns it as soon as its owner wants it', async () => {
    await startAgents().then((id) => {
      job = id;
    });
    await until('the share to be back', async () => {
      const [, workflow, harness] = await ceilings();
      return harness >= 2 * workflow;
    });
    feeding = false;
    await feeder;
    await cancelAgents(job);
  });

  it('explains every step with its numbers', async () => {
    for (const name of ['workflow.pipeline', 'harness.scale']) {
      const { json } = await host.request(`/v1/decisions?subsystem=${name}&limit=1000`);
      const applied = json.decisions.filter(({ outcome }: { outcome: string }) => outcome === 'applied');
      expect(applied.length).toBeGreaterThanOrEqual(2);
      expect(applied.map(({ limitedBy }: { limitedBy: string }) => limitedBy)).toContain('share');
      for (const { reason, to, inputs } of applied) {
        expect(reason).toContain(`${to} given`);
        expect(inputs.demand).toEqual(expect.any(Number));
      }
      const { code, stdout } = await host.bellows(['explain', name]);
      expect(code).toBe(0);
      expect(stdout).toContain('limited by');
    }
  });

  it('stops cleanly with work waiting in all of them', async () => {
    await startAgents();
    expect((await host.stop()).code).toBe(0);
  });
});
