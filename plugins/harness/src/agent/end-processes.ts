import type { IClock, ILogger } from '@bellows/sdk';
import type { ProcessRecord } from './process-record.js';
import type { ProcessTree, SessionProcesses } from './process-tree.js';

export interface Ending {
  readonly tree: ProcessTree;
  readonly clock: IClock;
  readonly logger: ILogger;
}

/** Who is still there so long after SIGKILL hangs inside the kernel (a dead network drive) or is another user's (sudo): waiting does not help. */
const GIVE_UP_MS = 15_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/** Those that fork faster than they can be stopped are killed all the same after so many looks. */
const MAX_FREEZING_LOOKS = 8;

/** After so many looks in a row of which nobody was there any more, whoever forks and ends all the time is reached through the group. */
const MISSED_LOOKS = 2;

/**
 * Asks every process of the session to end and waits at most `graceMs` for that; answers whether none is left. Stopped ones are
 * continued, else they could not hear it. Those that begin meanwhile are not asked.
 */
export async function askToEnd(sessionId: string, graceMs: number, { tree, clock }: Ending): Promise<boolean> {
  const alive = victims(await tree.look(sessionId));
  if (alive.length === 0) return true;
  for (const record of alive) if (await signal(record, 'SIGTERM', tree)) await signal(record, 'SIGCONT', tree);
  const endMs = clock.monotonicMs() + graceMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) return false;
    await clock.sleep(Math.min(pauseMs, leftMs));
    // where nobody was found nobody can begin, so the looks of others do
    if (victims(await tree.look(sessionId, pauseMs)).length === 0) return true;
  }
}

/**
 * Kills every process of the session until a look finds none; answers how many that were. All are stopped before the first is
 * killed: else those that fork would fill the places of the killed ones. Gives up, with a line in the log, on those that do not end.
 */
export async function killAll(sessionId: string, { tree, clock, logger }: Ending): Promise<number> {
  const killed = new Set<string>();
  const endMs = clock.monotonicMs() + GIVE_UP_MS;
  for (let pauseMs = FIRST_PAUSE_MS, missed = 0; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const { alive, group } = await freeze(sessionId, tree);
    if (alive.length === 0) return killed.size;
    missed += 1;
    for (const record of alive) {
      if (!(await signal(record, 'SIGKILL', tree))) continue;
      killed.add(keyOf(record));
      missed = 0;
    }
    if (missed >= MISSED_LOOKS && group !== null) killGroup(group);
    if (clock.monotonicMs() >= endMs) {
      const pids = alive.map(({ pid }) => pid);
      logger.error('processes of a session do not end: the kernel holds them, or they are those of another user', {
        session: sessionId,
        pids,
      });
      return killed.size;
    }
    await clock.sleep(pauseMs);
  }
}

/** All at one stroke, also who is just being started. Silent when nobody is in it. */
export function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // it is empty
  }
}

async function freeze(sessionId: string, tree: ProcessTree): Promise<Pick<SessionProcesses, 'alive' | 'group'>> {
  const frozen = new Set<string>();
  for (let look = 1; ; look += 1) {
    const found = await tree.look(sessionId);
    const alive = victims(found);
    const running = alive.filter((record) => !frozen.has(keyOf(record)));
    if (running.length === 0 || look === MAX_FREEZING_LOOKS) return { alive, group: found.group };
    for (const record of running) {
      await signal(record, 'SIGSTOP', tree);
      frozen.add(keyOf(record));
    }
  }
}

/** A host that was itself started within a session is not its own victim. */
function victims({ alive }: SessionProcesses): readonly ProcessRecord[] {
  return alive.filter(({ pid }) => pid !== process.pid && pid > 1);
}

function keyOf({ pid, startedAt }: ProcessRecord): string {
  return `${pid} ${startedAt}`;
}

/** Whether it was reached: false for who has ended since the look, whose number may be that of another. */
async function signal(record: ProcessRecord, name: NodeJS.Signals, tree: ProcessTree): Promise<boolean> {
  if (!(await tree.isStill(record))) return false;
  try {
    process.kill(record.pid, name);
    return true;
  } catch {
    // it has ended since, or belongs to someone else
    return false;
  }
}
