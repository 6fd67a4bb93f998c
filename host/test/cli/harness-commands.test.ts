import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Answers, PluginOperations } from './plugin-operations.js';
import { bellows } from './terminal.js';

let cwd: string;
let plugin: PluginOperations;
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const partial = {
  id: 'nightly',
  status: 'partial',
  repo: '/repo',
  branch: 'work',
  createdAt: 1_000,
  endedAt: 3_724_000,
  issues: [
    { id: 'login', title: 'A page to log in', status: 'landed', attempts: 1, commit: COMMIT },
    { id: 'logout', title: 'And out', status: 'failed', attempts: 3, reason: 'verification_failed', message: `exit 1 ${'z'.repeat(90)}` },
  ],
  landed: 1,
  failed: 1,
  warnings: ['no isolation here'],
};
const ran = {
  id: 'nightly',
  status: 'partial',
  landed: [{ issue: 'login', commit: COMMIT }],
  failed: [{ issue: 'logout', reason: 'verification_failed', attempts: 3 }],
};
const scale = {
  currentWorkers: 4,
  activeWorkers: 3,
  idleWorkers: 1,
  stalledWorkers: 0,
  queueDepth: 7,
  mergeQueueDepth: 2,
  throughputPerMinute: 1.25,
  avgSessionDurationMs: 61_500,
  p95SessionDurationMs: 90_000,
  successRate: 0.875,
  totalSessionsCompleted: 7,
  totalSessionsFailed: 1,
  health: 'healthy',
  backpressureActive: false,
  scaleOperations: 2,
  lastScaleAt: null,
};
const metrics = { ...scale, runningJobs: 1, workers: { limit: 6, limitedBy: 'share', reason: '30 wanted, 6 given' } };
let views: { status: string }[] = [];
let report: Record<string, unknown> = {};
const answers: Answers = {
  start: ({ id }) => ({ id: id ?? 'job-1' }),
  get: () => partial,
  wait: ({ id }) => ({ id, ...(views.length > 1 ? views.shift() : views[0]) }),
  list: () => ({
    items: [
      { ...partial, createdAt: 1_700_000_000_000 },
      { id: 'now', status: 'running', createdAt: 1_700_000_000_000 },
    ],
  }),
  metrics: () => metrics,
  cancel: () => ({ id: 'nightly', status: 'cancelled' }),
  loadTest: () => report,
};
const inputs = () => plugin.seen.map(({ input }) => input);

beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'bellows-harness-'));
  await mkdir(path.join(cwd, 'sub'));
  for (const file of ['ISSUES.md', 'I.md', 'sub/THERE.md']) await writeFile(path.join(cwd, file), '- [ ] a {#a}\n');
  plugin = await PluginOperations.start('harness', { answers, cwd, runsCommands: ['start', 'loadTest'] });
});
afterAll(async () => {
  await plugin[Symbol.asyncDispose]();
  await rm(cwd, { recursive: true });
});
beforeEach(() => {
  plugin.seen.length = 0;
  views = [{ status: 'completed' }];
  report = { summary: 'heavy: PASSED\n200 issues', passed: true };
});

const harness = (...argv: string[]) => bellows(['harness', ...argv], plugin.terminal);
const needed = ['--issues', 'ISSUES.md', '--verify', 'npm test'];
const lines = (text: string) => text.trimEnd().split('\n');

