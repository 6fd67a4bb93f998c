import type { ProcessIdentity } from '../jobs/session-contracts.js';
import { LinuxProcesses } from './linux-processes.js';
import type { IProcessReader } from './process-record.js';
import { PsProcesses } from './ps-processes.js';

/** How processes are looked at on this system. */
export function systemProcesses(): IProcessReader {
  return process.platform === 'linux' ? new LinuxProcesses() : new PsProcesses();
}

/** Which process has this number now; null when there is none, or it has ended and only waits for its parent. */
export async function identityOf(pid: number, processes: IProcessReader): Promise<ProcessIdentity | null> {
  const record = await processes.read(pid);
  return record === null || record.ended ? null : { pid, startedAt: record.startedAt };
}

/** Whether this very process lives; false for a later one that got its number. */
export async function isAlive(identity: ProcessIdentity, processes: IProcessReader): Promise<boolean> {
  const now = await identityOf(identity.pid, processes);
  return now !== null && now.startedAt === identity.startedAt;
}
