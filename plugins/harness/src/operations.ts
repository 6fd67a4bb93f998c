import type { IOperations, OperationCall, OperationDefinition } from '@bellows/sdk';
import type { Coordinator } from './jobs/coordinator.js';
import type { JobReport, RunReport } from './jobs/job-report.js';
import type { CheckedJobRequest, JobCaller } from './jobs/job-requests.js';
import { type LoadTestResults, type LoadTestScenario, type LoadTestSpec, scenarioSpec } from './load-test/load-test-spec.js';
import { schemas } from './operation-schemas.js';
import { runJob } from './run-operation.js';

export interface HarnessOperations {
  readonly coordinator: Coordinator;
  /** One at a time per host: a second one waits. */
  loadTest(spec: Partial<LoadTestSpec>, signal: AbortSignal): Promise<LoadTestResults>;
}

/** Offers `harness.*` until the plugin stops. */
export function provideOperations(operations: IOperations, { coordinator, loadTest }: HarnessOperations): void {
  provideJobs(operations, coordinator);
  provideViews(operations, coordinator);
  operations.provide(
    defineOperation({
      name: 'harness.loadTest',
      summary: 'Runs a load test with real processes on a repository of its own and judges it by its criteria.',
      ...schemas.loadTest,
      runsCommands: true,
      handler: ({ scenario, ...fields }, call) => loadTest({ ...scenarioFields(scenario), ...given(fields) }, call.signal),
    }),
  );
}

function provideJobs(operations: IOperations, coordinator: Coordinator): void {
  operations.provide(
    defineOperation({
      name: 'harness.start',
      summary: 'Gives issues to agents and answers at once; verified work lands on a branch. The job outlives its caller.',
      ...schemas.start,
      runsCommands: true,
      idempotency: 'handler',
      handler: async (request, call) => ({ id: (await coordinator.start(asked(request), callerOf(call))).id }),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'harness.run',
      summary:
        'As start, and waits for the end. The job belongs to its caller: when that one goes away, is cancelled or runs out of time, the job is cancelled; when the host stops, it goes on after the next start.',
      ...schemas.run,
      runsCommands: true,
      idempotency: 'handler',
      effort: 'wait',
      handler: async ({ mustLand, ...request }, call): Promise<Mutable<RunReport>> =>
        runJob(coordinator, { request: asked(request), mustLand, caller: callerOf(call), signal: call.signal }),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'harness.cancel',
      summary: 'Ends the agents of a job; what has landed stays.',
      ...schemas.cancel,
      effort: 'view',
      handler: async ({ id }) => shown(await coordinator.cancel(id)),
    }),
  );
}

function provideViews(operations: IOperations, coordinator: Coordinator): void {
  operations.provide(
    defineOperation({
      name: 'harness.get',
      summary: 'Shows a job: what became of each issue, and why.',
      ...schemas.get,
      role: 'reader',
      effort: 'view',
      handler: async ({ id }) => shown(coordinator.get(id)),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'harness.wait',
      summary: 'Waits for the end of a job, at most a given time, and shows it.',
      ...schemas.wait,
      role: 'reader',
      effort: 'wait',
      handler: async ({ id, timeoutMs }, call) => shown(await coordinator.wait(id, { timeoutMs, signal: call.signal })),
    }),
  );
  operations.provide(
    defineOperation({
      name: 'harness.list',
      summary: 'Names jobs, the newest first.',
      ...schemas.list,
      role: 'reader',
      effort: 'view',
      handler: async ({ limit, cursor }) => {
        const page = coordinator.list({ limit, cursor: cursor === undefined ? null : Number(cursor) });
        return { items: [...page.items], ...(page.cursor === null ? {} : { cursor: String(page.cursor) }) };
      },
    }),
  );
  operations.provide(
    defineOperation({
      name: 'harness.metrics',
      summary: 'Shows how many agents run, how they do, and what holds their number where it is.',
      ...schemas.metrics,
      role: 'reader',
      effort: 'view',
      handler: async () => coordinator.getMetrics(),
    }),
  );
}

/** Drops what was left out, so that it is left out further on. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function asked(request: CheckedJobRequest) {
  const { branch, maxWorkers, id, ...required } = request;
  return { ...required, ...given({ branch, maxWorkers, id }) };
}

function callerOf({ tenant, user, authority, idempotencyKey }: OperationCall): JobCaller {
  return { tenant, user, authority, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
}

function scenarioFields(name: LoadTestScenario | undefined): Partial<LoadTestSpec> {
  return name === undefined ? {} : scenarioSpec(name);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function shown(report: JobReport): Mutable<Omit<JobReport, 'issues'>> & { issues: JobReport['issues'][number][] } {
  return { ...report, issues: [...report.issues] };
}

/** Fixes the types of a definition to its schemas. */
function defineOperation<I, O>(definition: OperationDefinition<I, O>): OperationDefinition<I, O> {
  return definition;
}
