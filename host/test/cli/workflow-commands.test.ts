import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Answers, invalid, PluginOperations, refused } from './plugin-operations.js';
import { bellows } from './terminal.js';

let cwd: string;
let plugin: PluginOperations;
const ended = {
  id: 'order-7',
  name: 'order',
  version: 2,
  status: 'rolled_back',
  input: { item: 7 },
  error: { code: 'STAGE_FAILED', message: 'no stock', stage: 'ship' },
  rollback: { waves: [['charge']], rolledBack: ['charge'], errors: [] },
  stages: [
    { name: 'charge', status: 'completed', attempts: 1, startedAt: 1_000, endedAt: 1_250, compensation: { status: 'completed' } },
    {
      name: 'ship',
      status: 'failed',
      attempts: 3,
      startedAt: 1_250,
      endedAt: 63_250,
      error: { code: 'STAGE_FAILED', message: `no stock ${'x'.repeat(200)}` },
    },
    { name: 'thank', status: 'pending', attempts: 0, startedAt: null, endedAt: null },
  ],
};
/** What `workflow.wait` answers, one after the other; the last one for ever. */
let views: { status: string; stages?: unknown }[] = [];
const answers: Answers = {};
const inputs = () => plugin.seen.map(({ input }) => input);

beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'bellows-workflow-'));
  await writeFile(path.join(cwd, 'order.yaml'), 'name: order\n');
  await writeFile(path.join(cwd, 'bad.yaml'), 'name: bad\n');
  await writeFile(path.join(cwd, 'changed.yaml'), 'name: changed\n');
  Object.assign(answers, {
    define: ({ yaml }: { yaml: string }) => {
      if (yaml.includes('bad')) {
        throw invalid('DEFINITION_INVALID', 'The definition is faulty: stages[0].retry.maxAtempts: unknown key', [
          { path: 'stages[0].retry.maxAtempts', message: 'unknown key "maxAtempts" (line 4, column 7)', suggestion: 'maxAttempts' },
          { path: 'stages[1].dependsOn[0]', message: 'there is no stage "chrage" (line 9, column 15)', suggestion: 'charge' },
          { path: 'stages[2].opertion', message: 'is not known here; did you mean "operation"?', suggestion: 'operation' },
        ]);
      }
      if (yaml.includes('changed'))
        throw refused('DEFINITION_CHANGED', 'changed version 1 is kept with other stages: give it a new version.');
      return { name: 'order', version: 2, stages: ['charge', 'ship', 'thank'] };
    },
    start: ({ id }: { id?: string }) => ({ id: id ?? 'run-1', created: id !== 'again' }),
    get: () => ended,
    wait: ({ id }: { id: string }) => ({ id, ...(views.length > 1 ? views.shift() : views[0]) }),
    list: () => ({
      items: [
        { id: 'order-7', name: 'order', version: 2, status: 'completed', createdAt: 1_700_000_000_000, endedAt: 1_700_000_000_350 },
        { id: 'order-8', name: 'order', version: 2, status: 'waiting', createdAt: 1_700_000_001_000, endedAt: null },
      ],
      cursor: 'next-page',
    }),
    history: () => ({
      events: [
        { seq: 1, type: 'run.started', at: 1_700_000_000_000 },
        { seq: 2, type: 'stage.completed', stage: 'charge', attempt: 1, at: 1_700_000_000_250, data: { paid: 'y'.repeat(100) } },
        { seq: 3, type: 'run.completed', at: 1_700_086_400_000, data: null },
      ],
      next: 3,
    }),
    signal: () => ({}),
    cancel: () => ({ id: 'order-7', status: 'rolling_back' }),
  } satisfies Record<string, (input: never) => unknown>);
  plugin = await PluginOperations.start('workflow', { answers, cwd });
});
afterAll(async () => {
  await plugin[Symbol.asyncDispose]();
  await rm(cwd, { recursive: true });
});
beforeEach(() => {
  plugin.seen.length = 0;
  views = [{ status: 'completed' }];
});

const workflow = (...argv: string[]) => bellows(['workflow', ...argv], plugin.terminal);
const lines = (text: string) => text.trimEnd().split('\n');

