import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { stepsOf } from '../../documents/blocks.mjs';
import { differenceOf } from '../../documents/printed.mjs';
import { Reader } from '../../documents/reader.mjs';
import { isRunning } from './processes.js';
import { cleanEnv, REPOSITORY } from './running-host.js';
import { tempFolder } from './temp-folder.js';
import { until } from './until.js';

/** Follows a document in a folder of its own; answers what was printed by each step. */
async function follow(document: string, folder = tempFolder('bellows-reader')): Promise<string[]> {
  const reader = await Reader.create({ folder });
  try {
    const printed: string[] = [];
    for (const step of stepsOf(document)) printed.push(await reader.follow(step));
    return printed;
  } finally {
    await reader.close();
  }
}

const block = (info: string, text: string) => `\`\`\`${info}\n${text}\n\`\`\`\n`;

describe('the reader of documents', () => {
  it('goes on where the last command left it: the folder, what was exported, the files', async () => {
    const document = [
      block('bash run', 'mkdir inner\ncd inner\nexport NAME=Ada'),
      block('text file=greeting.txt', 'Hello'),
      block('bash run', 'echo "$(cat greeting.txt) $NAME"; basename "$PWD"'),
    ].join('\n');
    expect((await follow(document)).at(-1)).toBe('Hello Ada\ninner\n');
  });

  it('fails at a command that fails, with what it printed and the line of the document', async () => {
    await expect(follow(`# A\n\n${block('bash run', 'echo before\nfalse\necho after')}`)).rejects.toThrow(
      /^line 3: ended with 1:[\s\S]*\nbefore\n$/,
    );
  });

  it('fails when something else is printed, and says which line', async () => {
    const document = `${block('bash run', 'echo one; echo two')}\n${block('text', 'one\nthree')}`;
    await expect(follow(document)).rejects.toThrow('line 1: this was not printed: three but: two');
  });

  it('does not take a text of the next section for what was printed', async () => {
    expect(await follow(`${block('bash run', 'echo one')}\n## A drawing\n\n${block('text', 'a → b')}`)).toEqual(['one\n']);
  });

  it('repeats a command until it shows what it should', async () => {
    const document = `${block('bash run repeat', 'echo x >> tries; wc -l < tries')}\n${block('text', '3')}`;
    const folder = tempFolder('bellows-reader');
    await follow(document, folder);
    expect(readFileSync(path.join(folder, 'tries'), 'utf8')).toBe('x\nx\nx\n');
  });

  it('keeps what stays in the first terminal, and ends it as Ctrl-C would', async () => {
    const loop = `trap 'echo bye > ended; exit 0' INT; echo $$ > pid; echo "it is ready"; while :; do sleep 0.05; done`;
    const folder = tempFolder('bellows-reader');
    const document = [
      block('bash run background until="is ready"', loop),
      block('text', 'it is ready'),
      block('bash run', 'kill -0 "$(cat pid)" && echo runs'),
    ].join('\n');
    expect((await follow(document, folder)).at(-1)).toBe('runs\n');
    expect(readFileSync(path.join(folder, 'ended'), 'utf8')).toBe('bye\n');
  });

  it('fails when what should stay ends before it is ready', async () => {
    await expect(follow(block('bash run background until="is ready"', 'echo broken'))).rejects.toThrow('ended before “is ready”:\nbroken');
  });

  it('lets processes go on beside, and ends them with the document', async () => {
    const folder = tempFolder('bellows-reader');
    const document = `${block('bash run beside', 'sleep 300 & echo $! > pid')}\n${block('bash run', 'kill -0 "$(cat pid)" && echo runs')}`;
    expect((await follow(document, folder)).at(-1)).toBe('runs\n');
    const pid = Number(readFileSync(path.join(folder, 'pid'), 'utf8'));
    await until('the end of it', () => !isRunning(pid));
  });

  it('ends a command that is under way when it is closed, whose step then fails', async () => {
    const folder = tempFolder('bellows-reader');
    const reader = await Reader.create({ folder });
    const [step, later] = stepsOf(`${block('bash run', 'echo $$ > pid; sleep 300')}\n${block('text file=later', 'late')}`);
    const outcome = reader.follow(step!).catch((error: Error) => error.message);
    await until('its beginning', () => existsSync(path.join(folder, 'pid')) && readFileSync(path.join(folder, 'pid'), 'utf8') !== '');
    await Promise.all([reader.close(), reader.close()]);
    for (const next of [step, later]) await expect(reader.follow(next!)).rejects.toThrow('was closed');
    expect(existsSync(path.join(folder, 'later'))).toBe(false);
    expect(await outcome).toMatch(/^line 1: ended with /);
    expect(isRunning(Number(readFileSync(path.join(folder, 'pid'), 'utf8')))).toBe(false);
  });

  it('leaves nothing running when it is interrupted from a terminal', async () => {
    const folder = tempFolder('bellows-reader');
    const document = path.join(folder, 'a.md');
    // no loop: bash goes on with one when the signal comes just as what it waits for has ended
    const program = 'echo $$ > pid; echo "it is ready"; exec sleep 300';
    writeFileSync(
      document,
      `${block('bash run background until="is ready"', program)}\n${block('bash run', 'echo $$ > second; sleep 300')}`,
    );
    const follower = path.join(REPOSITORY, 'tools/documents/follow.mjs');
    const temporary = tempFolder('bellows-reader');
    const env = { ...cleanEnv(), TMPDIR: temporary };
    const child = spawn(process.execPath, [follower, document, '--in', folder], { env, stdio: 'ignore' });
    const pidIn = (name: string) => (existsSync(path.join(folder, name)) ? Number(readFileSync(path.join(folder, name), 'utf8')) : 0);
    const pids = await until('the second command', () => pidIn('second') > 0 && [pidIn('pid'), pidIn('second')]);
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect([code, pids.map(isRunning), readdirSync(temporary)]).toEqual([130, [false, false], []]);
  });

  it('gives commands the port of its own for the one that documents name, and shows the documented one', async () => {
    const [printed = ''] = await follow(
      block('bash run', 'echo http://127.0.0.1:7070 > address; echo "$BELLOWS_PORT http://127.0.0.1:$BELLOWS_PORT"'),
    );
    expect(printed).toMatch(/^(?!7070)\d+ http:\/\/127\.0\.0\.1:7070\n$/);
  });

  it('leaves nothing of its own behind', async () => {
    const folder = tempFolder('bellows-reader');
    const [printed = ''] = await follow(block('bash run', 'touch "$TMPDIR/a"; echo "$TMPDIR"'), folder);
    expect([existsSync(printed.trim()), readdirSync(folder)]).toEqual([false, []]);
  });
});

