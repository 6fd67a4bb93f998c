import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { type IClock, type ILogger, messageOf } from '@bellows/sdk';
import { Commands } from '../agent/commands.js';
import { JobStore } from '../jobs/job-store.js';
import { endOrphans } from '../jobs/recover-sessions.js';
import { LOAD_TEST_PREFIX } from './run-load-test.js';

/** Ends the agents and removes the folders of load tests below `folder` whose host was killed. To be called while none runs there. */
export async function sweepLoadTests(folder: string, options: { readonly clock: IClock; readonly logger: ILogger }): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(LOAD_TEST_PREFIX))) {
    const left = path.join(folder, name);
    try {
      await endAgents(left, options);
      await rm(left, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      options.logger.warn('What a load test left could not be removed', { folder: left, error: messageOf(error) });
    }
  }
}

async function endAgents(left: string, { clock, logger }: { readonly clock: IClock; readonly logger: ILogger }): Promise<void> {
  // killed before it had a database, it had no agents either
  const store = await JobStore.open(path.join(left, 'data', 'harness.db')).catch(() => null);
  if (store === null) return;
  try {
    await endOrphans(store.sessions(), { commands: new Commands({ clock, logger }), logger });
  } finally {
    store.close();
  }
}
