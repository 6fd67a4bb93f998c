import type { IClock, ILogger } from '@bellows/sdk';
import type { ProcessRecord } from './process-record.js';
import type { ProcessTree } from './process-tree.js';

export interface Ending {
  readonly tree: ProcessTree;
  readonly clock: IClock;
  readonly logger: ILogger;
}

/** Who is still there so long after SIGKILL hangs inside the kernel (a dead network drive): waiting longer does not help. */
const GIVE_UP_MS = 15_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

/** Those that fork faster than they can be stopped are killed all the same after so many looks. */
const MAX_FREEZING_LOOKS = 8;

/**
 * Asks every process of the session to end and waits at most `graceMs` for that; answers whether none is left. Stopped ones are
 * continued, else they could not hear it. Those that begin meanwhile are not asked.
 */
export async function askToEnd(sessionId: string, graceMs: number, { tree, clock }: Ending): Promise<boolean> {
  const { alive } = await tree.look(sessionId);
  if (alive.length === 0) return true;
  for (const { pid } of alive) {
    signal(pid, 'SIGTERM');
    signal(pid, 'SIGCONT');
  }
  const endMs = clock.monotonicMs() + graceMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const leftMs = endMs - clock.monotonicMs();
    if (leftMs <= 0) return false;
    await clock.sleep(Math.min(pauseMs, leftMs));
    if ((await tree.look(sessionId)).alive.length === 0) return true;
  }
}

/**
 * Kills every process of the session until a look finds none; answers how many that were. All are stopped before the first is
 * killed: else those that fork would fill the places of the killed ones. Gives up, with a line in the log, on those the kernel holds.
 */
export async function killAll(sessionId: string, { tree, clock, logger }: Ending): Promise<number> {
  const killed = new Set<string>();
  const endMs = clock.monotonicMs() + GIVE_UP_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const found = await freeze(sessionId, tree);
    if (found.length === 0) return killed.size;
    for (const { pid, startedAt } of found) {
      signal(pid, 'SIGKILL');
      killed.add(`${pid} ${startedAt}`);
    }
    if (clock.monotonicMs() >= endMs) {
      logger.error('processes of a session do not end, the kernel holds them', { session: sessionId, pids: found.map(({ pid }) => pid) });
      return killed.size;
    }
    await clock.sleep(pauseMs);
  }
}

async function freeze(sessionId: string, tree: ProcessTree): Promise<readonly ProcessRecord[]> {
  const frozen = new Set<string>();
  for (let look = 1; ; look += 1) {
    const { alive } = await tree.look(sessionId);
    const running = alive.filter(({ pid, startedAt }) => !frozen.has(`${pid} ${startedAt}`));
    if (running.length === 0 || look === MAX_FREEZING_LOOKS) return alive;
    for (const { pid, startedAt } of running) {
      signal(pid, 'SIGSTOP');
      frozen.add(`${pid} ${startedAt}`);
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  // a host that was itself started within a session is not its own victim
  if (pid === process.pid || pid <= 1) return;
  try {
    process.kill(pid, name);
  } catch {
    // it has ended since, or belongs to someone else
  }
}
