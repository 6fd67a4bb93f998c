import path from 'node:path';
import { FakeClock } from '@bellows/sdk/testing';
import { harnessConfigSchema } from '../../src/config.js';
import { Coordinator, type CoordinatorOptions, type HarnessState } from '../../src/jobs/coordinator.js';
import type { ServiceOverrides } from '../../src/jobs/harness-services.js';
import type { JobRequest } from '../../src/jobs/job-requests.js';
import { scratchFolder, stubIssue, until } from '../running-harness.js';
import { fakeServices } from './fake-services.js';

/** A job for a coordinator of `setUp`. */
export function jobOf(id: string, issues: readonly string[], more: Partial<JobRequest> = {}): JobRequest {
  return { id, repo: '/repo', issues: issues.map((issue) => stubIssue(issue)), agent: { command: ['agent'] }, verify: ['check'], ...more };
}

/** A coordinator on a clock of its own, with git that always works and agents that end when the test says so. */
export async function setUp(
  options: Partial<CoordinatorOptions> = {},
  config: Parameters<typeof harnessConfigSchema.parse>[0] = {},
  { services = {}, state = {} }: { readonly services?: ServiceOverrides; readonly state?: Partial<HarnessState> } = {},
) {
  const scratch = await scratchFolder();
  const clock = new FakeClock();
  const fakes = fakeServices();
  const dataDir = path.join(scratch.path, 'data');
  const make = () =>
    new Coordinator(
      { ...state, dataDir },
      {
        cwd: scratch.path,
        maxWorkers: 2,
        ...options,
        services: { ...fakes.services, ...services, clock, config: harnessConfigSchema.parse(config) },
      },
    );
  const coordinator = make();
  await coordinator.initialize();
  const agents = (count: number) => until(() => fakes.commands.agents.length >= count);
  return {
    ...fakes,
    clock,
    dataDir,
    coordinator,
    make,
    agents,
    [Symbol.asyncDispose]: async () => {
      await coordinator.stop();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

export const DEAD = { progressAgeMs: 11 * 60_000, lifeAgeMs: 11 * 60_000 };
