import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CallAuthority, FULL_AUTHORITY, isBellowsError, type OperationDefinition, silentLogger, systemClock } from '@bellows/sdk';
import { checkSubsystem, MemoryStore } from '@bellows/sdk/testing';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type WorkflowConfig, workflowConfigSchema } from '../src/config.js';
import { Retention } from '../src/engine/retention.js';
import { schemas } from '../src/operation-schemas.js';
import { activateWorkflow } from '../src/plugin.js';
import { FlowWriter } from '../src/store/flow-writer.js';
import { rejection } from './engine/engine-host.js';
import { makeContext } from './programs/plugin-context.mjs';

/** Of `node:sqlite`. */
const SQLITE_FULL = 13;
const folders: string[] = [];
const releases: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const release of releases.splice(0)) await release();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface StartOptions {
  readonly config?: Partial<WorkflowConfig>;
  readonly folder?: string;
  readonly store?: MemoryStore;
}

/** The plugin with its files, as a host runs it. */
async function startPlugin({ config = {}, folder, store = new MemoryStore() }: StartOptions = {}) {
  const dataDir = folder ?? (await mkdtemp(path.join(tmpdir(), 'bellows-workflow-')));
  if (folder === undefined) folders.push(dataDir);
  const operations = new Map([
    ['test.echo', (input: unknown) => input],
    ['test.large', (input: unknown) => 'x'.repeat(Number(input))],
    ['test.undo', () => null],
  ]);
  const { context, provided, subsystems, troubles, release } = makeContext({
    config: workflowConfigSchema.parse(config),
    dataDir,
    store,
    operations,
  });
  const running = await activateWorkflow(context);
  releases.push(release);
  await running.resumed;
  /** As the host calls it: input and output fit their schemas. */
  const call = async (
    name: string,
    input: unknown,
    more: { tenant?: string; authority?: CallAuthority; idempotencyKey?: string; signal?: AbortSignal } = {},
  ) => {
    const operation = provided.get(name) as OperationDefinition<unknown, unknown>;
    const options = {
      operation: name,
      tenant: 't',
      user: 'u',
      criticality: 'critical',
      deadlineAt: Infinity,
      traceId: '',
      authority: FULL_AUTHORITY,
    } as const;
    const signal = new AbortController().signal;
    const output = await operation.handler(operation.input.parse(input), { ...options, signal, ...more });
    // what comes over the wire
    return operation.output.parse(JSON.parse(JSON.stringify(output))) as Record<string, never>;
  };
  return { ...running, call, provided, subsystems, troubles, backing: store, dataDir, release };
}

const PIPELINE = {
  name: 'flow',
  stages: [
    { name: 'echo', operation: 'test.echo', input: { n: '${input.n}' }, compensate: { operation: 'test.undo' } },
    { name: 'ask', signal: 'go', dependsOn: ['echo'] },
  ],
};

