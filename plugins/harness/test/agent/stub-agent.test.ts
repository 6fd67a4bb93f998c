import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandEnd, ICommand } from '../../src/jobs/session-contracts.js';
import { until } from '../running-harness.js';
import { living, TestCommands } from './test-commands.js';

const run = promisify(execFile);
const AGENT = fileURLToPath(new URL('../../stub-agent/stub-agent.sh', import.meta.url));
const VERIFY = fileURLToPath(new URL('../../stub-agent/verify.sh', import.meta.url));

let test: TestCommands;
let repo: string;
beforeEach(async () => {
  test = await TestCommands.make();
  repo = path.join(test.folder, 'repo');
  await mkdir(repo);
  await git('init', '-q');
  await git('-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', 'commit', '-q', '--allow-empty', '-m', 'begin');
});
afterEach(() => test[Symbol.asyncDispose]());

async function git(...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: repo })).stdout;
}

interface Asked {
  readonly attempt?: number;
  readonly sessionId?: string;
  readonly withText?: boolean;
  readonly id?: string;
}

/** The agent at an issue with this line, the way the coordinator starts it. */
async function agent(
  line: string,
  { attempt = 1, sessionId = test.session(), withText = true, id = 'A-1' }: Asked = {},
): Promise<ICommand> {
  const body = `Please do it.\n${line}\nThank you, "all".`;
  const [json, text] = [path.join(test.folder, 'issue.json'), path.join(test.folder, 'issue.md')];
  await writeFile(json, JSON.stringify({ id, title: 'A title', body, attempt }));
  await writeFile(text, `# A title\n\n${body}\n`);
  const env = { BELLOWS_ISSUE_ID: id, BELLOWS_ISSUE_FILE: json, ...(withText ? { BELLOWS_ISSUE_TEXT: text } : {}) };
  return test.start([AGENT], { sessionId, cwd: repo, env });
}

async function ended(line: string, asked: Asked = {}): Promise<CommandEnd> {
  return (await agent(line, asked)).ended;
}

const commits = async () => Number(await git('rev-list', '--count', 'HEAD')) - 1;
const files = async () => (await git('ls-files')).split('\n').filter(Boolean);
const uncommitted = async () => (await git('status', '--porcelain')).trim();

describe('the stub agent', () => {
  it.each([true, false])('commits what it was asked for (text beside the JSON: %s)', async (withText) => {
    expect(await ended('stub: files=3', { withText })).toMatchObject({ exitCode: 0 });
    expect([await commits(), await files(), await uncommitted()]).toEqual([1, ['stub/A-1-1.txt', 'stub/A-1-2.txt', 'stub/A-1-3.txt'], '']);
  });

  it.each([true, false])('reads every line, also with line ends of Windows (text beside the JSON: %s)', async (withText) => {
    expect((await ended('stub: files=2\r\nand\r\nstub: exit=3\r', { withText })).exitCode).toBe(3);
    expect(await files()).toEqual(['stub/A-1-1.txt', 'stub/A-1-2.txt']);
  });

  it('commits one file when the issue has no words for it', async () => {
    expect((await ended('nothing special')).exitCode).toBe(0);
    expect(await files()).toEqual(['stub/A-1-1.txt']);
  });

  it('takes its time and ends with the code it was told', async () => {
    const end = await ended('stub: sleep=0.3 exit=9');
    expect(end.exitCode).toBe(9);
    expect(end.durationMs).toBeGreaterThanOrEqual(300);
    expect(await commits()).toBe(1);
  });

  it('ends without a commit, or leaves changes without one', async () => {
    expect((await ended('stub: no-commit')).exitCode).toBe(0);
    expect([await commits(), await uncommitted()]).toEqual([0, '']);
    expect((await ended('stub: uncommitted')).exitCode).toBe(0);
    expect([await commits(), await uncommitted()]).toEqual([0, '?? stub/']);
  });

  it('makes two that work at once conflict', async () => {
    await git('branch', 'other');
    await ended('stub: conflict', { id: 'one' });
    await git('checkout', '-q', 'other');
    await ended('stub: conflict', { id: 'two' });
    await expect(git('merge-tree', '--write-tree', 'HEAD', '@{-1}')).rejects.toMatchObject({
      stdout: expect.stringMatching(/CONFLICT.*stub\/shared\.txt/),
    });
  });

  it('breaks what the verification looks at, and mends it at the next attempt', async () => {
    const verify = async () => (await test.start([VERIFY], { cwd: repo })).ended;
    await ended('stub: fail-verify once');
    expect(await verify()).toMatchObject({ exitCode: 1, tail: 'BROKEN is there: issue A-1, attempt 1\n' });
    await ended('stub: fail-verify once', { attempt: 2 });
    expect(await verify()).toMatchObject({ exitCode: 0, tail: 'nothing is broken\n' });
    expect(await (await test.start([VERIFY, 'soon'], { cwd: repo })).ended).toMatchObject({ exitCode: 64 });
  });

  it('crashes', async () => {
    expect(await ended('stub: crash')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it.each(['hang', 'busy', 'hang ignore-term'])('does not end by itself when told: %s', async (words) => {
    const sessionId = test.session();
    const command = await agent(`stub: ${words}`, { sessionId });
    await until(async () => (await living(sessionId)).length > 0 && (await command.evidence()).lifeAgeMs < Infinity);
    await command.end('stalled');
    const end = await command.ended;
    expect(end).toMatchObject({ cause: 'stalled', exitCode: null });
    expect(await living(sessionId)).toEqual([]);
    expect(await commits()).toBe(0);
  });

  it('leaves a process behind that is ended with its session', async () => {
    const sessionId = test.session();
    expect(await ended('stub: fork', { sessionId })).toMatchObject({ cause: 'exit', exitCode: 0 });
    expect(await living(sessionId)).toEqual([]);
    expect(await commits()).toBe(1);
  });

  it('writes a lot, or a little slowly', async () => {
    const { exitCode, tail } = await ended('stub: flood=3000000');
    expect([exitCode, tail.length]).toEqual([0, 4_096]);
    expect((await ended('stub: chatter=1', { id: 'B' })).tail).toBe('issue B, attempt 1: none\nstill here: 1\n');
  });

  it.each([
    ['stub: sleep=x', 'sleep must be seconds'],
    ['stub: exit=-1', 'exit must be a whole number'],
    ['stub: exit=300', 'exit must be at most 255'],
    ['stub: files=99999999999999999999', 'files must be a whole number of at most 9 digits'],
    ['stub: $(touch hacked) `touch hacked`', 'unknown word "$(touch"'],
    ['stub: *', 'unknown word "*"'],
  ])('refuses %j', async (line, words) => {
    const end = await ended(line);
    expect(end.exitCode).toBe(64);
    expect(end.tail).toContain(words);
    expect(await uncommitted()).toBe('');
  });

  it('refuses an issue without an id or without a file', async () => {
    expect((await ended('stub: ok', { id: '../x' })).exitCode).toBe(64);
    await rm(path.join(test.folder, 'issue.md'));
    const env = { BELLOWS_ISSUE_ID: 'A-1', BELLOWS_ISSUE_TEXT: path.join(test.folder, 'issue.md') };
    expect((await (await test.start([AGENT], { cwd: repo, env })).ended).tail).toContain('cannot be read');
  });
});