describe('bellows harness start', () => {
  it('sends whole paths and words, of an agent after -- or in one piece', async () => {
    const all = ['--repo', 'sub', '--branch', 'work', '--max-workers', '4', '--id', 'x', '--driver', 'acp', '--land-on-checked-out'];
    expect(await harness('start', ...needed, '--', 'my-agent', '--flag', '--json', 'two words')).toMatchObject({
      code: 0,
      stdout: 'job-1\n',
    });
    await harness('start', ...needed, ...all, '--agent', `claude -p 'do it'`);
    expect(inputs()).toEqual([
      {
        repo: cwd,
        issues: { file: path.join(cwd, 'ISSUES.md') },
        agent: { driver: 'plain', command: ['my-agent', '--flag', '--json', 'two words'] },
        verify: ['npm', 'test'],
      },
      {
        repo: path.join(cwd, 'sub'),
        issues: { file: path.join(cwd, 'ISSUES.md') },
        agent: { driver: 'acp', command: ['claude', '-p', 'do it'] },
        verify: ['npm', 'test'],
        branch: 'work',
        maxWorkers: 4,
        id: 'x',
        landOnCheckedOut: true,
      },
    ]);
    expect((await harness('start', ...needed, '--json', '--', 'a')).json).toEqual({ id: 'job-1' });
  });

  it('refuses a job that lacks something, before it asks the host', async () => {
    for (const [argv, said] of [
      [needed, /agent is missing.*-- my-agent/],
      [[...needed, '--agent', 'a', '--', 'b'], /given twice/],
      [['--issues', 'I.md', '--', 'a'], /--verify/],
      [['--verify', 'true', '--', 'a'], /--issues/],
      [['--issues', 'I.md', '--verify', 'npm test && npm run lint', '--', 'a'], /--verify has &&.*sh -c/],
      [[...needed, '--agent', `open 'quote`], /--agent has a quote/],
      [[...needed, '--max-workers', '0', '--', 'a'], /at least 1/],
    ] as const) {
      expect({ argv, ran: await harness('start', ...argv) }).toMatchObject({
        argv,
        ran: { code: 2, stdout: '', stderr: expect.stringMatching(said) },
      });
    }
    expect(plugin.seen).toEqual([]);
  });

  it('looks for the issues here, then in the repository, and names a path that is in neither once', async () => {
    const sent = async (...argv: string[]) => {
      const { code, stderr } = await harness('start', '--verify', 'true', ...argv, '--', 'a');
      const { issues } = (inputs().at(-1) ?? {}) as { issues?: { file: string } };
      return { code, stderr, file: issues?.file };
    };
    expect(await sent('--issues', 'ISSUES.md', '--repo', 'sub')).toMatchObject({ code: 0, file: path.join(cwd, 'ISSUES.md') });
    expect(await sent('--issues', 'THERE.md', '--repo', 'sub')).toMatchObject({ code: 0, file: path.join(cwd, 'sub/THERE.md') });
    plugin.seen.length = 0;
    const missing = await sent('--issues', 'NONE.md', '--repo', 'sub');
    expect(missing).toMatchObject({ code: 2, file: undefined });
    expect(missing.stderr.match(/NONE\.md/g)).toHaveLength(1);
    expect(missing.stderr).toContain(`neither in ${cwd} nor in the repository ${path.join(cwd, 'sub')}.`);
    expect((await sent('--issues', '/none/at/all.md')).stderr).toBe(
      'error: --issues: there is no file /none/at/all.md. (FILE_UNREADABLE)\n',
    );
    // It may be on the machine of the host.
    const { host } = plugin.terminal;
    const env = { BELLOWS_URL: host?.url ?? '' };
    const argv = ['harness', 'start', '--verify', 'true', '--issues', '/none/at/all.md', '--', 'a'];
    expect(await bellows(argv, { ...plugin.terminal, env })).toMatchObject({ code: 0 });
  });

  it('has the token of host.json with it; without one it is refused', async () => {
    const { host } = plugin.terminal;
    const argv = ['harness', 'start', ...needed, '--', 'a'];
    const elsewhere = { ...plugin.terminal, host: null, env: { BELLOWS_URL: host?.url ?? '' } };
    expect(await bellows(argv, elsewhere)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('set BELLOWS_TOKEN or name its data folder'),
    });
    expect(plugin.seen).toEqual([]);
    expect(await bellows(argv, { ...elsewhere, env: { ...elsewhere.env, BELLOWS_TOKEN: host?.token ?? '' } })).toMatchObject({ code: 0 });
  });
});

