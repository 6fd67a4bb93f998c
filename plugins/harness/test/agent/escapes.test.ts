import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Commands } from '../../src/agent/commands.js';
import { LinuxProcesses } from '../../src/agent/linux-processes.js';
import type { ProcessRecord } from '../../src/agent/process-record.js';
import { until } from '../running-harness.js';
import { living, TestCommands, workingIn } from './test-commands.js';

let test: TestCommands;
beforeEach(async () => {
  test = await TestCommands.make();
});
afterEach(() => test[Symbol.asyncDispose]());

/** As the kernel sees it, whatever is listed. */
function groupIsEmpty(group: number): boolean {
  try {
    process.kill(-group, 0);
    return false;
  } catch {
    return true;
  }
}

describe('who tries to get away from its session', () => {
  it('by forking twice, as daemons do, carries its mark: the sweep of what a host left ends it, if the end of its session did not', async () => {
    // Whoever forks, ends and loses its parent all between two looks is found by its mark only, so some may live on here. What makes
    // them few, that a look which lost sight of one is made again, is tried with given processes beside the readers and the tree.
    const sessions = Array.from({ length: 12 }, () => test.session());
    const daemon = 'setsid sh -c "sleep 60 >&- 2>&- &" & exit';
    await Promise.all(sessions.map(async (sessionId) => (await test.shell(daemon, { sessionId, graceMs: 50 })).ended));
    await until(async () => {
      for (const sessionId of sessions) await test.commands.endOrphan(null, sessionId);
      // one that is just being loaded shows no mark yet
      return workingIn(test.folder).length === 0;
    });
  });

  it('by forking and ending all the time does not', async () => {
    // it goes on for as long as this test may take, unless it is ended or, so that a failing test harms nobody, its folder is gone
    const hops = 'hop() { [ -e stay ] && [ "$1" -gt 0 ] && hop $(($1 - 1)) & }; : >stay; hop 1000000; exit';
    const commands = await Promise.all(Array.from({ length: 4 }, () => test.shell(hops, { graceMs: 0 })));
    await Promise.all(commands.map(({ ended }) => ended));
    for (const { identity } of commands) await until(() => groupIsEmpty(identity.pid));
  });

  it('by the name of another session does not', async () => {
    const { sessionId } = test.spec([]);
    const forged = test.session();
    const command = await test.shell(`BELLOWS_SESSION=${forged} setsid sleep 61 & while [ ! -e go ]; do sleep 0.02; done`, { sessionId });
    const followed = await test.start(['sleep', '60'], { sessionId: forged });
    await until(async () => (await living(forged)).length > 1);
    await command.end('stopped');
    expect((await living(forged)).map(({ pid }) => pid)).toEqual([followed.identity.pid]);
    await followed.end('stopped');
  });

  it('in a group of its own with an empty environment and no parent does not', async () => {
    const script = 'set -m; env -i sh -c "trap : TERM; echo x >ready; sleep 60; sleep 60" & while [ ! -s ready ]; do sleep 0.02; done';
    const command = await test.start(['bash', '-c', script], { graceMs: 50 });
    await command.ended;
    expect(workingIn(test.folder)).toEqual([]);
  });
});

/** A look at which a process that is nobody's has the number of one of the session's: that one ended right after the look. */
class LateProcesses extends LinuxProcesses {
  stranger: { pid: number; parentPid: number } | null = null;

  override async list(): Promise<readonly ProcessRecord[]> {
    const records = await super.list();
    const { stranger } = this;
    if (stranger === null) return records;
    return records.map((record) =>
      record.pid === stranger.pid ? { ...record, parentPid: stranger.parentPid, startedAt: 'before' } : record,
    );
  }
}

describe('a number that is in use again when the signal is sent', () => {
  let stranger: ChildProcess;
  afterEach(() => {
    stranger.kill('SIGKILL');
  });

  it('is not that of a victim', async () => {
    stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    await new Promise((resolve) => stranger.once('spawn', resolve));
    const reader = new LateProcesses();
    const command = await new Commands({ processes: reader }).start(
      test.spec(['sh', '-c', 'trap "" TERM; echo x >ready; sleep 60; sleep 60']),
    );
    await until(() => test.has('ready'));
    reader.stranger = { pid: stranger.pid!, parentPid: command.identity.pid };
    const ended = command.end('stalled');
    await until(() => groupIsEmpty(command.identity.pid));
    reader.stranger = null;
    await ended;
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
    expect((await reader.read(stranger.pid!))?.ended).toBe(false);
  });
});

/** What is in use when everything that nobody needs is gone. */
async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // what a first collection lets go of may hold more until its finalizers have had their turn
  for (let turn = 0; turn < 2; turn += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** How much each reading is above the one before, by the median of the slopes of all pairs: readings that stand out do not count. */
function slopeOf(readings: readonly number[]): number {
  const slopes = readings.flatMap((early, at) => readings.slice(at + 1).map((late, more) => (late - early) / (more + 1)));
  return slopes.toSorted((a, b) => a - b)[Math.floor(slopes.length / 2)]!;
}

/** What this process may open for itself meanwhile; fewer than if every start that fails left one thing open, one in each round. */
const FEW = 5;

describe('two hundred sessions', () => {
  it('leave no descriptor, timer or memory behind', async () => {
    const runSome = async (sessions: number) => {
      await Promise.all(
        Array.from({ length: sessions }, async (_, index) => {
          if (index === 0) return test.start(['no-such-program']).catch(() => {});
          const command = await test.shell(index % 2 === 0 ? 'head -c 20000 /dev/zero' : 'sleep 60', { graceMs: 1_000 });
          await command.evidence();
          if (index % 2 === 1) await command.end('stopped');
          await command.ended;
        }),
      );
    };
    const open = () => readdirSync(path.join('/proc', String(process.pid), 'fd')).length;
    const resources = () => process.getActiveResourcesInfo().filter((name) => /Timeout|Process|Pipe|FSReq/.test(name)).length;
    await runSome(20);
    await runSome(20);
    const before = { open: open(), resources: resources() };
    const heaps: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      await runSome(20);
      // the last handles are closed a turn of the loop later
      await until(() => open() <= before.open + FEW && resources() <= before.resources + FEW);
      heaps.push(await heapBytes());
    }
    // Compiled code takes memory in some rounds, what sessions leave takes it in each: some 19 KiB where their commands are kept,
    // 1 KiB where nothing is.
    expect(slopeOf(heaps) / 20).toBeLessThan(8 * 1024);
  });
});
