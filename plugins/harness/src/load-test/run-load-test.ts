import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type IClock, type ILogger, isKind, systemClock } from '@bellows/sdk';
import { harnessConfigSchema, type ScaleConfig } from '../config.js';
import { Coordinator } from '../jobs/coordinator.js';
import type { JobRequest } from '../jobs/job-requests.js';
import { keepProcessAlive } from '../jobs/keep-process-alive.js';
import { failedCriteria } from './judge-load-test.js';
import { type PlannedIssue, planLoadTest } from './load-test-plan.js';
import { generateLoadTestSpec, type LoadTestResults, type LoadTestScenario, type LoadTestSpec, scenarioSpec } from './load-test-spec.js';
import { loadTestSummary, SessionTally } from './load-test-summary.js';
import { makeSampleRepository } from './sample-repository.js';

/** Issues come in by so many jobs, or one each when they are fewer. */
const MAX_JOBS = 20;
const BRANCH = 'load-test';
/** Of the folders that tests run in. */
export const LOAD_TEST_PREFIX = 'bellows-load-test-';
/** However fast: an agent that is started on a busy machine must not count as stalled. */
const MIN_STALL_MS = 10_000;

export interface LoadTestOptions {
  /** Ends the test; it then rejects with the reason. */
  readonly signal?: AbortSignal;
  readonly clock?: IClock;
  readonly logger?: ILogger;
}

/**
 * Runs the spec with real agents (shell scripts that wait, write and commit), real workspaces, verification and landing, in a repository of
 * its own in a new folder below `cwd`, which is removed afterwards. Issues that find the queue full wait outside and are counted.
 * Times are measured; a `speed` other than 1 shortens sessions, ramp, cool-down and intervals alike, and the summary says so.
 */
export async function runLoadTest(given: Partial<LoadTestSpec>, cwd: string, options: LoadTestOptions = {}): Promise<LoadTestResults> {
  const spec = generateLoadTestSpec(given);
  const folder = await mkdtemp(path.join(cwd, LOAD_TEST_PREFIX));
  const letGo = keepProcessAlive();
  try {
    return await new LoadTest(spec, folder, options).run();
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).finally(letGo);
  }
}

/** One of `LOAD_TEST_SCENARIOS`. `LOAD_TEST_INVALID` when there is none of this name. */
export async function runLoadTestScenario(
  name: LoadTestScenario,
  cwd: string,
  options: LoadTestOptions & { readonly speed?: number } = {},
): Promise<LoadTestResults> {
  const { speed, ...others } = options;
  return runLoadTest({ ...scenarioSpec(name), ...(speed === undefined ? {} : { speed }) }, cwd, others);
}

class LoadTest {
  readonly #spec: LoadTestSpec;
  readonly #folder: string;
  readonly #clock: IClock;
  readonly #options: LoadTestOptions;
  readonly #tally = new SessionTally();
  readonly #coordinator: Coordinator;
  #backpressureActivations = 0;

