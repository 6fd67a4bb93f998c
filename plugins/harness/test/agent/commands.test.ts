import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Commands } from '../../src/agent/commands.js';
import { LinuxProcesses } from '../../src/agent/linux-processes.js';
import { until } from '../running-harness.js';
import { living, TestCommands, workingIn } from './test-commands.js';

let test: TestCommands;
beforeEach(async () => {
  test = await TestCommands.make();
});
afterEach(() => test[Symbol.asyncDispose]());

describe('a command that runs', () => {
  it('tells its exit code and both outputs', async () => {
    const command = await test.shell('echo out; echo err >&2; exit 3');
    const end = await command.ended;
    expect(end).toMatchObject({ cause: 'exit', exitCode: 3, signal: null });
    expect(end.tail.split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(end.logFault).toBeUndefined();
  });

  it('tells the signal that ended it', async () => {
    const command = await test.shell('kill -KILL $$');
    expect(await command.ended).toMatchObject({ cause: 'exit', exitCode: null, signal: 'SIGKILL' });
  });

  it('gets its arguments as they are, not through a shell', async () => {
    const command = await test.start(['printf', '%s|', '$HOME', '; exit 3', '"', '*']);
    expect((await command.ended).tail).toBe('$HOME|; exit 3|"|*|');
  });

  it('gets the environment of the host without what is the host’s own, with what was given and its session', async () => {
    process.env.BELLOWS_SECRET = 'host';
    process.env.NODE_OPTIONS = '--no-warnings';
    process.env.OF_THE_HOST = 'yes';
    try {
      const sessionId = test.session();
      const env = { GIVEN: 'a=b', OF_THE_HOST: 'changed', BELLOWS_ISSUE_ID: 'A-1', BELLOWS_SESSION: 'forged' };
      const lines = (await (await test.start(['env'], { sessionId, env })).ended).tail.split('\n');
      expect(lines).toEqual(
        expect.arrayContaining(['GIVEN=a=b', 'OF_THE_HOST=changed', 'BELLOWS_ISSUE_ID=A-1', `BELLOWS_SESSION=${sessionId}`]),
      );
      expect(lines.filter((line) => /^(BELLOWS_SECRET|NODE_OPTIONS|NODE_CHANNEL)/.test(line) || line.includes('forged'))).toEqual([]);
    } finally {
      delete process.env.BELLOWS_SECRET;
      delete process.env.NODE_OPTIONS;
      delete process.env.OF_THE_HOST;
    }
  });

  it('works on the repository it stands in although the host was started from a hook of another', async () => {
    const variables = ['GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_CONFIG_PARAMETERS'];
    for (const name of variables) process.env[name] = '/of/the/host';
    process.env.GIT_SSH_COMMAND = 'true';
    try {
      const { tail } = await (await test.shell('git init -q here && cd here && git rev-parse --show-toplevel; env | grep ^GIT_')).ended;
      const [folder, ...left] = tail.split('\n');
      expect(folder).toBe(path.join(test.folder, 'here'));
      expect(left).toContain('GIT_SSH_COMMAND=true');
      expect(left.filter((line) => line.includes('/of/the/host'))).toEqual([]);
    } finally {
      for (const name of [...variables, 'GIT_SSH_COMMAND']) delete process.env[name];
    }
  });

  it('is told its own folder, not that of the host', async () => {
    // without a shell, which would tell it by itself
    const { tail } = await (await test.start(['env'])).ended;
    expect(tail.split('\n').filter((line) => /^(OLD)?PWD=/.test(line))).toEqual([`PWD=${test.folder}`]);
  });

  it('has no input, its folder, and a group and session of its own', async () => {
    const { tail } = await (await test.shell('cat; pwd; cut -d" " -f5,6 /proc/$$/stat; echo $$')).ended;
    const [folder, groupAndSession, pid] = tail.split('\n');
    expect(folder).toBe(test.folder);
    expect(groupAndSession).toBe(`${pid} ${pid}`);
  });

  it('goes on after it closed its output', async () => {
    const command = await test.shell('exec >&- 2>&-; sleep 0.2; : >done; exit 5');
    expect((await command.ended).exitCode).toBe(5);
    expect(await test.read('done')).toBe('');
  });
});

describe('a command that cannot be started', () => {
  const refused = (reason: string, words: RegExp) => ({
    code: 'COMMAND_NOT_STARTED',
    data: { reason },
    message: expect.stringMatching(words),
  });

  it('is not there', async () => {
    await expect(test.start(['no-such-program'])).rejects.toMatchObject(refused('ENOENT', /no-such-program was not started: .*install it/));
  });

  it('may not be run', async () => {
    await writeFile(path.join(test.folder, 'plain'), '#!/bin/sh\n');
    await expect(test.start(['./plain'])).rejects.toMatchObject(refused('EACCES', /chmod \+x/));
    await expect(test.start([test.folder])).rejects.toMatchObject(refused('EACCES', /may not be run/));
  });

  it('names an interpreter that is not there', async () => {
    await writeFile(path.join(test.folder, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    await expect(test.start(['./script'])).rejects.toMatchObject(refused('ENOENT', /interpreter/));
  });

  it('has no folder to run in', async () => {
    await expect(test.start(['true'], { cwd: path.join(test.folder, 'gone') })).rejects.toMatchObject(
      refused('ENOENT', /its folder .*gone is not there/),
    );
  });

  it('has more arguments than the system takes', async () => {
    await expect(test.start(['true', 'x'.repeat(1024 * 1024)])).rejects.toMatchObject(refused('E2BIG', /in files/));
  });

  it('has the session of one that runs', async () => {
    const sessionId = test.session();
    const command = await test.shell('sleep 60', { sessionId });
    await expect(test.shell('true', { sessionId })).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
    await command.end('stopped');
    await expect(test.start(['no-such-program'], { sessionId })).rejects.toMatchObject({ data: { reason: 'ENOENT' } });
    expect((await (await test.shell('exit 3', { sessionId })).ended).exitCode).toBe(3);
  });

  it('is empty, or has a zero byte in it', async () => {
    await expect(test.start([])).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
    await expect(test.start([''])).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
    await expect(test.start(['true', 'a\0b'])).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
    await expect(test.start(['true'], { env: { A: 'a\0b' } })).rejects.toMatchObject({ code: 'COMMAND_NOT_STARTED' });
  });
});

describe('the log of a command', () => {
  it('is for its owner only, in a folder that is made for it', async () => {
    const logFile = path.join(test.folder, 'deep', 'er', 'log');
    await (await test.shell('echo hello', { logFile })).ended;
    expect(await test.read(logFile)).toBe('hello\n');
    const { tail } = await (await test.start(['stat', '-c', '%a', logFile, path.dirname(logFile)])).ended;
    expect(tail).toBe('600\n700\n');
  });

  it('keeps both ends of a flood of 200 MB, which holds up nobody', async () => {
    const spec = test.spec(['sh', '-c', 'echo begin; head -c 200000000 /dev/zero; echo; echo end']);
    // on a clock that stands still no disk is too slow
    const command = await new Commands({ clock: new FakeClock() }).start(spec);
    expect(await command.ended).toMatchObject({ exitCode: 0, tail: expect.stringMatching(/\nend\n$/) });
    const log = await test.read(spec.logFile);
    expect(log.length).toBeLessThan(spec.maxOutputBytes + 100);
    expect(log.startsWith('begin\n')).toBe(true);
    expect(log.endsWith('\nend\n')).toBe(true);
    expect(log).toContain(`[... ${200_000_011 - spec.maxOutputBytes} bytes are left out here ...]`);
  });

  it.each([
    ['whose folder cannot be made', 'file/log'],
    ['on a disk that takes nothing', '/dev/full'],
  ])('%s is missing, which the end says, and the command goes on', async (_, logFile) => {
    await writeFile(path.join(test.folder, 'file'), 'not a folder');
    const command = await test.shell('yes | head -c 1000000; echo end; exit 7', { logFile: path.resolve(test.folder, logFile) });
    const end = await command.ended;
    expect(end).toMatchObject({ exitCode: 7, logFault: expect.stringMatching(/ENOTDIR|EEXIST|ENOSPC/) });
    expect(end.tail).toMatch(/y\nend\n$/);
  });
});

describe('ending a command', () => {
  it('lets it put its things away', async () => {
    const command = await test.shell('trap "echo bye; exit 4" TERM; : >ready; echo x >ready; while :; do sleep 0.05; done', {
      graceMs: 10_000,
    });
    await until(() => test.has('ready'));
    await command.end('cancelled');
    expect(await command.ended).toMatchObject({ cause: 'cancelled', exitCode: 4, tail: expect.stringMatching(/bye\n$/) });
  });

  it('kills who ignores SIGTERM, with its children', async () => {
    const sessionId = test.session();
    const command = await test.shell('trap "" TERM; echo x >ready; sleep 60; sleep 60', { sessionId });
    await until(() => test.has('ready'));
    await command.end('stalled');
    expect(await command.ended).toMatchObject({ cause: 'stalled', exitCode: null, signal: 'SIGKILL' });
    expect(await living(sessionId)).toEqual([]);
  });

  it('reaches who was stopped', async () => {
    const sessionId = test.session();
    const command = await test.shell('trap "exit 6" TERM; echo x >ready; kill -STOP $$; while :; do sleep 0.05; done', {
      sessionId,
      graceMs: 10_000,
    });
    await until(async () => (await test.has('ready')) && (await test.read(`/proc/${command.identity.pid}/stat`)).includes(') T '));
    await command.end('timed_out');
    expect(await command.ended).toMatchObject({ cause: 'timed_out', exitCode: 6 });
    expect(await living(sessionId)).toEqual([]);
  });

  it('reaches who left the group, and who cleared its environment', async () => {
    const sessionId = test.session();
    const leave = 'setsid sh -c \'trap "" TERM; echo x >$0; sleep 60\'';
    const command = await test.shell(`${leave} left & ${leave.replace('setsid', 'setsid env -i')} cleared & wait`, { sessionId });
    await until(async () => (await test.has('left')) && (await test.has('cleared')));
    await command.end('stopped');
    expect(await living(sessionId)).toEqual([]);
    // the one without environment is found by what it runs in: nothing runs in this folder any more
    expect(workingIn(test.folder)).toEqual([]);
  });

  it('ends a program that forks without end', async () => {
    const sessionId = test.session();
    // bounded, so that a failing test harms nobody
    const bomb =
      'bomb() { [ "$1" -gt 0 ] || exec sleep 60; bomb $(($1 - 1)) & bomb $(($1 - 1)) & wait; }; trap "" TERM; echo x >ready; bomb 7';
    const command = await test.shell(bomb, { sessionId, graceMs: 0 });
    await until(() => test.has('ready'));
    await command.end('stalled');
    expect(await living(sessionId)).toEqual([]);
  });

  it('keeps the first cause, and is silent afterwards', async () => {
    const command = await test.shell('sleep 60');
    await Promise.all([command.end('stalled'), command.end('cancelled')]);
    await command.end('stopped');
    expect((await command.ended).cause).toBe('stalled');
    const other = await test.shell('exit 0');
    await other.ended;
    await other.end('cancelled');
    expect((await other.ended).cause).toBe('exit');
  });

  it('is not needed for what a command leaves behind', async () => {
    const sessionId = test.session();
    const command = await test.shell(
      'setsid sh -c \'trap "" TERM; echo x >ready; sleep 60\' & while [ ! -s ready ]; do sleep 0.02; done; echo done',
      {
        sessionId,
      },
    );
    expect(await command.ended).toMatchObject({ cause: 'exit', exitCode: 0, tail: 'done\n' });
    expect(await living(sessionId)).toEqual([]);
  });

  it('ends the group when processes cannot be looked at, and the others as soon as they can', async () => {
    const sessionId = test.session();
    const reader = new FailingProcesses();
    const commands = new Commands({ processes: reader });
    const command = await commands.start(test.spec(['sh', '-c', 'setsid sh -c "echo x >ready; sleep 60" & sleep 60'], { sessionId }));
    await until(() => test.has('ready'));
    reader.failures = 1;
    await command.end('stopped');
    expect(reader.failures).toBe(0);
    expect(await command.ended).toMatchObject({ cause: 'stopped', signal: 'SIGKILL' });
    expect(await living(sessionId)).toEqual([]);
  });

  it('of many at once leaves none', async () => {
    const all = await Promise.all(
      Array.from({ length: 40 }, () => test.session()).map(async (sessionId) => ({
        sessionId,
        command: await test.shell('sleep 60 & wait', { sessionId }),
      })),
    );
    await Promise.all(all.map(({ command }) => command.end('stopped')));
    expect(await living(...all.map(({ sessionId }) => sessionId))).toEqual([]);
  });
});

describe('the evidence of a real command', () => {
  it('shows life while it works without a word, and progress when it changes a file that matters', async () => {
    const file = path.join(test.folder, 'HEAD');
    const command = await test.shell('while [ ! -e stop ]; do :; done; echo x >HEAD; echo x >moved; sleep 60', {
      progress: { files: [file] },
    });
    await command.evidence();
    // that it began is a sign of life too: this one must be newer
    const begunAtMs = performance.now();
    await until(async () => (await command.evidence()).lifeAgeMs < performance.now() - begunAtMs);
    await writeFile(path.join(test.folder, 'stop'), '');
    await until(() => test.has('moved'));
    const lookedAtMs = performance.now();
    const { progressAgeMs } = await command.evidence();
    expect(progressAgeMs).toBeLessThanOrEqual(performance.now() - lookedAtMs);
    // each was seen by a look of its own, so neither is older than the other
    await until(async () => {
      const { lifeAgeMs, progressAgeMs: sinceProgressMs } = await command.evidence();
      return lifeAgeMs > 1_000 && sinceProgressMs > 1_000;
    });
    await command.end('stopped');
  });
});

/** A host that runs out of files for some looks. */
class FailingProcesses extends LinuxProcesses {
  failures = 0;

  override async list() {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('EMFILE: too many open files');
    }
    return super.list();
  }
}
