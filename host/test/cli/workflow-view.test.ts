import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Answers, PluginOperations } from './plugin-operations.js';
import { bellows } from './terminal.js';

let plugin: PluginOperations;
/** What `workflow.wait` answers, one after the other; the last one for ever. */
let views: { status: string; stages?: unknown }[] = [];
const answers: Answers = {
  wait: ({ id }) => ({ id, ...(views.length > 1 ? views.shift() : views[0]) }),
  history: () => undefined,
  signal: () => undefined,
  cancel: ({ id }) => ({ id, status: 'rolling_back' }),
};

beforeAll(async () => {
  plugin = await PluginOperations.start('workflow', { answers, cwd: '/nowhere' });
});
afterAll(() => plugin[Symbol.asyncDispose]());
beforeEach(() => {
  views = [{ status: 'completed' }];
});

const workflow = (...argv: string[]) => bellows(['workflow', ...argv], plugin.terminal);
const lines = (text: string) => text.trimEnd().split('\n');

describe('a run as people see it', () => {
  it('shows every fault of an error, of the run and of its stages, and a name that stands there once', async () => {
    const details = [
      { path: 'item', message: 'is missing' },
      { path: 'amount', message: 'expected a number' },
    ];
    const message = 'ship: The input does not fit: item: is missing (and 1 more, see details)';
    const error = { code: 'INPUT_INVALID', message, stage: 'ship', details };
    views = [{ status: 'failed', ...{ error }, stages: [{ name: 'ship', status: 'failed', attempts: 1, error }] }];
    const { stdout } = await workflow('wait', 'r');
    expect(stdout).toMatch(/^error +ship: INPUT_INVALID: ship: The input does not fit\n +item: is missing\n +amount: expected a number$/m);
    expect(stdout).toMatch(/^ship +failed +1 +INPUT_INVALID: The input does not fit$/m);
    expect(stdout).toMatch(/\n\nship: INPUT_INVALID: The input does not fit\n {2}item: is missing\n {2}amount: expected a number\n$/);
  });

  it('says what each stage waits for, and nothing of those that are next', async () => {
    const startedAt = 1_700_000_000_000;
    const stage = (name: string, waitsFor: unknown, more = {}) => ({ name, status: 'waiting', attempts: 1, startedAt, waitsFor, ...more });
    const stages = [
      stage('signal', { kind: 'signal', name: 'ok' }),
      stage('timer', { kind: 'timer', dueAt: startedAt + 60_000 }),
      stage('later', { kind: 'timer', dueAt: startedAt + 86_400_000 }),
      stage('retry', { kind: 'retry', dueAt: startedAt + 1_000 }, { error: { code: 'X', message: 'down' } }),
      stage('child', { kind: 'run', id: 'order-1/ship' }),
      stage('newer', { kind: 'moon', phase: 'full' }),
    ];
    views = [{ status: 'waiting', stages }];
    const { stdout } = await workflow('wait', 'r', '--timeout', '0');
    expect(stdout).toMatch(/^signal .* waits for signal ok$/m);
    expect(stdout).toMatch(/^timer .* 1 +until 22:14:20$/m);
    expect(stdout).toMatch(/^later .* until 2023-11-15 22:13:20$/m);
    expect(stdout).toMatch(/^retry .* tries again at 22:13:21; X: down$/m);
    expect(stdout).toMatch(/^child .* run order-1\/ship$/m);
    expect(stdout).toMatch(/^newer +waiting +1$/m);
    views = [{ status: 'running', stages: [stage('next', { kind: 'signal', name: 'ok' }, { status: 'pending' })] }];
    expect((await workflow('wait', 'r', '--timeout', '0')).stdout).toMatch(/^next +pending +1$/m);
  });

  it('cuts a large output to one line that tells its size', async () => {
    views = [{ status: 'completed', ...{ input: { n: 1 }, output: { text: 'y'.repeat(20_000) } } }];
    const { stdout } = await workflow('wait', 'r');
    expect(stdout).toMatch(/^output {2}\{"text":"y+… \(20\.0 kB; --json shows all\)$/m);
    expect(stdout).toContain('input   {"n":1}\n');
    for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(80);
    expect((await workflow('wait', 'r', '--json')).json.output.text).toHaveLength(20_000);
  });

  it('says that the run goes on when the host goes away, not of one that nobody has seen', async () => {
    const leaving = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => leaving.once('listening', resolve));
    const host = { url: `http://127.0.0.1:${(leaving.address() as AddressInfo).port}`, token: 't' };
    const lost = await bellows(['workflow', 'wait', 'order-7'], { host });
    expect(lost).toMatchObject({ code: 3, stderr: expect.stringContaining('(HOST_UNREACHABLE)') });
    expect(lost.stderr).toContain(
      'The run order-7 goes on after the host starts again; wait for it then with "bellows workflow wait order-7".',
    );
    await new Promise((resolve) => leaving.close(resolve));
    expect((await bellows(['workflow', 'wait', 'order-7'], { host })).stderr).not.toContain('goes on');
  });
});

describe('what people hear of events, signals and the end of a run', () => {
  it('shows the whole message of an event that tells of a failure', async () => {
    const message = `no stock ${'far too long '.repeat(20)}`.trimEnd();
    answers.history = () => ({
      events: [
        { seq: 1, type: 'stage.retry_scheduled', stage: 'ship', attempt: 1, at: 0, data: { dueAt: 5, error: { code: 'X', message } } },
        { seq: 2, type: 'stage.failed', stage: 'ship', attempt: 2, at: 0, data: { code: 'X', message: `ship: ${message}`, stage: 'ship' } },
        { seq: 3, type: 'run.cancelled', at: 0 },
      ],
    });
    const { stdout } = await bellows(['workflow', 'history', 'r'], { ...plugin.terminal, isTTY: true });
    for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(80);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(`1 ship: X: ${message} 2 ship: X: ${message}`);
  });

  it('warns of a signal that no stage waits for, with the one that was meant', async () => {
    const told = async (answer: object, ...more: string[]) => {
      answers.signal = () => answer;
      const { code, stdout, stderr } = await workflow('signal', 'r', 'okk', ...more);
      expect({ code, said: stdout === '' }).toEqual({ code: 0, said: false });
      return stderr;
    };
    expect(await told({ awaitedBy: [], signals: ['paid', 'ok'] })).toBe('no stage waits for "okk"; did you mean "ok"?\n');
    expect(await told({ awaitedBy: [], signals: ['paid'] })).toBe('no stage waits for "okk"; its stages wait for: paid\n');
    expect(await told({ awaitedBy: [] })).toBe('no stage waits for "okk"\n');
    expect(await told({ awaitedBy: ['approve'] })).toBe('');
    expect(await told({ awaitedBy: [] }, '--json')).toBe('');
  });

  it('says of a cancelled run whether it has ended, or waits until it has', async () => {
    const { cancel } = answers;
    const told = async (status: string) => {
      answers.cancel = ({ id }) => ({ id, status });
      return (await workflow('cancel', 'r')).stdout;
    };
    expect(await told('cancelled')).toBe('Run r was cancelled.\n');
    expect(await told('rolling_back')).toContain('Run r is being cancelled; ');
    expect(await told('completed')).toBe('Run r has ended: completed.\n');
    Object.assign(answers, { cancel });
    for (const [status, code] of [
      ['cancelled', 0],
      ['rolled_back', 0],
      ['rollback_failed', 1],
      ['completed', 1],
    ] as const) {
      views = [{ status: 'rolling_back' }, { status }];
      expect({ status, ran: await workflow('cancel', 'r', '--wait') }).toMatchObject({
        status,
        ran: { code, stdout: expect.stringContaining(`status  ${status}\n`) },
      });
    }
    expect(await workflow('cancel', 'r', '--timeout', '5')).toMatchObject({ code: 2 });
  });
});