  constructor(spec: LoadTestSpec, folder: string, options: LoadTestOptions) {
    this.#spec = spec;
    this.#folder = folder;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const scale = scaleConfigFor(spec);
    const { logger } = options;
    this.#coordinator = new Coordinator(
      { dataDir: path.join(folder, 'data') },
      {
        cwd: folder,
        enableScaleManager: true,
        scaleConfig: scale,
        observer: this.#tally,
        services: {
          config: harnessConfigSchema.parse({ scale }),
          clock: this.#clock,
          display: (text) => logger?.debug(text),
          ...(logger === undefined ? {} : { logger }),
        },
      },
    );
  }

  async run(): Promise<LoadTestResults> {
    const { signal } = this.#options;
    await makeSampleRepository(path.join(this.#folder, 'repo'));
    try {
      await this.#coordinator.initialize();
      const beganAtMs = this.#clock.monotonicMs();
      const ids = await this.#feed(beganAtMs);
      const reports = await Promise.all(ids.map((id) => this.#coordinator.wait(id, signal === undefined ? {} : { signal })));
      const issues = reports.flatMap((report) => report.issues);
      const landed = issues.filter(({ status }) => status === 'landed').length;
      return this.#results(this.#clock.monotonicMs() - beganAtMs, { landed, failed: issues.length - landed });
    } finally {
      await this.#coordinator.stop();
    }
  }

  /** Starts each job at its time, whether those before it are accepted yet or not; answers their ids. */
  async #feed(beganAtMs: number): Promise<readonly string[]> {
    const start = async (batch: readonly PlannedIssue[]) => {
      const waitMs = beganAtMs + (batch[0]?.arrivesAtMs ?? 0) - this.#clock.monotonicMs();
      if (waitMs > 0) await this.#clock.sleep(waitMs, this.#options.signal);
      return this.#startWhenThereIsRoom(batch);
    };
    return Promise.all(batches(planLoadTest(this.#spec)).map(start));
  }

  async #startWhenThereIsRoom(batch: readonly PlannedIssue[]): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      this.#options.signal?.throwIfAborted();
      try {
        return (await this.#coordinator.start(jobFor(batch))).id;
      } catch (error) {
        if (!isKind(error, 'capacity')) throw error;
        if (attempt === 1) this.#backpressureActivations += 1;
        await this.#clock.sleep(Math.min(error.retryAfterMs ?? 0, 5_000 / this.#spec.speed), this.#options.signal);
      }
    }
  }

  #results(durationMs: number, { landed, failed }: { readonly landed: number; readonly failed: number }): LoadTestResults {
    const scale = this.#coordinator.getMetrics();
    const tally = this.#tally;
    const numbers = {
      throughputPerSecond: durationMs > 0 ? tally.sessions / (durationMs / 1_000) : 0,
      avgLatencyMs: tally.avgMs,
      p95LatencyMs: tally.percentileMs(0.95),
      p99LatencyMs: tally.percentileMs(0.99),
      successRate: tally.successRate,
      peakConcurrentWorkers: tally.peak,
      scaleOperations: scale.scaleOperations,
      backpressureActivations: this.#backpressureActivations,
      workerStalls: this.#coordinator.scaleManager.totalStalls,
      health: scale.health,
      issuesLanded: landed,
      issuesFailed: failed,
      durationMs,
      speedFactor: this.#spec.speed,
    };
    const criteria = failedCriteria({ ...numbers, targetWorkers: this.#spec.concurrentAgents });
    const passed = criteria.length === 0;
    return {
      ...numbers,
      passed,
      failedCriteria: criteria,
      summary: loadTestSummary(this.#spec, { ...numbers, passed, failedCriteria: criteria }),
    };
  }
}

function batches(issues: readonly PlannedIssue[]): readonly (readonly PlannedIssue[])[] {
  const size = Math.ceil(issues.length / MAX_JOBS);
  return Array.from({ length: Math.ceil(issues.length / size) }, (_, index) => issues.slice(index * size, (index + 1) * size));
}

function jobFor(batch: readonly PlannedIssue[]): JobRequest {
  const issues = batch.map(({ id, durationMs, fails }) => {
    const words = `sleep=${(durationMs / 1_000).toFixed(3)}${fails ? ' exit=1 once' : ''}`;
    return { id, title: `Change the files of ${id}`, body: `stub: ${words}` };
  });
  return { repo: 'repo', branch: BRANCH, issues, agent: { command: ['sh', stub('stub-agent.sh')] }, verify: ['sh', stub('verify.sh')] };
}

/** By the name its package has for it: how deep this code is bundled is not known here. */
function stub(name: string): string {
  return fileURLToPath(import.meta.resolve(`#stub-agent/${name}`));
}

function scaleConfigFor({ concurrentAgents, speed }: LoadTestSpec): ScaleConfig {
  const { healthCheckIntervalMs, scaleCooldownMs, workerStallTimeoutMs, ...others } = harnessConfigSchema.parse({}).scale;
  const shortened = (ms: number, leastMs: number) => Math.round(Math.max(leastMs, ms / speed));
  return {
    ...others,
    minWorkers: Math.min(others.minWorkers, concurrentAgents),
    maxWorkers: concurrentAgents,
    healthCheckIntervalMs: shortened(healthCheckIntervalMs, 100),
    scaleCooldownMs: shortened(scaleCooldownMs, 0),
    workerStallTimeoutMs: shortened(workerStallTimeoutMs, MIN_STALL_MS),
  };
}
