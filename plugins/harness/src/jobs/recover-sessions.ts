import { rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '@bellows/sdk';
import type { HarnessServices } from './harness-services.js';
import type { Change } from './job-changes.js';
import type { JobStore } from './job-store.js';
import { type LiveIssue, type LiveJob, UNDER_WAY } from './live-job.js';
import type { IRepository } from './session-contracts.js';
import type { SessionRecord } from './stored-records.js';

/** Ends every process that an earlier host left, of all jobs. To be done before anything else is begun. */
export async function endOrphans(
  sessions: readonly SessionRecord[],
  { commands, logger }: Pick<HarnessServices, 'commands' | 'logger'>,
): Promise<void> {
  for (const { id, process } of sessions) {
    const ended = await commands.endOrphan(process, id);
    if (ended > 0) logger.warn('Processes of a session of an earlier run were ended', { session: id, processes: ended });
  }
}

/**
 * Decides what became of the sessions that a crash or a stop cut off: what is on the branch has landed, everything else is as if it had
 * not been tried. Then removes what they left. Until it resolves the job must begin nothing; after a rejection it may be repeated.
 */
export async function recoverJob(
  job: LiveJob,
  repository: IRepository,
  {
    services,
    store,
    sessions,
  }: { readonly services: HarnessServices; readonly store: JobStore; readonly sessions: readonly SessionRecord[] },
): Promise<void> {
  const { clock, landing, logger } = services;
  const own = sessions.filter(({ jobId }) => jobId === job.id);
  for (const live of job.issues.filter(({ record }) => UNDER_WAY.has(record.status))) {
    const candidate = candidateOf(live, own);
    const landed = candidate !== null && (await landing.hasLanded(repository, job.spec.branch, candidate));
    // cancelled while git was asked
    if (!UNDER_WAY.has(live.record.status)) continue;
    const moment = { at: clock.now(), nowMs: clock.monotonicMs() };
    const changes = landed ? job.land(live, candidate, moment) : job.giveBack(live, moment);
    const type = landed ? 'issue.landed' : 'issue.interrupted';
    const event: Change = {
      kind: 'event',
      event: { jobId: job.id, issueId: live.issue.id, type, at: moment.at, data: { recovered: true } },
    };
    await store.write([...changes, event]);
    logger.info('A session that was cut off was settled', { job: job.id, issue: live.issue.id, landed });
  }
  await removeLeftovers(repository, own, { services, store });
}

/** Removes the workspaces, files and records of sessions that are over. */
export async function removeLeftovers(
  repository: IRepository,
  sessions: readonly SessionRecord[],
  { services, store }: { readonly services: HarnessServices; readonly store: JobStore },
): Promise<void> {
  if (sessions.length === 0) return;
  try {
    await services.workspaces.sweep(repository, new Set());
    for (const { id } of sessions) await rm(path.join(services.dataDir, 'issues', id), { recursive: true, force: true });
    await store.write(sessions.map(({ id }) => ({ kind: 'session_gone', id })));
  } catch (error) {
    services.logger.warn('What earlier sessions left could not be removed; it is tried again at the next start', {
      repo: repository.path,
      error: messageOf(error),
    });
  }
}

function candidateOf({ issue, record }: LiveIssue, sessions: readonly SessionRecord[]): string | null {
  return sessions.find(({ issueId, epoch }) => issueId === issue.id && epoch === record.epoch)?.candidate ?? null;
}