describe('bellows workflow define', () => {
  it('sends the text of each file and says what it defined', async () => {
    expect(await workflow('define', 'order.yaml')).toMatchObject({
      code: 0,
      stdout: 'order.yaml: order version 2, 3 stages\n',
      stderr: '',
    });
    expect(inputs()).toEqual([{ yaml: 'name: order\n' }]);
    expect((await workflow('define', 'order.yaml', '--json')).json).toEqual({
      name: 'order',
      version: 2,
      stages: ['charge', 'ship', 'thank'],
    });
  });

  it('names every fault with its place, and still defines the other files', async () => {
    const ran = await workflow('define', 'bad.yaml', 'order.yaml', 'changed.yaml');
    expect(ran).toMatchObject({ code: 1, stdout: 'order.yaml: order version 2, 3 stages\n' });
    expect(ran.stderr).toContain('error: bad.yaml: The definition is faulty');
    expect(ran.stderr).toContain('stages[0].retry.maxAtempts: unknown key "maxAtempts" (line 4, column 7); did you mean maxAttempts?');
    expect(ran.stderr).toContain('stages[1].dependsOn[0]: there is no stage "chrage" (line 9, column 15); did you mean charge?');
    expect(ran.stderr).toContain(
      'error: changed.yaml: changed version 1 is kept with other stages: give it a new version. (DEFINITION_CHANGED)',
    );
    expect(await workflow('define', 'changed.yaml', '--json')).toMatchObject({ code: 4, stdout: '' });
  });

  it('reads all files before it defines one', async () => {
    expect(await workflow('define', 'order.yaml', 'none.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('none.yaml does not exist'),
    });
    expect(plugin.seen).toEqual([]);
  });
});

describe('bellows workflow start', () => {
  it('sends what was given, and nothing else', async () => {
    expect(await workflow('start', 'order')).toMatchObject({ code: 0, stdout: 'run-1\n' });
    await workflow(
      'start',
      'order',
      '--input',
      '{"a":1}',
      '--id',
      'x',
      '--definition',
      '2',
      '--attr',
      'k=v=w',
      '--attr',
      'e=',
      '--priority',
      '-5',
    );
    await writeFile(path.join(cwd, 'in.json'), '[1]');
    await workflow('start', 'order', '--input', '@in.json');
    await bellows(['workflow', 'start', 'order', '--input', '-'], { ...plugin.terminal, stdin: '"text"' });
    expect(inputs()).toEqual([
      { name: 'order', input: {} },
      { name: 'order', input: { a: 1 }, id: 'x', version: 2, attributes: { k: 'v=w', e: '' }, priority: -5 },
      { name: 'order', input: [1] },
      { name: 'order', input: 'text' },
    ]);
  });

  it('says when the run was there already', async () => {
    expect(await workflow('start', 'order', '--id', 'again')).toMatchObject({ code: 0, stdout: 'again (started before)\n' });
    expect((await workflow('start', 'order', '--id', 'again', '--json')).json).toEqual({ id: 'again', created: false });
  });

  it('refuses what it cannot send before it asks the host', async () => {
    for (const wrong of [
      ['--input', '{a}'],
      ['--input', '@none.json'],
      ['--attr', 'novalue'],
      ['--attr', '=v'],
      ['--priority', 'high'],
      ['--definition', '1.5'],
      ['--timeout', '5'],
    ]) {
      expect({ wrong, ran: await workflow('start', 'order', ...wrong) }).toMatchObject({ wrong, ran: { code: 2, stdout: '' } });
    }
    expect(plugin.seen).toEqual([]);
  });

  it('with --wait shows how the run ended, and fails when it did not complete', async () => {
    views = [{ status: 'running' }, { status: 'completed' }];
    const ran = await workflow('start', 'order', '--wait');
    expect(ran).toMatchObject({ code: 0, stdout: 'run     run-1\nstatus  completed\n', stderr: '' });
    expect(plugin.seen.map(({ name }) => name)).toEqual(['workflow.start', 'workflow.wait', 'workflow.wait']);
    for (const status of ['failed', 'rolled_back', 'rollback_failed', 'cancelled']) {
      views = [{ status }];
      expect({ status, ran: await workflow('start', 'order', '--wait', '--json') }).toMatchObject({
        status,
        ran: { code: 1, json: { id: 'run-1', status } },
      });
    }
  });
});

