import type { LiveIssue, LiveJob } from './live-job.js';
import type { SessionRecord } from './stored-records.js';

export interface SessionBeginning {
  readonly job: LiveJob;
  readonly live: LiveIssue;
  readonly id: string;
  /** `IClock.now`. */
  readonly since: number;
}

/** A session that has done nothing yet. */
export function newSessionRecord({ job, live, id, since }: SessionBeginning): SessionRecord {
  return {
    id,
    jobId: job.id,
    issueId: live.issue.id,
    epoch: live.record.epoch,
    repo: job.spec.repo,
    branch: job.spec.branch,
    since,
    workspacePath: null,
    base: null,
    process: null,
    candidate: null,
  };
}

/** Unique among all hosts; a name of a folder and of a branch, so it begins with a letter or digit. */
export function newSessionId({ issue, record }: LiveIssue, random: number): string {
  const slug = issue.id
    .replaceAll(/[^A-Za-z0-9_-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40);
  const unique = Math.floor(random * 2 ** 48)
    .toString(36)
    .padStart(10, '0');
  return `${slug === '' ? 'issue' : slug}-${record.epoch}-${unique}`;
}
