import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Commands } from '../../src/agent/commands.js';
import { LinuxProcesses } from '../../src/agent/linux-processes.js';
import type { ProcessRecord } from '../../src/agent/process-record.js';
import { living, TestCommands, until } from './test-commands.js';

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
  it('by forking twice, as daemons do, hardly ever does, and is found by its mark then', async () => {
    const sessions: string[] = [];
    // who is between two forks is only so for moments: many tries, so that some meet them
    for (let round = 0; round < 10; round += 1) {
      const some = Array.from({ length: 6 }, () => test.session());
      const daemon = 'setsid sh -c "sleep 60 >&- 2>&- &" & exit';
      await Promise.all(some.map(async (sessionId) => (await test.shell(daemon, { sessionId, graceMs: 50 })).ended));
      sessions.push(...some);
    }
    // On a machine with no time to spare one may fork, end and lose its parent all between two looks: that a look is made again then
    // is tried with given processes. Those that got away are found by any later look.
    expect((await living(...sessions)).length).toBeLessThan(sessions.length / 4);
    for (const sessionId of sessions) await test.commands.endOrphan(null, sessionId);
    expect(await living(...sessions)).toEqual([]);
  });

  it('by forking and ending all the time does not', async () => {
    // bounded, so that a failing test harms nobody
    const hops = 'hop() { [ "$1" -gt 0 ] || { echo x >end; exec sleep 60; }; hop $(($1 - 1)) & }; hop 4000; exit';
    const commands = await Promise.all(Array.from({ length: 4 }, () => test.shell(hops, { graceMs: 0 })));
    await Promise.all(commands.map(({ ended }) => ended));
    for (const { identity } of commands) await until(() => groupIsEmpty(identity.pid));
    // it was ended, it has not come to its end
    expect(await test.has('end')).toBe(false);
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
    const { tail } = await (await test.shell('for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] || readlink $p/cwd; done 2>/dev/null')).ended;
    expect(tail.split('\n').filter((folder) => folder === test.folder)).toEqual([]);
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

/** Bytes in use once what nobody has is gone: streams give their buffers back some turns after they ended. */
async function heap(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 4; turn += 1) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('two hundred sessions', () => {
  it('leave no descriptor, timer or memory behind', async () => {
    const runSome = async (sessions: number) => {
      for (let begun = 0; begun < sessions; begun += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async (_, index) => {
            if (index === 0) return test.start(['no-such-program']).catch(() => {});
            // more than what is remembered of it
            const script = `printf %020000d 0; ${index % 2 === 0 ? 'exit' : 'exec sleep 60'}`;
            const command = await test.shell(script, { graceMs: 1_000 });
            await command.evidence();
            if (index % 2 === 1) await command.end('stopped');
            await command.ended;
          }),
        );
      }
    };
    const open = () => readdirSync(path.join('/proc', String(process.pid), 'fd')).length;
    const resources = () => process.getActiveResourcesInfo().filter((name) => /Timeout|Process|Pipe|FSReq/.test(name)).length;
    await runSome(40);
    const before = { open: open(), resources: resources() };
    const growths: number[] = [];
    // Each round would keep 7 MB if its sessions were kept with what they remember of their output; a single reading may be wrong by some MB.
    do {
      const bytes = await heap();
      await runSome(200);
      // the last handles are closed a turn of the loop later
      await until(() => open() <= before.open && resources() <= before.resources);
      growths.push((await heap()) - bytes);
    } while (Math.min(...growths) > 1_000_000 && growths.length < 5);
    expect(Math.min(...growths)).toBeLessThanOrEqual(1_000_000);
  });
});