describe('bellows workflow wait and get', () => {
  it('shows a run, within 80 columns on a terminal, its stages with what went wrong and what was undone', async () => {
    const { stdout, code } = await workflow('get', 'order-7');
    expect(code).toBe(0);
    expect(lines(stdout).slice(0, 9)).toEqual([
      'run          order-7',
      'workflow     order version 2',
      'status       rolled_back',
      'input        {"item":7}',
      'error        ship: STAGE_FAILED: no stock',
      'rolled back  charge',
      '',
      expect.stringMatching(/^STAGE +STATUS +ATTEMPTS +TOOK +NOTE$/),
      expect.stringMatching(/^charge +completed +1 +250 ms +compensation completed$/),
    ]);
    expect(stdout).toMatch(/^ship +failed +3 +1 min 2 s +STAGE_FAILED: no stock x{200}$/m);
    const onTerminal = await bellows(['workflow', 'get', 'order-7'], { ...plugin.terminal, isTTY: true });
    expect(onTerminal.stdout).toMatch(/^ship +failed +3 +1 min 2 s +STAGE_FAILED: no stock x+…$/m);
    for (const line of lines(onTerminal.stdout)) expect(line.length).toBeLessThanOrEqual(80);
    const [, below = ''] = onTerminal.stdout.split('\nship: ');
    expect(below.replaceAll(/\s/g, '')).toBe(`STAGE_FAILED:nostock${'x'.repeat(200)}`);
    expect((await workflow('get', 'order-7', '--json')).json).toEqual(ended);
  });

  it('says of a rollback that failed what was not undone', async () => {
    const errors = [{ stage: 'charge', code: 'REFUND_DOWN', message: 'try by hand' }];
    views = [{ status: 'rollback_failed', ...{ rollback: { waves: [], rolledBack: [], errors } } }];
    expect((await workflow('wait', 'r')).stdout).toContain('not undone  charge: REFUND_DOWN: try by hand\n');
  });

  it('tells on a terminal which states have changed, each once, and nothing with --json or into a file', async () => {
    const three = () => [
      {
        status: 'running',
        stages: [
          { name: 'a', status: 'running' },
          { name: 'b', status: 'pending' },
        ],
      },
      {
        status: 'running',
        stages: [
          { name: 'a', status: 'running' },
          { name: 'b', status: 'pending' },
        ],
      },
      {
        status: 'failed',
        stages: [
          { name: 'a', status: 'completed' },
          { name: 'b\u001b[2J', status: 'failed', error: { code: 'X', message: 'bad' } },
        ],
      },
    ];
    views = three();
    const ran = await bellows(['workflow', 'wait', 'r'], { ...plugin.terminal, isTTY: true });
    expect(lines(ran.stderr)).toEqual(['a: running', 'run r: running', 'a: completed', 'b�[2J: failed (X: bad)', 'run r: failed']);
    expect(ran.code).toBe(1);
    views = three();
    expect(await bellows(['workflow', 'wait', 'r', '--json'], { ...plugin.terminal, isTTY: true })).toMatchObject({ stderr: '' });
    views = three();
    expect(await workflow('wait', 'r')).toMatchObject({ stderr: '' });
  });

  it('answers 5 with the state of the run when the time is up, and asks for no longer than that', async () => {
    views = [{ status: 'waiting' }];
    const ran = await workflow('wait', 'r', '--timeout', '0');
    expect(ran).toMatchObject({ code: 5, stdout: expect.stringContaining('waiting'), stderr: 'The time is up; run r goes on.\n' });
    await workflow('wait', 'r', '--timeout', '3');
    for (const { timeoutMs } of inputs()) expect(timeoutMs).toBeLessThanOrEqual(3);
    expect(await workflow('wait', 'r', '--timeout', 'soon')).toMatchObject({ code: 2 });
  });

  it('leaves the run going when it is interrupted, and says how to come back', async () => {
    const interrupt = new AbortController();
    const never = new Promise<never>(() => {});
    const { wait } = answers;
    answers.wait = () => {
      setImmediate(() => interrupt.abort());
      return never;
    };
    const ran = await bellows(['workflow', 'start', 'order', '--wait'], { ...plugin.terminal, signal: interrupt.signal });
    Object.assign(answers, { wait });
    expect(ran).toMatchObject({ code: 130, stdout: '' });
    expect(ran.stderr).not.toContain('error:');
    expect(ran.stderr).toMatch(
      /^The waiting was interrupted; run run-1 goes on\. See it again with "bellows workflow wait run-1", end it with "bellows workflow cancel run-1"\./,
    );
    expect(plugin.seen.map(({ name }) => name)).not.toContain('workflow.cancel');
  });
});

