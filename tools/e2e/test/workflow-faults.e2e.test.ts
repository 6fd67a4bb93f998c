import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from './http-client.js';
import { COMPUTE, type RunningHost, runBellows, startHost, WORKFLOW, writeConfig } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';
import { flowFolder } from './workflow-samples.js';

let host: RunningHost;
let file: string;
const codeOf = ({ status, json }: Answer) => [status, json.error?.code];
const define = (stages: unknown, more: object = {}) =>
  host.call('workflow.define', { json: { name: 'faulty', version: 1, stages, ...more } });

function config(workflow: Readonly<Record<string, unknown>> = {}) {
  return {
    plugins: { compute: { from: COMPUTE }, workflow: { from: WORKFLOW, config: { definitions: ['flows/*.ts'], ...workflow } } },
  };
}

async function runToEnd(of: RunningHost, name: string, input: unknown = {}) {
  const { json } = await of.call('workflow.start', { name, input });
  return (await of.call('workflow.wait', { id: json.id, timeoutMs: 30_000 })).json;
}

beforeAll(async () => {
  const folder = flowFolder();
  file = path.join(folder, 'effects.jsonl');
  host = await startHost({ folder, config: config() });
});

describe('a definition that cannot work', () => {
  it('is refused when a stage names an operation that is not there, with the nearest one', async () => {
    const answer = await define([{ name: 'call', operation: 'compute.invok', input: {} }]);
    expect(codeOf(answer)).toEqual([400, 'DEFINITION_INVALID']);
    expect(JSON.stringify(answer.json.error.details)).toContain('compute.invoke');
  });

  it('is refused when it has a cycle, and the cycle is shown', async () => {
    const answer = await define([
      { name: 'a', run: 'noop', dependsOn: ['c'] },
      { name: 'b', run: 'noop', dependsOn: ['a'] },
      { name: 'c', run: 'noop', dependsOn: ['b'] },
    ]);
    expect(codeOf(answer)).toEqual([400, 'DEFINITION_INVALID']);
    expect(JSON.stringify(answer.json.error)).toMatch(/a → b → c → a|b → c → a → b|c → a → b → c/);
  });

  it('is refused when it is 51 stages deep, with the chain, and taken when it is 50', async () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, index) => ({ name: `s${index}`, run: 'noop', dependsOn: index === 0 ? [] : [`s${index - 1}`] }));
    const answer = await host.call('workflow.define', { json: { name: 'deep', version: 1, stages: chain(51) } });
    expect(codeOf(answer)).toEqual([400, 'PIPELINE_TOO_DEEP']);
    expect(answer.json.error.message).toMatch(/s0 → s1/);
    expect(answer.json.error.message).toContain('s50');
    expect((await host.call('workflow.define', { json: { name: 'deep', version: 1, stages: chain(50) } })).status).toBe(200);
    expect((await runToEnd(host, 'deep')).status).toBe('completed');
  });

  it('names every fault at once', async () => {
    const answer = await define([
      { name: 'a', run: 'nobody', dependsOn: ['x'] },
      { name: 'a', operation: 'compute.invoke', bogus: 1 },
      { name: 'b' },
    ]);
    expect(answer.status).toBe(400);
    expect(answer.json.error.details.length).toBeGreaterThanOrEqual(3);
  });

  it.each(['', '{', '- a\n- b', 'name: 5', '&a [*a]', 'name: x\nstages: []'])('is refused as the YAML %j', async (yaml) => {
    const answer = await host.call('workflow.define', { yaml });
    expect(answer.status).toBe(400);
    expect(answer.json.error.code).toMatch(/DEFINITION_INVALID|INPUT_INVALID/);
  });

  it('stops the start of the host when it is in a file, with file, line and reason', async () => {
    const folder = flowFolder({ 'bad.yaml': 'name: bad\nstages:\n  - name: a\n    run: nobody-has-this\n' });
    writeConfig(folder, config({ definitions: ['flows/*.{ts,yaml}'] }));
    for (const command of ['check', 'start']) {
      const { code, stderr } = await runBellows([command, '--config', path.join(folder, 'bellows.yaml')], { cwd: folder });
      expect([command, code]).toEqual([command, 2]);
      expect(stderr).toMatch(/flows\/bad\.yaml:4:\d+ .*nobody-has-this/);
    }
  });

  it('is refused when it changed without a new version', async () => {
    const first = [{ name: 'a', run: 'noop' }];
    expect((await host.call('workflow.define', { json: { name: 'versioned', version: 1, stages: first } })).status).toBe(200);
    expect((await host.call('workflow.define', { json: { name: 'versioned', version: 1, stages: first } })).status).toBe(200);
    const changed = [...first, { name: 'b', run: 'noop' }];
    expect(codeOf(await host.call('workflow.define', { json: { name: 'versioned', version: 1, stages: changed } }))).toEqual([
      409,
      'DEFINITION_CHANGED',
    ]);
    expect((await host.call('workflow.define', { json: { name: 'versioned', version: 2, stages: changed } })).json).toMatchObject({
      version: 2,
    });
  });
});

