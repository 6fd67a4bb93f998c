import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { documentText } from './document-blocks.js';
import { followInOrder, readerIn } from './followed-documents.js';
import { COMMIT, git, newRepository, shellAgent } from './git-samples.js';
import {
  COMPUTE,
  HARNESS,
  HOST_MAIN,
  REPOSITORY,
  type RunningHost,
  runBellows,
  startHost,
  startProcess,
  WORKFLOW,
  writeConfig,
} from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';
import { ADD, base64 } from './wasm-samples.js';
import { flowFolder } from './workflow-samples.js';

const PAGE = 'docs/how-to/back-up-and-restore.md';

describe(PAGE, () =>
  followInOrder(stepsOf(documentText(PAGE)), () => {
    const folder = tempFolder('bellows-back-up');
    mkdirSync(path.join(folder, 'plugins'));
    symlinkSync(path.join(REPOSITORY, 'plugins/workflow'), path.join(folder, 'plugins/workflow'));
    return readerIn(folder, HOST_MAIN);
  }),
);

const CONFIG = {
  plugins: {
    compute: { from: COMPUTE },
    workflow: { from: WORKFLOW, config: { definitions: ['flows/*.ts'] } },
    harness: { from: HARNESS, config: { killGraceMs: 200 } },
  },
};

/** Callers that start runs until they are told to stop; `acknowledged` are the runs that were answered. */
function startRuns(host: RunningHost, input: unknown) {
  const acknowledged: string[] = [];
  let isOver = false;
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const { status, json } = await host.call('workflow.start', { name: 'chain', input });
      if (status === 200) acknowledged.push(json.id);
    }
  });
  return { acknowledged, stop: () => Promise.all([(isOver = true), ...callers]) };
}

describe('a backup of a host that is at work', () => {
  it('is one from which every run and job acknowledged before goes on, and every module is there', async () => {
    const folder = flowFolder();
    const host = await startHost({ folder, config: CONFIG });
    const file = path.join(folder, 'effects.jsonl');
    expect((await host.call('compute.put', { name: 'add', wasm: base64(ADD) })).status).toBe(200);
    const stages = [
      { name: 'large', run: 'effect', input: { file, bytes: 100_000 } },
      { name: 'sum', operation: 'compute.invoke', input: { module: 'add', export: 'add', args: [2, 3] }, dependsOn: ['large'] },
      { name: 'go', signal: 'go', dependsOn: ['sum'] },
      { name: 'length', run: 'length', input: '${stages.large.output}', dependsOn: ['go'] },
    ];
    expect((await host.call('workflow.define', { json: { name: 'chain', version: 1, stages } })).json).toMatchObject({ name: 'chain' });
    const repo = newRepository();
    const gate = path.join(folder, 'gate');
    const job = {
      repo,
      branch: 'work',
      issues: [{ id: 'a', title: 'a', body: '' }],
      agent: shellAgent(`until test -e ${gate}; do sleep 0.05; done; ${COMMIT}`),
      verify: ['true'],
      id: 'job',
    };
    const harness = (of: RunningHost, name: string, input: unknown) =>
      of.call(`harness.${name}`, input, { authorization: `Bearer ${of.token}` });
    expect((await harness(host, 'start', job)).json).toEqual({ id: 'job' });
    const runs = startRuns(host, {});
    await until('some runs', () => runs.acknowledged.length >= 30);
    const before = [...runs.acknowledged];

    const copy = path.join(tempFolder(), 'copy');
    const { code, stdout, stderr } = await runBellows(['backup', copy, '--json'], { cwd: folder });
    expect([code, stderr]).toEqual([0, '']);
    const { running, files } = JSON.parse(stdout) as { running: boolean; files: { path: string }[] };
    expect(running).toBe(true);
    const databases = ['harness/harness.db', 'store.db', 'workflow/flow.db', 'workflow/spill.db'];
    expect(files.map((one) => one.path)).toEqual(expect.arrayContaining([...databases, 'version']));
    await until('runs after the backup', () => runs.acknowledged.length > before.length + 5);
    await runs.stop();
    await host.stop('SIGKILL');

    writeFileSync(gate, '');
    const restoredFolder = flowFolder();
    cpSync(copy, path.join(restoredFolder, '.bellows'), { recursive: true });
    const restored = await startHost({ folder: restoredFolder, config: CONFIG });
    for (const id of before) {
      await restored.call('workflow.signal', { id, name: 'go' });
      const { json } = await restored.call('workflow.wait', { id, timeoutMs: 30_000 });
      expect([id, json.status, json.stages.at(-1).output]).toEqual([id, 'completed', 100_000]);
    }
    const { json } = await harness(restored, 'wait', { id: 'job', timeoutMs: 30_000 });
    expect([json.status, json.landed.length]).toEqual(['completed', 1]);
    expect(git(repo, 'log', '--first-parent', '--merges', '--format=%s', 'work').split('\n')).toHaveLength(1);
    expect((await restored.stop()).code).toBe(0);
  });

  it('is never taken for one when it was killed, and the host goes on', async () => {
    const folder = flowFolder();
    const host = await startHost({ folder, config: CONFIG });
    const target = tempFolder();
    const backup = startProcess(['backup', path.join(target, 'copy')], { cwd: folder });
    await until('the folder that is being made', () => readdirSync(target).length > 0);
    backup.child.kill('SIGKILL');
    await backup.exit;
    // it may have been quicker
    for (const name of readdirSync(target)) expect(name).toMatch(/^copy(\.unfinished-.+)?$/);
    const { code } = await runBellows(['backup', path.join(target, 'next')], { cwd: folder });
    expect(code).toBe(0);
    expect((await host.call('workflow.list')).status).toBe(200);
    expect((await host.stop()).code).toBe(0);
  });

  it('is not asked of a host by its address, whose data is elsewhere', async () => {
    const folder = flowFolder();
    const target = path.join(folder, 'backup');
    const { code, stderr } = await runBellows(['--url', 'http://127.0.0.1:9', 'backup', target], { cwd: folder });
    expect([code, stderr, existsSync(target)]).toEqual([2, expect.stringContaining('name that with --data'), false]);
  });

  it('that was cut off, put in the place of the data, is refused at a start with what to do', async () => {
    const folder = flowFolder();
    await (await startHost({ folder, config: CONFIG })).stop();
    truncateSync(path.join(folder, '.bellows/workflow/flow.db'));
    const { code, stderr } = await runBellows(['start', '--config', writeConfig(folder, CONFIG)], { cwd: folder });
    expect(code).not.toBe(0);
    expect(stderr).toContain('flow.db is damaged or no database of runs (it is empty');
    expect(stderr).toContain('FLOW_STORE_CORRUPT');
  });
});
