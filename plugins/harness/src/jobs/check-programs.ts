import type { ErrorDetail } from '@bellows/sdk';
import { harnessError } from '../errors.js';
import type { HarnessServices } from './harness-services.js';
import type { JobSpec } from './job-records.js';
import type { IRepository } from './session-contracts.js';

/**
 * Resolves when nothing speaks against starting the commands of the job where it begins; else `COMMAND_NOT_STARTED` with every fault: no
 * agent shall work for an hour before a verification that cannot run.
 */
export async function checkPrograms(spec: JobSpec, repository: IRepository, services: HarnessServices): Promise<void> {
  // the branch is made at HEAD where it is not there yet
  const commit = (await repository.commitOf(`refs/heads/${spec.branch}`)) ?? (await repository.commitOf('HEAD'));
  if (commit === null) return;
  const place = { repository, commit, env: services.agentEnv };
  const details: ErrorDetail[] = [];
  for (const [at, [program = '']] of [['agent.command[0]', spec.agent.command] as const, ['verify[0]', spec.verify] as const]) {
    const message = await services.programFault(program, place);
    if (message !== null) details.push({ path: at, message });
  }
  if (details.length === 0) return;
  const faults = details.map(({ path: at, message }) => `${at}: ${message}`).join('; ');
  throw harnessError('COMMAND_NOT_STARTED', `The job was not accepted, because its commands could not be started. ${faults}`, { details });
}