describe('a disk without room', () => {
  it('leaves the plugin degraded until what waits is written, and loses nothing', async () => {
    const { call, troubles } = await startPlugin();
    await call('workflow.define', { json: PIPELINE });
    await call('workflow.start', { name: 'flow', input: { n: 4 }, id: 'one' });
    const full = jest.spyOn(FlowWriter.prototype, 'write').mockImplementation(() => {
      throw Object.assign(new Error('database or disk is full'), { errcode: SQLITE_FULL });
    });
    const signalled = call('workflow.signal', { id: 'one', name: 'go', payload: 1 }).catch(() => undefined);
    try {
      while (troubles.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect([...troubles]).toEqual([['STORE_FULL', expect.stringMatching(/^The log of runs cannot be written.*free disk space/)]]);
    } finally {
      full.mockRestore();
    }
    while (troubles.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await signalled;
    await call('workflow.signal', { id: 'one', name: 'go', payload: 1 }).catch(() => undefined);
    expect(await call('workflow.wait', { id: 'one', timeoutMs: 20_000 })).toMatchObject({ status: 'completed' });
  });
});

describe('the operations of workflow', () => {
  it('define, start, show, signal, wait for, list and tell the history of a run', async () => {
    const { call } = await startPlugin();
    expect(await call('workflow.define', { json: PIPELINE })).toEqual({ name: 'flow', version: 1, stages: 2 });
    expect(
      await call('workflow.define', { yaml: 'name: other\nstages:\n  - { name: a, operation: test.echo, input: 1 }\n' }),
    ).toMatchObject({ name: 'other' });
    expect(await call('workflow.start', { name: 'flow', input: { n: 4 }, id: 'one', attributes: { team: 'red' }, priority: 1 })).toEqual({
      id: 'one',
      created: true,
    });
    expect(await call('workflow.start', { name: 'flow', input: { n: 4 }, id: 'one' })).toEqual({ id: 'one', created: false });
    const waiting = call('workflow.wait', { id: 'one', timeoutMs: 20_000 });
    expect(await call('workflow.signal', { id: 'one', name: 'go', payload: { yes: true } })).toEqual({
      id: 'one',
      awaitedBy: ['ask'],
      signals: ['go'],
    });
    const view = await waiting;
    expect(view).toMatchObject({
      id: 'one',
      name: 'flow',
      version: 1,
      status: 'completed',
      input: { n: 4 },
      output: { yes: true },
      attributes: { team: 'red' },
    });
    expect(await call('workflow.get', { id: 'one' })).toEqual(view);
    expect(await call('workflow.list', { attributes: { team: 'red' } })).toMatchObject({ items: [{ id: 'one', status: 'completed' }] });
    expect(await call('workflow.list', { status: 'failed' })).toEqual({ items: [] });
    const { events, next } = (await call('workflow.history', { id: 'one', limit: 3 })) as unknown as {
      events: { type: string; seq: number }[];
      next: number;
    };
    expect(events.map(({ type }) => type)).toEqual(['run.started', 'stage.started', 'stage.completed']);
    const rest = (await call('workflow.history', { id: 'one', after: next })) as unknown as { events: object[]; next?: number };
    expect(rest.events.at(-1)).toMatchObject({ type: 'run.completed', data: { yes: true } });
    expect(rest.events).toContainEqual(expect.objectContaining({ type: 'signal.received', data: { name: 'go', payload: { yes: true } } }));
    expect(rest).not.toHaveProperty('next');
  });

  it('have the roles that are promised, and only the one that writes where its caller says needs the right to run commands', async () => {
    const { provided } = await startPlugin();
    const readers = [...provided.values()].filter(({ role }) => role === 'reader').map(({ name }) => name.slice('workflow.'.length));
    expect(readers).toEqual(['get', 'wait', 'list', 'history']);
    expect([...provided.keys()].map((name) => name.slice('workflow.'.length)).sort()).toEqual([
      'backup',
      'cancel',
      'define',
      'get',
      'history',
      'list',
      'signal',
      'start',
      'wait',
    ]);
    const admins = [...provided.values()].filter(({ role }) => role === 'admin').map(({ name }) => name);
    const powerful = [...provided.values()].filter(({ runsCommands }) => runsCommands).map(({ name }) => name);
    expect([admins, powerful]).toEqual([['workflow.backup'], ['workflow.backup']]);
  });

  it('copy the runs into a folder, and refuse one that is not told from the root or not there', async () => {
    const { call } = await startPlugin();
    const copy = await mkdtemp(path.join(tmpdir(), 'bellows-workflow-'));
    folders.push(copy);
    expect(await call('workflow.backup', { folder: copy })).toEqual({ files: ['flow.db'] });
    expect(await readdir(copy)).toEqual(['flow.db']);
    for (const folder of [copy, path.join(copy, 'nowhere')])
      expect(await rejection(call('workflow.backup', { folder }))).toMatchObject({ code: 'BACKUP_FAILED' });
    expect(schemas.backup.input.safeParse({ folder: 'relative' }).success).toBe(false);
  });

  it('take deeper pipelines as soon as the limit is raised, and refuse them as soon as it is lowered', async () => {
    const { call, manager } = await startPlugin({ config: { maxPipelineDepth: 2 } });
    const deep = (name: string) => {
      const stages = ['a', 'b', 'c'].map((stage, n) => ({
        name: stage,
        operation: 'test.echo',
        ...(n === 0 ? {} : { dependsOn: ['ab'[n - 1]] }),
      }));
      return call('workflow.define', { json: { name, stages } });
    };
    expect(await rejection(deep('one'))).toMatchObject({ code: 'PIPELINE_TOO_DEEP' });
    manager.maxPipelineDepth = 3;
    expect(await deep('one')).toMatchObject({ stages: 3 });
    manager.maxPipelineDepth = 2;
    expect(await rejection(deep('two'))).toMatchObject({ code: 'PIPELINE_TOO_DEEP' });
  });

  it('refuse a definition whose operation is not there before anything is kept', async () => {
    const { call, definitions } = await startPlugin();
    const stages = [{ name: 'a', operation: 'test.ecko' }];
    expect(await rejection(call('workflow.define', { json: { name: 'x', stages } }))).toMatchObject({
      code: 'DEFINITION_INVALID',
      details: [{ path: 'stages[0] (a).operation', suggestion: 'test.echo' }],
    });
    expect(definitions.list()).toEqual([]);
  });

  it('show what a stage waits for, and start with an empty object when there is no input', async () => {
    const { call } = await startPlugin();
    await call('workflow.define', { json: { name: 'empty', stages: [{ name: 'ask', signal: 'go' }] } });
    await call('workflow.start', { name: 'empty', id: 'e' });
    expect(await call('workflow.start', { name: 'empty', id: 'e', input: {} })).toMatchObject({ created: false });
    while ((await call('workflow.get', { id: 'e' })).status !== ('waiting' as never)) await systemClock.sleep(5);
    expect(await call('workflow.get', { id: 'e' })).toMatchObject({ input: {}, stages: [{ waitsFor: { kind: 'signal', name: 'go' } }] });
    expect(await call('workflow.signal', { id: 'e', name: 'og' })).toEqual({ id: 'e', awaitedBy: [], signals: ['go'] });
  });

  it('answer clearly when a name or an id is not there, and refuse ids that would be those of children', async () => {
    const { call } = await startPlugin();
    for (const name of ['get', 'wait', 'history', 'cancel'] as const) {
      expect(await rejection(call(`workflow.${name}`, { id: 'nobody' }))).toMatchObject({ code: 'RUN_UNKNOWN' });
    }
    expect(await rejection(call('workflow.start', { name: 'nothing' }))).toMatchObject({ code: 'WORKFLOW_UNKNOWN' });
    for (const id of ['a/b', '', '../x', 'x'.repeat(201)])
      expect(isBellowsError(await rejection(call('workflow.start', { name: 'x', id })))).toBe(false);
  });

  it('cancel, with what was done compensated', async () => {
    const { call } = await startPlugin();
    await call('workflow.define', { json: PIPELINE });
    const { id } = await call('workflow.start', { name: 'flow', input: { n: 1 } }, { idempotencyKey: 'k' });
    while ((await call('workflow.get', { id })).status !== ('waiting' as never)) await systemClock.sleep(5);
    await call('workflow.cancel', { id });
    expect(await call('workflow.wait', { id })).toMatchObject({
      status: 'cancelled',
      rollback: { waves: [['echo']], rolledBack: ['echo'], errors: [] },
    });
    expect(await rejection(call('workflow.cancel', { id }))).toMatchObject({ code: 'RUN_ENDED' });
    expect(await call('workflow.start', { name: 'flow', input: { n: 1 } }, { idempotencyKey: 'k' })).toEqual({ id, created: false });
  });

  it('carry values of every size through the files, and retention removes them', async () => {
    const plugin = await startPlugin({ config: { maxStateBytesPerStage: 200_000 } });
    const { call } = plugin;
    const stages = [100, 100_000, 300_000].map((size) => ({ name: `s${size}`, operation: 'test.large', input: size }));
    await call('workflow.define', { json: { name: 'large', stages } });
    await call('workflow.start', { name: 'large', id: 'r' });
    const { output } = (await call('workflow.wait', { id: 'r' })) as unknown as { output: Record<string, string> };
    expect(Object.values(output).map(({ length }) => length)).toEqual([100, 100_000, 300_000]);
    const { events } = (await call('workflow.history', { id: 'r' })) as unknown as { events: object[] };
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'stage.completed', stage: 's300000', data: { spilled: { bytes: 300_002 } } }),
    );
    expect(plugin.manager.getScalingMetrics()['state.spilled.total']).toBe(2);
    const forgotten: string[] = [];
    const later = { ...systemClock, now: () => Date.now() + 60_000 };
    const captured = { forget: async (id: string) => void forgotten.push(id) };
    const retention = new Retention({ store: plugin.store, captured, clock: later, logger: silentLogger, retentionMs: 1_000 });
    while (plugin.store.findRun('r') !== null) {
      await systemClock.sleep(50);
      await retention.sweep();
    }
    await retention.stop();
    expect(forgotten).toEqual(['r']);
    expect(await rejection(call('workflow.get', { id: 'r' }))).toMatchObject({ code: 'RUN_UNKNOWN' });
  });

  it('go on after a restart, with definitions, waits and the subsystem in place', async () => {
    const first = await startPlugin();
    await first.call('workflow.define', { json: PIPELINE });
    await first.call('workflow.start', { name: 'flow', input: { n: 1 }, id: 'a' });
    await first.release();
    releases.length = 0;
    expect(await rejection(first.call('workflow.start', { name: 'flow', input: {} }))).toMatchObject({ code: 'WORKFLOW_STOPPING' });
    const { call, subsystems } = await startPlugin({ folder: first.dataDir });
    await call('workflow.signal', { id: 'a', name: 'go' });
    expect(await call('workflow.wait', { id: 'a' })).toMatchObject({ status: 'completed', output: null });
    expect(subsystems).toHaveLength(1);
    await checkSubsystem(() => subsystems[0]!);
  });

  it('run definitions of files, with their functions', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-workflow-'));
    folders.push(folder);
    await mkdir(path.join(folder, 'flows'));
    await writeFile(path.join(folder, 'flows', 'a.yaml'), 'name: a\nstages:\n  - { name: one, operation: test.echo, input: "${input}" }\n');
    const { call } = await startPlugin({ folder, config: { definitions: ['flows/*.yaml'] } });
    await call('workflow.start', { name: 'a', input: [1, 2], id: 'x' });
    expect(await call('workflow.wait', { id: 'x' })).toMatchObject({ status: 'completed', output: [1, 2] });
  });
});

