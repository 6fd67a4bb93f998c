import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LinuxProcesses, parseStat } from '../../src/agent/linux-processes.js';
import { identityOf, isAlive } from '../../src/agent/process-identity.js';
import { PsProcesses } from '../../src/agent/ps-processes.js';
import { until } from '../running-harness.js';

const READERS = [
  ['/proc', new LinuxProcesses()],
  ['ps', new PsProcesses()],
] as const;

describe('a line of /proc/<pid>/stat', () => {
  const line = (name: string, state = 'S') =>
    `42 (${name}) ${state} 7 40 39 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 987654 1 2 18446744073709551615`;
  const read = { pid: 42, parentPid: 7, groupId: 40, systemSessionId: 39, ended: false, cpuMs: 1_000, startedAt: 'boot:987654' };

  it.each(['sh', 'a b', 'a) R 1 1 1', '((', '))', ') Z', 'line\nend', ''])('is read with the name %j', (name) => {
    expect(parseStat(line(name), 'boot')).toEqual(read);
  });

  it.each(['Z', 'X', 'x'])('in the state %s is one that has ended', (state) => {
    expect(parseStat(line('sh', state), 'boot')).toEqual({ ...read, ended: true });
  });

  it('of one whose first thread has ended while others go on is one that lives', () => {
    expect(parseStat(line('sh', 'Z').replace(' 20 0 1 0 ', ' 20 0 2 0 '), 'boot')).toEqual(read);
  });

  it.each(['', '42', '42 (sh', '42 (sh) S 1 2', 'x (sh) S 7 40'])('that is cut short is none: %j', (cut) => {
    expect(parseStat(cut, 'boot')).toBeNull();
  });
});

describe.each(READERS)('the identity of a process by %s', (_, reader) => {
  it('is that of this process as long as it lives', async () => {
    const identity = await identityOf(process.pid, reader);
    expect(identity).toMatchObject({ pid: process.pid });
    expect(await isAlive(identity!, reader)).toBe(true);
  });

  it('is none for a number nobody has, and for who has ended but was not heard of', async () => {
    expect(await identityOf(2 ** 22 + 1, reader)).toBeNull();
    // the parent of the ended one never asks for it, as long as it is `sleep` by then: the shell itself might, and then nobody has the number
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const zombie = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
      await until(async () => (await reader.read(zombie))?.ended !== false);
      expect(await identityOf(zombie, reader)).toBeNull();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('is not that of another process with the same number', async () => {
    const identity = await identityOf(process.pid, reader);
    expect(await isAlive({ ...identity!, startedAt: 'another time' }, reader)).toBe(false);
  });

  it('is read right whatever the program is called', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-names-'));
    await copyFile('/bin/sleep', path.join(folder, 'a) R (b 1'));
    const child = spawn(path.join(folder, 'a) R (b 1'), ['60']);
    try {
      await new Promise((resolve) => child.once('spawn', resolve));
      expect(await reader.read(child.pid!)).toMatchObject({ pid: child.pid, parentPid: process.pid, ended: false });
    } finally {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });
});

describe('a look at /proc', () => {
  it('of a host without free files is a failure, not a machine without processes', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-proc-'));
    try {
      // a folder where the file should be: any error but those of a process that has ended
      await mkdir(path.join(folder, '12', 'stat'), { recursive: true });
      await mkdir(path.join(folder, '13'));
      const reader = new LinuxProcesses(folder);
      await expect(reader.list()).rejects.toMatchObject({ code: 'EISDIR' });
      expect(await reader.read(13)).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('in which a daemon ended, after it had started another, finds that other', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-proc-'));
    try {
      // they end between the list of names and the look at each; more than are read in one go
      for (let pid = 100; pid < 300; pid += 1) await mkdir(path.join(folder, String(pid)));
      const looking = new LinuxProcesses(folder).list();
      mkdirSync(path.join(folder, '400'));
      writeFileSync(path.join(folder, '400', 'stat'), `400 (sh) S 1 400 400 0 -1 0 1 2 3 4 1 2 3 4 20 0 1 0 5 1 2 3`);
      expect((await looking).map(({ pid }) => pid)).toEqual([400]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('ends with who it has seen on a machine where programs begin and end without pause', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-proc-'));
    let last = 1_000;
    let isOver = false;
    // more than are read in one go, so that more of them come while the look goes on
    const begin = () => {
      for (let count = 0; count < 200; count += 1) mkdirSync(path.join(folder, String((last += 1))));
    };
    try {
      await mkdir(path.join(folder, '12'));
      await writeFile(path.join(folder, '12', 'stat'), `12 (sh) S 7 12 12 0 -1 0 1 2 3 4 1 2 3 4 20 0 1 0 5 1 2 3`);
      begin();
      const churn = () => {
        if (isOver || last > 20_000) return;
        begin();
        setImmediate(churn);
      };
      setImmediate(churn);
      const records = await new LinuxProcesses(folder).list();
      expect(records.map(({ pid }) => pid)).toEqual([12]);
      expect(last).toBeGreaterThan(3_000);
    } finally {
      isOver = true;
      await rm(folder, { recursive: true });
    }
  });

  it('finds the session among variables that look like it, in environments of any size', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bellows-proc-'));
    try {
      const reader = new LinuxProcesses(folder);
      await mkdir(path.join(folder, '12'));
      const environ = async (...entries: string[]) => {
        await writeFile(path.join(folder, '12', 'environ'), entries.map((entry) => `${entry}\0`).join(''));
        return reader.sessionOf(12);
      };
      expect(await environ('A=1', 'BELLOWS_SESSION=s', 'B=2')).toBe('s');
      expect(await environ('X_BELLOWS_SESSION=no', 'A=BELLOWS_SESSION=no')).toBe('');
      expect(await environ('X_BELLOWS_SESSION=no', `A=${'x'.repeat(200_000)}`, 'BELLOWS_SESSION=s')).toBe('s');
      expect(await environ('A=1')).toBe('');
      // being loaded, or gone: it is to be asked again
      expect(await environ()).toBeNull();
      expect(reader.sessionOf(13)).toBeNull();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