describe('bellows workflow list, history, signal and cancel', () => {
  it('lists by what was asked for, and says how to go on', async () => {
    const ran = await workflow('list', '--status', 'failed', '--name', 'order', '--attr', 'k=v', '--limit', '2', '--cursor', 'c');
    expect(inputs()).toEqual([{ limit: 2, status: 'failed', name: 'order', attributes: { k: 'v' }, cursor: 'c' }]);
    expect(lines(ran.stdout)).toEqual([
      expect.stringMatching(/^RUN +STATUS +STARTED \(UTC\) +TOOK +WORKFLOW$/),
      'order-7  completed  2023-11-14 22:13:20  350 ms  order 2',
      'order-8  waiting    2023-11-14 22:13:21          order 2',
    ]);
    expect(ran.stderr).toBe('There are more: add --cursor next-page\n');
    await workflow('list');
    expect(inputs()[1]).toEqual({ limit: 20 });
    expect((await workflow('list', '--json')).json).toMatchObject({ cursor: 'next-page' });
  });

  it('shows the history with times, the day where it changes, and data cut to the line of a terminal', async () => {
    const { stdout, stderr } = await bellows(['workflow', 'history', 'order-7'], { ...plugin.terminal, isTTY: true });
    expect((await workflow('history', 'order-7')).stdout).toContain(`{"paid":"${'y'.repeat(100)}"}`);
    expect(lines(stdout)).toEqual([
      expect.stringMatching(/^SEQ +AT \(UTC\) +EVENT +STAGE +ATTEMPT +DATA$/),
      expect.stringMatching(/^1 +2023-11-14 22:13:20\.000 +run\.started$/),
      expect.stringMatching(/^2 +22:13:20\.250 +stage\.completed +charge +1 +\{"paid":"y+…$/),
      expect.stringMatching(/^3 +2023-11-15 22:13:20\.000 +run\.completed$/),
    ]);
    expect(stderr).toBe('There are more: add --after 3\n');
    expect((await workflow('history', 'order-7', '--after', '3', '--limit', '5', '--json')).json.events).toHaveLength(3);
    expect(inputs()).toEqual([
      { id: 'order-7', after: 0, limit: 1_000 },
      { id: 'order-7', after: 0, limit: 1_000 },
      { id: 'order-7', after: 3, limit: 5 },
    ]);
  });

  it('signals with a payload or without, and cancels', async () => {
    expect(await workflow('signal', 'r', 'paid')).toMatchObject({ code: 0, stdout: 'Run r has the signal paid.\n' });
    await workflow('signal', 'r', 'paid', '{"amount":12}');
    expect(await workflow('cancel', 'r')).toMatchObject({ code: 0, stdout: expect.stringContaining('bellows workflow wait r') });
    expect(inputs()).toEqual([{ id: 'r', name: 'paid', payload: null }, { id: 'r', name: 'paid', payload: { amount: 12 } }, { id: 'r' }]);
    expect((await workflow('cancel', 'r', '--json')).json).toMatchObject({ status: 'rolling_back' });
  });

  it('explains itself with examples', async () => {
    for (const verb of ['define', 'start', 'wait', 'list', 'history', 'signal']) {
      expect((await workflow(verb, '--help')).stdout).toContain(`bellows workflow ${verb}`);
    }
    expect((await bellows(['--help'])).stdout).toContain('workflow');
  });
});
