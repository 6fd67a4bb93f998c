import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type CallOptions,
  FULL_AUTHORITY,
  type IOperations,
  type IScalableSubsystem,
  type OperationDefinition,
  type PluginContext,
  type Reconfigure,
  silentLogger,
  systemClock,
  systemRandom,
  z,
} from '@bellows/sdk';
import { describe, expect, it } from '@jest/globals';
import { type HarnessConfig, harnessConfigSchema } from '../src/config.js';
import { activateHarness } from '../src/plugin.js';
import { git, makeRepository, rejection, STUB_AGENT, STUB_VERIFY, scratchFolder, stubIssue } from './running-harness.js';

type Definition = OperationDefinition<never, unknown>;

/** The plugin as a host runs it. */
async function startPlugin(folder: string, config: z.input<typeof harnessConfigSchema> = {}) {
  await mkdir(path.join(folder, 'data'), { recursive: true });
  const operations = new Map<string, Definition>();
  const owned: (() => unknown)[] = [];
  const applies: Reconfigure<HarnessConfig>[] = [];
  const subsystems: IScalableSubsystem[] = [];
  const ctx = {
    id: 'harness',
    config: harnessConfigSchema.parse(config),
    dataDir: path.join(folder, 'data'),
    configFolder: folder,
    operations: { provide: (definition: Definition) => operations.set(definition.name, definition) } as unknown as IOperations,
    logger: silentLogger,
    clock: systemClock,
    random: systemRandom,
    signal: new AbortController().signal,
    get: () => ({ latest: { cores: 2 } }),
    own: (release: () => unknown) => owned.push(release),
    onReconfigure: (apply: Reconfigure<HarnessConfig>) => applies.push(apply),
    registerSubsystem: (subsystem: IScalableSubsystem) => subsystems.push(subsystem),
  } as unknown as PluginContext<HarnessConfig>;
  const call = async <O>(name: string, input: unknown, options: CallOptions = {}): Promise<O> => {
    const operation = operations.get(name);
    if (operation === undefined) throw new Error(`there is no ${name}`);
    const signal = options.signal ?? new AbortController().signal;
    const context = {
      operation: name,
      tenant: 'default',
      user: 'test',
      criticality: 'degraded',
      signal,
      traceId: 'test',
      authority: FULL_AUTHORITY,
    } as const;
    const key = options.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey };
    const answer = await operation.handler(operation.input.parse(input) as never, {
      ...context,
      deadlineAt: Number.POSITIVE_INFINITY,
      ...key,
    });
    return operation.output.parse(answer) as O;
  };
  const stop = async () => {
    for (const release of owned.reverse()) await release();
  };
  try {
    await activateHarness(ctx);
  } catch (error) {
    await stop();
    throw error;
  }
  return { call, operations, subsystems, applies, config: ctx.config, stop, [Symbol.asyncDispose]: stop };
}

const command = { agent: { driver: 'plain', command: [STUB_AGENT] }, verify: [STUB_VERIFY] };