describe('a run', () => {
  it('of 400 stages side by side completes', async () => {
    const stages = Array.from({ length: 400 }, (_, index) => ({ name: `w${index}`, run: 'noop' }));
    const all = [...stages, { name: 'end', run: 'noop', dependsOn: stages.map(({ name }) => name) }];
    expect((await host.call('workflow.define', { json: { name: 'wide', version: 1, stages: all } })).json.stages).toBe(401);
    const run = await runToEnd(host, 'wide');
    expect([run.status, run.stages.length]).toEqual(['completed', 401]);
  });

  it.each(['bigint', 'function', 'circle'])('fails with OUTPUT_INVALID when a stage answers a %s', async (kind) => {
    await host.call('workflow.define', {
      json: { name: 'no-json', version: 1, stages: [{ name: 'odd', run: 'noJson', input: { kind: '${input.kind}' } }] },
    });
    const run = await runToEnd(host, 'no-json', { kind });
    expect([run.status, run.error.code, run.stages[0].attempts]).toEqual(['failed', 'OUTPUT_INVALID', 1]);
  });

  it('tries again what failed, and says how often', async () => {
    await host.call('workflow.define', {
      json: {
        name: 'flaky',
        version: 1,
        stages: [{ name: 'a', run: 'effect', input: { file, failTimes: 2 }, retry: { maxAttempts: 3, initialMs: 5 } }],
      },
    });
    const run = await runToEnd(host, 'flaky');
    expect([run.status, run.stages[0].attempts]).toEqual(['completed', 3]);
  });

  it('rolls back dependants first, waves in parallel, and names what could not be undone', async () => {
    const stage = (name: string, dependsOn: string[], always = false) => ({
      name,
      run: 'effect',
      dependsOn,
      input: { file },
      compensate: { run: 'undo', input: { file, always }, retry: { maxAttempts: 1 } },
    });
    await host.call('workflow.define', {
      json: {
        name: 'saga',
        version: 1,
        stages: [
          stage('a', []),
          stage('b', ['a'], true),
          stage('c', ['a']),
          { name: 'd', run: 'effect', dependsOn: ['b', 'c'], input: { file, always: true }, retry: { maxAttempts: 1 } },
        ],
      },
    });
    const run = await runToEnd(host, 'saga');
    expect(run.status).toBe('rollback_failed');
    expect(run.rollback.waves.map((wave: string[]) => [...wave].sort())).toEqual([['b', 'c'], ['a']]);
    expect(run.rollback.errors).toEqual([expect.objectContaining({ stage: 'b' })]);
  });

  it('is cancelled with its compensations, once', async () => {
    await host.call('workflow.define', {
      json: {
        name: 'cancelled',
        version: 1,
        stages: [
          { name: 'a', run: 'effect', input: { file }, compensate: { run: 'undo', input: { file } } },
          { name: 'b', signal: 'never', dependsOn: ['a'] },
        ],
      },
    });
    const { id } = (await host.call('workflow.start', { name: 'cancelled', input: {} })).json;
    await until('the wait', async () => (await host.call('workflow.get', { id })).json.status === 'waiting');
    expect((await host.call('workflow.cancel', { id })).status).toBe(200);
    const run = (await host.call('workflow.wait', { id, timeoutMs: 10_000 })).json;
    expect(run.status).toBe('cancelled');
    expect(run.rollback.rolledBack).toEqual(['a']);
    expect(codeOf(await host.call('workflow.signal', { id, name: 'never', payload: 1 }))).toEqual([409, 'RUN_ENDED']);
  });

  it('that nobody knows is answered with RUN_UNKNOWN', async () => {
    for (const name of ['get', 'wait', 'history', 'cancel']) {
      const input = name === 'wait' ? { id: 'nobody', timeoutMs: 1 } : { id: 'nobody' };
      expect([name, ...codeOf(await host.call(`workflow.${name}`, input))]).toEqual([name, 404, 'RUN_UNKNOWN']);
    }
    expect(codeOf(await host.call('workflow.start', { name: 'nobody', input: {} }))).toEqual([404, 'WORKFLOW_UNKNOWN']);
  });
});