describe('bellows harness run and wait', () => {
  it('starts, waits, and shows what landed and what did not', async () => {
    views = [{ status: 'running' }, partial];
    const done = await harness('run', ...needed, '--id', 'nightly', '--', 'a');
    expect(done).toMatchObject({ code: 1, stderr: '' });
    expect(lines(done.stdout)).toEqual([
      'job       nightly',
      'status    partial',
      'repo      /repo',
      'branch    work',
      'took      1 h 2 min',
      'issues    2: 1 landed, 1 failed',
      'warnings  no isolation here',
      '',
      expect.stringMatching(/^ISSUE +STATUS +ATTEMPTS +RESULT$/),
      expect.stringMatching(/^login +landed +1 +commit 0123456789$/),
      expect.stringMatching(/^logout +failed +3 +verification_failed: exit 1 z{90}$/),
    ]);
  });

  it('shows on a terminal within 80 columns what failed, below the table in full, with its log', async () => {
    const [login, logout] = partial.issues;
    const log = '/data/jobs/nightly/logout/3.log';
    const message = `logout: the tests fail\n  expected 1\n  got 2 ${'and so on '.repeat(12)}`;
    const waiting = { id: 'later', title: 'Another page', status: 'ready', attempts: 0 };
    const again = { id: 'again', title: 'Once more', status: 'ready', attempts: 1, reason: 'agent_failed', message: 'exit 7' };
    views = [{ ...partial, ...{ issues: [login, { ...logout, message, log }, waiting, again] } }];
    const done = await bellows(['harness', 'wait', 'nightly'], { ...plugin.terminal, isTTY: true });
    for (const line of lines(done.stdout)) expect(line.length).toBeLessThanOrEqual(80);
    expect(done.stdout).toMatch(/^logout +failed +3 +verification_failed: the tests fail .*…$/m);
    expect(done.stdout).toMatch(/^later +ready +0$/m);
    expect(done.stdout).toMatch(/^again +ready +1 +last attempt: agent_failed: exit 7$/m);
    const [, below = ''] = done.stdout.split('\n\nlogout: ');
    expect(lines(below).slice(0, 2)).toEqual(['verification_failed: the tests fail', '    expected 1']);
    expect(below.match(/and\s+so\s+on/g)).toHaveLength(12);
    expect(below).toMatch(/\n {2}log: \/data\/jobs\/nightly\/logout\/3\.log\n$/);
    expect((await harness('wait', 'nightly')).stdout).toContain(`log: ${log}\n`);
  });

  it('prints with --json what harness.run answers', async () => {
    for (const view of [partial, ran]) {
      views = [view];
      expect(await harness('run', ...needed, '--id', 'nightly', '--json', '--', 'a')).toMatchObject({ code: 1, json: ran, stderr: '' });
    }
  });

  it('answers 0 only when every issue landed', async () => {
    for (const [status, code] of [
      ['completed', 0],
      ['partial', 1],
      ['failed', 1],
      ['cancelled', 1],
    ] as const) {
      views = [{ status }];
      expect({ status, ran: await harness('wait', 'j', '--json') }).toMatchObject({ status, ran: { code, json: { id: 'j', status } } });
    }
  });

  it('shows a job of which the host names only what landed and failed', async () => {
    views = [ran];
    const { stdout } = await harness('wait', 'j');
    expect(stdout).toMatch(/^login +landed +commit 0123456789$/m);
    expect(stdout).toMatch(/^logout +failed +3 +verification_failed$/m);
  });

  it('tells on a terminal how issues go on', async () => {
    const [login, logout] = partial.issues;
    views = [
      {
        status: 'running',
        ...{
          issues: [
            { ...login, status: 'working', commit: null },
            { ...logout, status: 'ready', reason: null, message: null },
          ],
        },
      },
      partial,
    ];
    const done = await bellows(['harness', 'wait', 'j'], { ...plugin.terminal, isTTY: true });
    expect(lines(done.stderr)).toEqual([
      'login: working (A page to log in)',
      'job j: running',
      'login: landed (commit 0123456789)',
      expect.stringMatching(/^logout: failed \(verification_failed: exit 1 z+…\)$/),
      'job nightly: partial',
    ]);
  });

  it('leaves the job going when it is interrupted, and answers 5 when the time is up', async () => {
    views = [{ status: 'running' }];
    expect(await harness('wait', 'j', '--timeout', '0')).toMatchObject({ code: 5, stderr: 'The time is up; job j goes on.\n' });
    const interrupt = new AbortController();
    const { wait } = answers;
    answers.wait = () => {
      setImmediate(() => interrupt.abort());
      return new Promise<never>(() => {});
    };
    const done = await bellows(['harness', 'run', ...needed, '--', 'a'], { ...plugin.terminal, signal: interrupt.signal });
    Object.assign(answers, { wait });
    expect(done).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('bellows harness wait job-1') });
  });
});