describe('a caller who is bound to a tenant', () => {
  it('sees, signals and cancels runs of that tenant only, and learns of no other', async () => {
    const { call } = await startPlugin();
    await call('workflow.define', { json: PIPELINE });
    const bound = (tenant: string) => ({ tenant, authority: { role: 'operator', runsCommands: true, tenant } as const });
    const start = (id: string, tenant: string) => call('workflow.start', { id, name: 'flow', input: { n: 1 } }, bound(tenant));
    for (const id of ['a1', 'a2', 'a3']) await start(id, 'acme');
    for (const id of ['b1', 'b2']) await start(id, 'other');
    const listed = async (more = {}) => {
      const { items } = (await call('workflow.list', { limit: 10 }, more)) as unknown as { items: { id: string }[] };
      return items.map(({ id }) => id).sort();
    };
    expect([await listed(bound('acme')), await listed(bound('none')), (await listed()).length]).toEqual([['a1', 'a2', 'a3'], [], 5]);
    const attempts = {
      'workflow.get': {},
      'workflow.wait': { timeoutMs: 0 },
      'workflow.history': {},
      'workflow.signal': { name: 'unasked', payload: null },
      'workflow.cancel': {},
    };
    for (const [name, input] of Object.entries(attempts)) {
      const told = async (id: string) =>
        (await call(name, { id, ...input }, bound('acme')).catch((error: Error) => error)) as unknown as Error;
      const [foreign, missing] = [await told('b1'), await told('xx')];
      expect([foreign, missing]).toMatchObject([{ code: 'RUN_UNKNOWN' }, { code: 'RUN_UNKNOWN' }]);
      expect(foreign.message).toBe(missing.message.replace('xx', 'b1'));
    }
    for (const [name, input] of Object.entries(attempts)) {
      expect(await call(name, { id: 'a1', ...input }, bound('acme'))).toBeDefined();
    }
    expect(await call('workflow.get', { id: 'b1' })).toMatchObject({ id: 'b1' });
  });
});