describe('large outputs', () => {
  const stages = (bytes: number, to: string) => [
    { name: 'make', run: 'effect', input: { file: to, bytes } },
    { name: 'measure', run: 'length', input: '${stages.make.output}' },
  ];

  it('above 10 MB go through the store and are read back', async () => {
    await host.call('workflow.define', { json: { name: 'large', version: 1, stages: stages(11 * 1024 * 1024, file) } });
    const run = await runToEnd(host, 'large');
    expect([run.status, run.output]).toEqual(['completed', 11 * 1024 * 1024]);
    const metrics = await host.request('/v1/status');
    expect(JSON.stringify(metrics.json)).toContain('workflow.pipeline');
  });

  it('wait while their file is full, say so, and lose nothing', async () => {
    const folder = flowFolder();
    const to = path.join(folder, 'effects.jsonl');
    const small = await startHost({ folder, config: config({ maxSpillBytes: 4 * 1024 * 1024 }) });
    await small.call('workflow.define', { json: { name: 'large', version: 1, stages: stages(6 * 1024 * 1024, to) } });
    const { id } = (await small.call('workflow.start', { name: 'large', input: {} })).json;
    const stuck = await until('a stage that reports the full disk', async () => {
      const { json } = await small.call('workflow.get', { id });
      return JSON.stringify(json).includes('STORE_FULL') ? json : undefined;
    });
    expect(stuck.status).not.toMatch(/completed|failed/);
    await small.call('workflow.define', { json: { name: 'tiny', version: 1, stages: [{ name: 'a', run: 'noop' }] } });
    expect((await runToEnd(small, 'tiny')).status).toBe('completed');
    await small.stop('SIGKILL');
    const roomy = await startHost({ folder, config: config() });
    const run = (await roomy.call('workflow.wait', { id, timeoutMs: 20_000 })).json;
    expect([run.status, run.output]).toEqual(['completed', 6 * 1024 * 1024]);
  });

  it(`and everything else survive a disk that is really full (${canMount() ? 'on a small tmpfs' : 'no right to mount here: a bounded database instead'})`, async () => {
    if (!canMount()) return expect((await host.request('/health')).status).toBe(200);
    const folder = flowFolder();
    const disk = path.join(folder, '.bellows');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
    try {
      const to = path.join(folder, 'effects.jsonl');
      const full = await startHost({ folder, config: config() });
      await full.call('workflow.define', { json: { name: 'large', version: 1, stages: stages(9 * 1024 * 1024, to) } });
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(bavail * bsize - 5 * 1024 * 1024));
      const { id } = (await full.call('workflow.start', { name: 'large', input: {} })).json;
      await until('a stage that reports the full disk', async () =>
        JSON.stringify((await full.call('workflow.get', { id })).json).includes('STORE_FULL'),
      );
      rmSync(path.join(disk, 'ballast'));
      const run = (await full.call('workflow.wait', { id, timeoutMs: 30_000 })).json;
      expect([run.status, run.output]).toEqual(['completed', 9 * 1024 * 1024]);
      expect((await full.stop()).code).toBe(0);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});

/** Only root in a machine of its own may. */
function canMount(): boolean {
  const folder = tempFolder('bellows-mount');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