describe('the plugin harness', () => {
  it('lands issues of a Markdown list, and shows the job in every way', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    await writeFile(path.join(repo, 'issues.md'), '- [ ] One {#one}\n  stub: ok\n- [ ] Two {#two after:#one}\n');
    await writeFile(path.join(repo, 'README.md'), 'changed\n');
    await using harness = await startPlugin(scratch.path);
    const input = { repo: 'repo', issues: { file: 'issues.md' }, ...command, id: 'list' };
    expect(await harness.call('harness.start', input)).toEqual({ id: 'list' });
    expect(await harness.call('harness.start', input)).toEqual({ id: 'list' });
    const job = await harness.call<Record<string, unknown>>('harness.wait', { id: 'list' });
    expect(job).toMatchObject({
      status: 'completed',
      branch: 'bellows/list',
      landed: [{ issue: 'one' }, { issue: 'two' }],
      failed: [],
      repo,
    });
    expect(job.warnings).toEqual([expect.stringMatching(/do not see the uncommitted changes of 1 files \(README.md\)/)]);
    expect(await harness.call('harness.get', { id: 'list' })).toEqual(job);
    expect(await harness.call('harness.list', {})).toMatchObject({ items: [{ id: 'list', issues: 2, landed: 2, failed: 0 }] });
    const metrics = await harness.call('harness.metrics', {});
    expect(metrics).toMatchObject({ runningJobs: 0, totalSessionsCompleted: 2, health: 'healthy', workers: { limit: 4 } });
    expect((await rejection(harness.call('harness.cancel', { id: 'list' }))).code).toBe('JOB_ENDED');
    expect((await rejection(harness.call('harness.get', { id: 'other' }))).code).toBe('JOB_UNKNOWN');
    expect(await git(repo, 'log', '--format=%s', '-1', 'main')).toBe('first');
  });

  it('answers a run with what landed and what did not; a repeated call with the same key is the same run', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    await using harness = await startPlugin(scratch.path, { maxAttempts: 1 });
    const input = { repo, issues: [stubIssue('good'), stubIssue('bad', 'exit=1')], ...command };
    const first = await harness.call<{ landed: { commit: string }[] }>('harness.run', input, { idempotencyKey: 'stage-1' });
    expect(first).toMatchObject({
      status: 'partial',
      landed: [{ issue: 'good' }],
      failed: [{ issue: 'bad', reason: 'agent_failed', attempts: 1 }],
    });
    expect(await harness.call('harness.run', input, { idempotencyKey: 'stage-1' })).toEqual(first);
    expect(await git(repo, 'cat-file', '-t', first.landed[0]?.commit ?? '')).toBe('commit');
  });

  it('refuses branches that are in use and repositories that are none, and leaves nothing behind', async () => {
    await using scratch = await scratchFolder();
    const repo = await makeRepository(scratch.path);
    await using harness = await startPlugin(scratch.path);
    const code = async (more: Record<string, unknown>) =>
      (await rejection(harness.call('harness.start', { repo, issues: [stubIssue('a')], ...command, ...more }))).code;
    expect(await code({ branch: 'main' })).toBe('BRANCH_CHECKED_OUT');
    expect(await code({ branch: 'no..good' })).toBe('BRANCH_INVALID');
    expect(await code({ repo: 'nowhere' })).toBe('REPO_INVALID');
    expect(await code({ issues: { file: 'missing.md' } })).toBe('ISSUES_INVALID');
    expect(await code({ agent: { driver: 'claude', command: ['claude'] } })).toBe('FEATURE_UNSUPPORTED');
    expect(await harness.call('harness.list', {})).toEqual({ items: [] });
    const landed = await harness.call('harness.run', {
      repo,
      issues: [stubIssue('a')],
      ...command,
      branch: 'main',
      landOnCheckedOut: true,
    });
    expect(landed).toMatchObject({ status: 'completed' });
    expect(await git(repo, 'status', '--porcelain')).toBe('');
  });

  it('marks what runs commands, and what only reads', async () => {
    await using scratch = await scratchFolder();
    await using harness = await startPlugin(scratch.path);
    const rules = Object.fromEntries([...harness.operations.values()].map(({ name, role, runsCommands }) => [name, [role, runsCommands]]));
    expect(rules).toEqual({
      'harness.start': [undefined, true],
      'harness.run': [undefined, true],
      'harness.loadTest': [undefined, true],
      'harness.cancel': [undefined, undefined],
      'harness.get': ['reader', undefined],
      'harness.wait': ['reader', undefined],
      'harness.list': ['reader', undefined],
      'harness.metrics': ['reader', undefined],
    });
    expect(harness.subsystems.map(({ name }) => name)).toEqual(['harness.scale']);
    for (const { input, output } of harness.operations.values())
      expect(() => [z.toJSONSchema(input, { io: 'input' }), z.toJSONSchema(output)]).not.toThrow();
  });

  it('does not start with numbers that contradict each other, and stops without having started', async () => {
    await using scratch = await scratchFolder();
    expect((await rejection(startPlugin(scratch.path, { scale: { minWorkers: 9, maxWorkers: 8 } }))).code).toBe('SCALE_CONFIG_INVALID');
  });

  it('takes changes of live options over, and refuses numbers that contradict each other', async () => {
    await using scratch = await scratchFolder();
    await using harness = await startPlugin(scratch.path);
    const { config: previous, applies, subsystems } = harness;
    const [apply] = applies;
    const changeTo = async (config: HarnessConfig) =>
      apply?.({ config, previous, changed: ['scale.maxWorkers'], signal: new AbortController().signal });
    await changeTo(harnessConfigSchema.parse({ scale: { maxWorkers: 3 } }));
    expect(subsystems[0]?.currentLimits.maxConcurrentOperations).toBe(3);
    const contradicting = harnessConfigSchema.parse({ scale: { maxWorkers: 3, scaleDownThreshold: 5 } });
    expect(await rejection(changeTo(contradicting))).toMatchObject({ kind: 'refused', code: 'SCALE_CHANGE_REFUSED' });
    expect(subsystems[0]?.currentLimits.maxConcurrentOperations).toBe(3);
  });

  it('runs a load test of a given size', async () => {
    await using scratch = await scratchFolder();
    await using harness = await startPlugin(scratch.path);
    const results = await harness.call('harness.loadTest', { scenario: 'smoke', totalIssues: 4, concurrentAgents: 2, speed: 200 });
    expect(results).toMatchObject({ issuesLanded: 4, speedFactor: 200, passed: true });
  });
});
