import path from 'node:path';
import type { IssueRecord } from './stored-records.js';

export interface SessionLogs {
  readonly agent: string;
  readonly verify: string;
}

/** Where the commands of the latest session of an issue write; `folder` is that of the job. No two sessions share a file. */
export function sessionLogs(folder: string, { id, epoch }: Pick<IssueRecord, 'id' | 'epoch'>): SessionLogs {
  const name = path.join(folder, `${id}.${epoch}`);
  return { agent: `${name}.log`, verify: `${name}.verify.log` };
}
