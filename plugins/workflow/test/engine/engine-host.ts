import {
  type CallAuthority,
  type CallOptions,
  FULL_AUTHORITY,
  type IOperations,
  NotFoundError,
  type OperationInfo,
  seededRandom,
  silentLogger,
} from '@bellows/sdk';
import { FakeClock, MemoryStore } from '@bellows/sdk/testing';
import type { StageFunction } from '@bellows/sdk/workflow';
import { type WorkflowConfig, workflowConfigSchema } from '../../src/config.js';
import { compilePipeline } from '../../src/definitions/compile-pipeline.js';
import type { Pipeline } from '../../src/definitions/pipeline.js';
import { OperationDirectory } from '../../src/engine/operation-directory.js';
import { ReadyQueue } from '../../src/engine/ready-queue.js';
import type { RunView } from '../../src/engine/run-view.js';
import { type StartRequest, WorkflowEngine } from '../../src/engine/workflow-engine.js';
import { workflowError } from '../../src/errors.js';
import { PipelineScalingManager } from '../../src/pipeline-scaling-manager.js';
import { CapturedStates } from '../../src/store/captured-states.js';
import { ENDED_STATUSES, type FlowEvent } from '../../src/store/flow-records.js';
import { TimerQueue } from '../../src/store/timer-queue.js';
import { MemoryDisk, MemoryFlowStore } from '../memory-flow-store.js';

export type FakeOperation = (input: unknown, options: CallOptions) => unknown;

export interface EngineHostOptions {
  readonly disk?: MemoryDisk;
  readonly values?: MemoryStore;
  readonly clock?: FakeClock;
  readonly seed?: number;
  readonly functions?: Readonly<Record<string, StageFunction>>;
  readonly operations?: Readonly<Record<string, FakeOperation>>;
  readonly infos?: Readonly<Record<string, Partial<OperationInfo>>>;
  readonly config?: Partial<WorkflowConfig>;
  readonly maxResting?: number;
  readonly maxMemoryBytes?: number;
  readonly cores?: number;
}

export const STARTER = Object.freeze({ tenant: 'acme', user: 'ann', authority: FULL_AUTHORITY });

/** An engine over a store in memory and a clock that stands still. `restart` is a crash and a new process on what was durable. */
export class EngineHost {
  readonly clock: FakeClock;
  readonly store: MemoryFlowStore;
  readonly values: MemoryStore;
  readonly engine: WorkflowEngine;
  readonly manager: PipelineScalingManager;
  readonly timers: TimerQueue;
  readonly captured: CapturedStates;
  readonly directory: OperationDirectory;
  readonly pipelines: Map<string, Pipeline>;
  readonly options: EngineHostOptions;
  readonly calls: { readonly name: string; readonly input: unknown; readonly options: CallOptions }[] = [];

  constructor(options: EngineHostOptions = {}, pipelines = new Map<string, Pipeline>()) {
    this.options = options;
    this.pipelines = pipelines;
    this.clock = options.clock ?? new FakeClock();
    this.store = new MemoryFlowStore(options.disk ?? new MemoryDisk());
    this.values = options.values ?? new MemoryStore();
    const { clock, store } = this;
    const config = workflowConfigSchema.parse(options.config ?? {});
    const operations = this.#operations();
    const queue = new ReadyQueue();
    this.captured = new CapturedStates({ values: this.values, backing: this.values, maxStateBytesPerStage: config.maxStateBytesPerStage });
    this.timers = new TimerQueue({ clock, onDue: (run, stage) => this.engine.due(run, stage) });
    this.manager = new PipelineScalingManager({
      config,
      clock,
      machine: { latest: { cores: options.cores ?? 2, memoryTotalBytes: 2 ** 34 } as never },
      logger: silentLogger,
      queue,
      facts: () => ({ activeRuns: 0, dormantRuns: 0, memoryBytes: 0, spilledTotal: 0, isStalled: false, cache: NO_CACHE }),
      apply: () => {},
    });
    this.directory = new OperationDirectory(operations);
    this.engine = new WorkflowEngine({
      store,
      captured: this.captured,
      timers: {
        set: (run, stage, dueAt) => this.timers.add(run, stage, dueAt),
        clear: (run, stage) => void this.timers.cancel(run, stage),
      },
      operations,
      directory: this.directory,
      clock,
      random: seededRandom(options.seed ?? 1),
      logger: silentLogger,
      queue,
      slots: this.manager,
      pipelineOf: (name, version) => this.pipelineOf(name, version),
      maxMemoryBytes: options.maxMemoryBytes ?? 2 ** 30,
      ...(options.maxResting === undefined ? {} : { maxResting: options.maxResting }),
    });
  }

