import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import { LinuxProcesses, parseStat } from '../../src/agent/linux-processes.js';
import { identityOf, isAlive } from '../../src/agent/process-identity.js';
import type { IProcessReader, ProcessRecord } from '../../src/agent/process-record.js';
import { ProcessTree } from '../../src/agent/process-tree.js';
import { PsProcesses } from '../../src/agent/ps-processes.js';
import { until } from './test-commands.js';

const READERS = [
  ['/proc', new LinuxProcesses()],
  ['ps', new PsProcesses()],
] as const;

describe('a line of /proc/<pid>/stat', () => {
  const line = (name: string, state = 'S') =>
    `42 (${name}) ${state} 7 40 39 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 987654 1 2 18446744073709551615`;
  const read = { pid: 42, parentPid: 7, groupId: 40, ended: false, cpuMs: 1_000, startedAt: 'boot:987654' };

  it.each(['sh', 'a b', 'a) R 1 1 1', '((', '))', ') Z', 'line\nend', ''])('is read with the name %j', (name) => {
    expect(parseStat(line(name), 'boot')).toEqual(read);
  });

  it.each(['Z', 'X', 'x'])('in the state %s is one that has ended', (state) => {
    expect(parseStat(line('sh', state), 'boot')).toEqual({ ...read, ended: true });
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
    // the parent of the ended one never asks for it
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const zombie = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
      await until(async () => (await reader.read(zombie))?.ended === true);
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
      expect(await environ()).toBe('');
      expect(reader.sessionOf(13)).toBe('');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Processes as a test says. */
class ScriptedProcesses implements IProcessReader {
  records: ProcessRecord[] = [];
  readonly carried = new Map<number, string>();
  lists = 0;
  environments = 0;

  async list() {
    this.lists += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return this.records;
  }
  async read(pid: number) {
    return this.records.find((record) => record.pid === pid) ?? null;
  }
  sessionOf(pid: number) {
    this.environments += 1;
    return this.carried.get(pid) ?? '';
  }
}

function record(pid: number, changed: Partial<ProcessRecord> = {}): ProcessRecord {
  return { pid, parentPid: 1, groupId: pid, ended: false, cpuMs: 10, startedAt: `at ${pid}`, ...changed };
}

function scripted(...records: ProcessRecord[]) {
  const processes = new ScriptedProcesses();
  processes.records = records;
  const clock = new FakeClock();
  const tree = new ProcessTree(processes, clock);
  const pids = async (id: string) => (await tree.look(id)).alive.map(({ pid }) => pid);
  return { processes, clock, tree, pids };
}

describe('the processes of a session', () => {
  const leader = { pid: 10, startedAt: 'at 10' };

  it('are the leader, its group, its descendants and who carries the session', async () => {
    const { processes, tree, pids } = scripted(
      record(10),
      record(11, { groupId: 10 }),
      record(12),
      record(13, { parentPid: 11 }),
      record(14, { parentPid: 13 }),
    );
    processes.records.push(record(15), record(16, { parentPid: 10, ended: true }));
    processes.carried.set(12, 's').set(15, 'another');
    tree.follow('s', leader);
    expect(await pids('s')).toEqual([10, 11, 12, 13, 14]);
  });

  it('stay its processes when they lose their parent', async () => {
    const { processes, tree, pids } = scripted(record(10), record(11, { parentPid: 10 }));
    tree.follow('s', leader);
    await pids('s');
    processes.records = [record(11, { parentPid: 1 })];
    expect(await pids('s')).toEqual([11]);
  });

  it('are not those of a later process with the number of one of them', async () => {
    const { processes, tree, pids } = scripted(record(10), record(11, { parentPid: 10 }));
    tree.follow('s', leader, true);
    await pids('s');
    processes.records = [record(10, { startedAt: 'later' }), record(11, { startedAt: 'later', groupId: 10 })];
    expect(await pids('s')).toEqual([]);
  });

  it('are those in the group of a leader that has ended only when this host started it', async () => {
    const { tree, pids } = scripted(record(11, { groupId: 10 }));
    tree.follow('own', leader, true);
    expect(await pids('own')).toEqual([11]);
    tree.forget('own');
    tree.follow('orphan', leader);
    expect(await pids('orphan')).toEqual([]);
  });

  it('of a nested session belong to the outer one when only that is followed', async () => {
    const { processes, tree, pids } = scripted(record(10), record(11, { parentPid: 10 }));
    processes.carried.set(11, 'inner');
    tree.follow('s', leader);
    expect(await pids('s')).toEqual([10, 11]);
  });

  it('are told with their CPU time and how many began and ended', async () => {
    const { processes, tree } = scripted(record(10));
    tree.follow('s', leader);
    expect(await tree.look('s')).toMatchObject({ cpuMs: 10, changes: 1 });
    processes.records = [record(10, { cpuMs: 30 }), record(11, { parentPid: 10 })];
    expect(await tree.look('s')).toMatchObject({ cpuMs: 40, changes: 2 });
    processes.records = [record(10, { cpuMs: 40 })];
    expect(await tree.look('s')).toMatchObject({ cpuMs: 40, changes: 3 });
  });

  it('do not matter to a session that is not followed', async () => {
    const { tree, pids } = scripted(record(10));
    expect(await pids('unknown')).toEqual([]);
    tree.follow('s', leader);
    tree.forget('s');
    expect(await pids('s')).toEqual([]);
  });

  it('that are their own ancestors, by numbers used again, hang nothing', async () => {
    const { tree, pids } = scripted(record(11, { parentPid: 12 }), record(12, { parentPid: 11 }));
    tree.follow('s', leader);
    expect(await pids('s')).toEqual([]);
  });
});

describe('a look', () => {
  it('serves all who ask at once and reads each environment once', async () => {
    const { processes, tree } = scripted(record(10), record(11));
    for (let id = 0; id < 300; id += 1) tree.follow(`s${id}`, null);
    await Promise.all(Array.from({ length: 300 }, (_, id) => tree.look(`s${id}`)));
    expect(processes.lists).toBe(1);
    await tree.look('s1');
    expect([processes.lists, processes.environments]).toEqual([2, 2]);
  });

  it('that has begun already does not serve who asks later', async () => {
    const { processes, tree } = scripted(record(10));
    tree.follow('s', { pid: 11, startedAt: 'at 11' });
    const first = tree.look('s');
    await new Promise((resolve) => process.nextTick(resolve));
    processes.records = [record(11)];
    const second = tree.look('s');
    expect((await second).alive).toHaveLength(1);
    await first;
    expect(processes.lists).toBe(2);
  });

  it('is used again as long as the asker allows', async () => {
    const { processes, clock, tree } = scripted(record(10));
    await tree.look('s', 1_000);
    await clock.advance(1_000);
    await tree.look('s', 1_000);
    expect(processes.lists).toBe(1);
    await clock.advance(1);
    await tree.look('s', 1_000);
    expect(processes.lists).toBe(2);
  });

  it('that fails rejects and does not spoil the next', async () => {
    const { processes, tree } = scripted(record(10));
    tree.follow('s', { pid: 10, startedAt: 'at 10' });
    const { list } = processes;
    processes.list = () => Promise.reject(new Error('too many open files'));
    await expect(tree.look('s')).rejects.toThrow('too many open files');
    processes.list = list;
    expect((await tree.look('s')).alive).toHaveLength(1);
  });
});
