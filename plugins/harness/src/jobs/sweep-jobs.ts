import { rm } from 'node:fs/promises';
import { type HarnessServices, logFolder } from './harness-services.js';
import type { JobStore } from './job-store.js';

/** Forgets jobs that ended longer than `retentionMs` ago, with their logs. */
export async function sweepJobs(store: JobStore, services: HarnessServices): Promise<void> {
  const { retentionMs } = services.settings.current;
  if (retentionMs === null) return;
  for (const id of store.sweep(services.clock.now() - retentionMs)) {
    await rm(logFolder(services, id), { recursive: true, force: true });
  }
}