  pipelineOf(name: string, version: number | null): Pipeline {
    const found = [...this.pipelines.values()].filter((one) => one.name === name && (version === null || one.version === version)).at(-1);
    if (found === undefined) throw workflowError('WORKFLOW_UNKNOWN', `There is no workflow ${name}`);
    return found;
  }

  /** `stages` as in a definition. */
  define(stages: readonly object[], more: { name?: string; version?: number; output?: unknown } = {}): Pipeline {
    const functions = new Map(Object.entries(this.options.functions ?? {}));
    const pipeline = compilePipeline({ name: 'flow', ...more, stages }, { maxDepth: 1_000, maxStages: 200_000, functions });
    this.pipelines.set(`${pipeline.name}@${pipeline.version}`, pipeline);
    return pipeline;
  }

  async start(request: Partial<StartRequest> = {}, authority: CallAuthority = FULL_AUTHORITY): Promise<string> {
    const { id } = await this.engine.start({ name: 'flow', input: null, ...request }, { ...STARTER, authority });
    return id;
  }

  /** Starts and runs to the end. */
  async run(request: Partial<StartRequest> = {}): Promise<RunView> {
    return this.end(await this.start(request));
  }

  /** Moves the clock until the run has ended; fails when it does not. */
  async end(id: string, maxMs = 3_600_000): Promise<RunView> {
    for (let waited = 0; waited <= maxMs; ) {
      if (ENDED_STATUSES.has(this.store.findRun(id)?.status ?? 'queued')) return this.engine.get(id);
      const stepMs = waited < 100 ? 1 : waited / 10;
      await this.clock.advance(stepMs);
      waited += stepMs;
    }
    if (ENDED_STATUSES.has(this.store.findRun(id)?.status ?? 'queued')) return this.engine.get(id);
    throw new Error(`the run ${id} did not end: ${JSON.stringify(await this.engine.get(id))}`);
  }

  /** Lets everything settle that needs no time. */
  async settle(turns = 8): Promise<void> {
    for (let n = 0; n < turns; n += 1) await this.clock.advance(0);
  }

  types(id: string): string[] {
    return this.events(id).map(({ type, stage }) => (stage < 0 ? type : `${type} ${stage}`));
  }

  events(id: string): readonly FlowEvent[] {
    const run = this.store.findRun(id);
    return run === null ? [] : [...this.store.events(run.key)];
  }

  /** The process is gone; another one goes on with what was durable. Timers of the first are stopped with it. */
  crash(options: Partial<EngineHostOptions> = {}): EngineHost {
    this.store.crash();
    this.kill();
    const { disk } = this.store;
    return new EngineHost({ ...this.options, disk, values: this.values, clock: this.clock, ...options }, this.pipelines);
  }

  /** Nothing of this process happens any more. */
  kill(): void {
    this.timers.close();
    void this.engine.stop(0);
  }

  async restart(options: Partial<EngineHostOptions> = {}): Promise<EngineHost> {
    const next = this.crash(options);
    await next.engine.resume();
    return next;
  }

  #operations(): IOperations {
    const { operations = {}, infos = {} } = this.options;
    return {
      provide: () => ({ [Symbol.dispose]() {} }),
      call: async <O>(name: string, input: unknown, options: CallOptions = {}) => {
        const operation = operations[name];
        if (operation === undefined) throw new NotFoundError('OPERATION_UNKNOWN', `There is no operation ${name}`);
        this.calls.push({ name, input, options });
        return (await operation(input, options)) as O;
      },
      rulesOf: (name) =>
        name in operations || name in infos
          ? { role: infos[name]?.role ?? 'operator', runsCommands: infos[name]?.runsCommands ?? false }
          : undefined,
      list: () =>
        Object.keys({ ...operations, ...infos }).map((name) => ({
          name,
          plugin: 'test',
          summary: '',
          role: 'operator',
          runsCommands: false,
          effort: 'work',
          input: {},
          output: {},
          ...infos[name],
        })),
    };
  }
}

const NO_CACHE = Object.freeze({ size: 0, hits: 0, misses: 0, hitRate: 0, memoryBytes: 0 });

/** Something a stage waits for until the test says so. */
export class Gate<T = unknown> {
  readonly #waiting: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  wait(): Promise<T> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  open(value: T): void {
    this.#waiting.shift()?.resolve(value);
  }

  fail(error: unknown): void {
    this.#waiting.shift()?.reject(error);
  }
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => error,
  );
}
