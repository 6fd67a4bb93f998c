import { FakeClock } from '@bellows/sdk/testing';
import { describe, expect, it } from '@jest/globals';
import type { IProcessReader, ProcessRecord } from '../../src/agent/process-record.js';
import { ProcessTree } from '../../src/agent/process-tree.js';

/** Processes as a test says. */
class ScriptedProcesses implements IProcessReader {
  records: ProcessRecord[] = [];
  readonly carried = new Map<number, string | null>();
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
    const carried = this.carried.get(pid);
    return carried === undefined ? '' : carried;
  }
}

function record(pid: number, changed: Partial<ProcessRecord> = {}): ProcessRecord {
  return { pid, parentPid: 1, groupId: pid, systemSessionId: pid, ended: false, cpuMs: 10, startedAt: `at ${pid}`, ...changed };
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

  it('stay in the session that started them whatever their environment says', async () => {
    const { processes, tree, pids } = scripted(record(10), record(11, { parentPid: 10 }), record(20), record(21));
    processes.carried.set(11, 'other').set(21, 'other');
    tree.follow('s', leader);
    tree.follow('other', { pid: 20, startedAt: 'at 20' });
    expect([await pids('s'), await pids('other')]).toEqual([
      [10, 11],
      [20, 21],
    ]);
  });

  it('are those that left the group, lost their parent and cleared their environment, but not the system’s session', async () => {
    const { tree, pids } = scripted(record(11, { systemSessionId: 10 }));
    tree.follow('s', leader, true);
    expect(await pids('s')).toEqual([11]);
  });

  it('are not those with a session in their environment of which theirs is only the beginning', async () => {
    const { processes, tree, pids } = scripted(record(11), record(12));
    processes.carried.set(11, 'ab').set(12, 'a');
    tree.follow('a', null);
    expect(await pids('a')).toEqual([12]);
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
  const leader = { pid: 10, startedAt: 'at 10' };

  it('serves all who ask at once and reads each environment once', async () => {
    const { processes, tree } = scripted(record(10), record(11));
    for (let id = 0; id < 300; id += 1) tree.follow(`s${id}`, null);
    await Promise.all(Array.from({ length: 300 }, (_, id) => tree.look(`s${id}`)));
    expect(processes.lists).toBe(1);
    await tree.look('s1');
    expect([processes.lists, processes.environments]).toEqual([2, 2]);
  });

  it('during which a daemon ended, after it had started another, is made again', async () => {
    const { processes, tree, pids } = scripted(record(11));
    tree.follow('s', leader, true);
    processes.carried.set(12, 's');
    processes.sessionOf = (pid) => {
      if (pid === 11) processes.records = [record(12)];
      return pid === 11 ? null : (processes.carried.get(pid) ?? '');
    };
    expect(await pids('s')).toEqual([12]);
  });

  it('asks again for an environment that was just being loaded, and does not wait for it', async () => {
    const { processes, tree, pids } = scripted(record(11));
    tree.follow('s', leader, true);
    processes.carried.set(11, null);
    expect(await pids('s')).toEqual([]);
    expect(processes.lists).toBe(1);
    processes.carried.set(11, 's');
    expect(await pids('s')).toEqual([11]);
  });

  it('does not go on for ever where programs begin and end all the time', async () => {
    const { processes, tree, pids } = scripted(record(11));
    tree.follow('s', leader, true);
    let pid = 11;
    processes.sessionOf = () => {
      pid += 1;
      processes.records = [record(pid)];
      return null;
    };
    expect(await pids('s')).toEqual([]);
    expect(processes.lists).toBeLessThan(10);
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