describe('what a document shows', () => {
  const CASES: [string, string, string, string | undefined][] = [
    ['is equal', 'a\nb', 'a\nb\n', undefined],
    ['has other columns', 'ID  STATE', 'ID         STATE  \n', undefined],
    ['varies within a line', 'took … ms, ok', 'took 12 ms, ok', undefined],
    [
      'varies within a line, and is wrong beside',
      'took … ms, ok',
      'took 12 ms, failed',
      'this was not printed: took … ms, ok but: took 12 ms, failed',
    ],
    ['leaves lines out', 'a\n…\nd', 'a\nb\nc\nd', undefined],
    ['leaves out the first lines', '…\nd', 'a\nd', undefined],
    ['leaves out the last lines', 'a\n…', 'a\nb', undefined],
    ['has lines in another order', '…\nb\n…\na\n…', 'a\nb\n', 'this was not printed: a'],
    ['is less than was printed', 'a', 'a\nb', 'this was printed, too: b'],
    ['is more than was printed', 'a\nb', 'a', 'this was not printed: b but: (nothing)'],
    ['has signs that mean something elsewhere', 'a (b) [c] $5 .*', 'a (b) [c] $5 .*', undefined],
  ];

  it.each(CASES)('when it %s', (_name, shown, printed, difference) => {
    expect(differenceOf(shown, printed)).toBe(difference);
  });
});