describe('bellows harness get, list, metrics, cancel and load-test', () => {
  it('prints for people, and the output of the operation with --json', async () => {
    expect((await harness('get', 'nightly')).stdout).toContain('branch    work');
    expect((await harness('get', 'nightly', '--json')).json).toEqual(partial);
    expect(lines((await harness('list')).stdout)).toEqual([
      'JOB      STATUS   STARTED (UTC)        ISSUES  LANDED  FAILED  BRANCH',
      'nightly  partial  2023-11-14 22:13:20  2       1       1       work',
      'now      running  2023-11-14 22:13:20',
    ]);
    expect((await harness('list', '--limit', '5', '--cursor', '7', '--json')).json.items).toHaveLength(2);
    expect(inputs().slice(-2)).toEqual([{ limit: 20 }, { limit: 5, cursor: '7' }]);
    expect((await harness('cancel', 'nightly')).stdout).toContain('bellows harness wait nightly');
    expect((await harness('cancel', 'nightly', '--json')).json).toEqual({ id: 'nightly', status: 'cancelled' });
  });

  it('shows every documented metric of the pool', async () => {
    expect((await harness('metrics')).stdout).toBe(
      [
        'jobs running         1',
        'workers              4',
        '  active             3',
        '  idle               1',
        '  stalled            0',
        '  limit              6',
        '  limited by         share: 30 wanted, 6 given',
        'queue depth          7',
        'merge queue depth    2',
        'sessions per minute  1.3',
        'session, average     1 min 1 s',
        'session, p95         1 min 30 s',
        'success rate         87.5 %',
        'sessions completed   7',
        'sessions failed      1',
        'health               healthy',
        'backpressure         no',
        'scale operations     2',
        '',
      ].join('\n'),
    );
    expect((await harness('metrics', '--json')).json).toEqual(metrics);
  });

  it('says why the health is not good', async () => {
    const before = answers.metrics;
    const told = async (changes: object) => {
      answers.metrics = () => ({ ...metrics, ...changes });
      return /^health +(.*)$/m.exec((await harness('metrics')).stdout)?.[1];
    };
    expect(await told({ health: 'unhealthy', successRate: 1 / 3 })).toBe('unhealthy: 33 % of recent sessions succeeded');
    expect(await told({ health: 'degraded', successRate: 1, stalledWorkers: 1 })).toBe('degraded: 1 worker has stalled');
    expect(await told({ health: 'unhealthy', successRate: 0.5, stalledWorkers: 3 })).toBe(
      'unhealthy: 50 % of recent sessions succeeded, 3 workers have stalled',
    );
    Object.assign(answers, { metrics: before });
  });

  it('runs a load test, prints its summary and fails when the criteria do', async () => {
    expect(await harness('load-test', '--scenario', 'heavy', '--speed', '10')).toMatchObject({
      code: 0,
      stdout: 'heavy: PASSED\n200 issues\n',
      stderr:
        'Load test heavy: 200 issues, up to 25 agents at once, sessions of 6.0 s (1 min 0 s ÷ 10). It takes at least 54.0 s, more on a busy machine; interrupting ends it.\n',
    });
    expect(inputs()).toEqual([{ scenario: 'heavy', speed: 10 }]);
    report = { summary: 'smoke: FAILED', passed: false };
    expect(await harness('load-test', '--json')).toMatchObject({ code: 1, json: report, stderr: '' });
    expect(inputs()[1]).toEqual({ scenario: 'smoke' });
    for (const wrong of [
      ['--scenario', 'huge'],
      ['--speed', '0'],
      ['--speed', '-1'],
      ['--speed', 'fast'],
    ]) {
      expect({ wrong, ran: await harness('load-test', ...wrong) }).toMatchObject({ wrong, ran: { code: 2 } });
    }
  });

  it('explains itself with examples', async () => {
    for (const verb of ['start', 'run', 'wait', 'load-test']) {
      expect((await harness(verb, '--help')).stdout).toContain(`bellows harness ${verb}`);
    }
    const { stdout } = await harness('run', '--help');
    for (const words of ['no shell runs it', '--verify "npm test"', 'landOnCheckedOut', 'then in the repository']) {
      expect(stdout).toContain(words);
    }
  });
});
