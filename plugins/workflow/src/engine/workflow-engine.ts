import type { BellowsError, CallAuthority, IClock, ILogger, IOperations, IRandom } from '@bellows/sdk';
import { messageOf } from '@bellows/sdk';
import type { Pipeline } from '../definitions/pipeline.js';
import { checkPipelineDepth } from '../definitions/pipeline-depth.js';
import { shortened } from '../definitions/shortened.js';
import { workflowError } from '../errors.js';
import type { ICapturedStates } from '../store/captured-states.js';
import { ENDED_STATUSES, type IFlowStore, type StoredRun } from '../store/flow-records.js';
import type { AwaitedSignals } from './awaited-signals.js';
import type { TransactionSlots } from './dispatcher.js';
import { inputJson } from './json-output.js';
import { findDefinition } from './missing-definition.js';
import type { OperationDirectory } from './operation-directory.js';
import type { ReadyQueue } from './ready-queue.js';
import { RunEngine } from './run-engine.js';
import { idOfKey, RunIds } from './run-ids.js';
import { RunObservers } from './run-observers.js';
import { type RunView, runView } from './run-view.js';
import { isSameInput } from './same-input.js';
import type { WaitTimers } from './stage-flow.js';
import { unknownRunError } from './unknown-run.js';

export interface WorkflowEngineOptions {
  readonly store: IFlowStore;
  readonly captured: ICapturedStates;
  readonly timers: WaitTimers;
  readonly operations: IOperations;
  readonly directory: OperationDirectory;
  readonly clock: IClock;
  readonly random: IRandom;
  readonly logger: ILogger;
  readonly queue: ReadyQueue;
  readonly slots: TransactionSlots & { refuseWhenFull(): void; recordEnd(isCompleted: boolean): void; readonly maxPipelineDepth: number };
  /** null is the newest version. Throws `WORKFLOW_UNKNOWN`. */
  readonly pipelineOf: (name: string, version: number | null) => Pipeline;
  readonly maxMemoryBytes: number;
  readonly maxResting?: number;
}

export interface StartRequest {
  readonly name: string;
  readonly version?: number | undefined;
  readonly input: unknown;
  readonly id?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  readonly priority?: number | undefined;
}

/** Who starts a run. */
export interface Starter {
  readonly tenant: string;
  readonly user: string;
  readonly authority: CallAuthority;
  readonly idempotencyKey?: string | undefined;
}

export interface Started {
  readonly id: string;
  /** False: the run was there already, with the same input. */
  readonly created: boolean;
}

/** While a run is resumed nothing else happens in the process: this many, then the event loop goes round. */
const RESUMED_AT_ONCE = 100;
/** The store may be readable again then. */
const RESUME_AGAIN_MS = 1_000;
const WAITS_AT_ONCE = 5_000;

/** Runs, as callers see them. `resume` once before the first start; after `stop` everything answers `WORKFLOW_STOPPING`. */
export class WorkflowEngine {
  readonly #options: WorkflowEngineOptions;
  readonly #runs: RunEngine;
  readonly #ids: RunIds;
  readonly #observers = new RunObservers();
  /** Starts under way, so that two of one id become one run. */
  readonly #starting = new Map<string, Promise<unknown>>();
  #isStopping = false;

  constructor(options: WorkflowEngineOptions) {
    const { slots } = options;
    this.#options = options;
    this.#ids = new RunIds(options.clock, options.random);
    this.#runs = new RunEngine({
      ...options,
      maxDepth: () => slots.maxPipelineDepth,
      ended: (run) => {
        slots.recordEnd(run.status === 'completed');
        this.#observers.tell(run.record.key, run);
      },
    });
  }

  get facts() {
    return { ...this.#runs.facts, observers: this.#observers.size };
  }

  resizeMemory(maxBytes: number): void {
    this.#runs.resizeMemory(maxBytes);
  }

  /**
   * Goes on with everything that was not dormant when the last process ended, and sets the times of all waits. Resolves when all are
   * under way; others may start meanwhile.
   */
  async resume(): Promise<void> {
    for (;;) {
      try {
        return await this.#resumeAll();
      } catch (error) {
        if (this.#isStopping) return;
        this.#options.logger.warn('not all runs go on yet: it is tried again', { error: messageOf(error) });
        await this.#options.clock.sleep(RESUME_AGAIN_MS);
      }
    }
  }

  async #resumeAll(): Promise<void> {
    const { store, timers, logger } = this.#options;
    let count = 0;
    for (const key of store.activeRuns()) {
      if (this.#isStopping) return;
      this.#runs.wake(key, false);
      count += 1;
      if (count % RESUMED_AT_ONCE === 0) await turn();
    }
    if (count > 0) logger.info('runs go on where they were', { runs: count });
    count = 0;
    for (const { run, stage, dueAt } of store.dueWaits()) {
      if (this.#isStopping) return;
      timers.set(run, stage, dueAt);
      count += 1;
      if (count % WAITS_AT_ONCE === 0) await turn();
    }
  }

  /**
   * Resolves after COMMIT. `WORKFLOW_UNKNOWN`, `CAPACITY`, `STAGE_FORBIDDEN`, `PIPELINE_TOO_DEEP`, `RUN_INPUT_INVALID`, `RUN_CONFLICT`;
   * nothing is durable then.
   */
  async start(request: StartRequest, starter: Starter): Promise<Started> {
    this.#refuseWhenStopping();
    const { tenant, idempotencyKey } = starter;
    const given = request.id ?? (idempotencyKey === undefined ? undefined : idOfKey(tenant, idempotencyKey));
    const wanted: WantedRun = { request, starter };
    if (given !== undefined) return this.#oneAtATime(given, () => this.#startOrFind(given, wanted));
    const id = this.#ids.next();
    await this.#startNew(id, wanted);
    return { id, created: true };
  }

  /** `RUN_UNKNOWN`. Shows what is durable. */
  async get(id: string): Promise<RunView> {
    const run = this.#find(id);
    return runView({
      run,
      events: this.#options.store.events(run.key),
      ...findDefinition(run, this.#options),
      captured: this.#options.captured,
      waiting: this.#runs.valuesWaitingOf(id),
    });
  }

  /** As `get`, when the run has ended or the time is up. Rejects with the reason of `signal` when that aborts first. */
  async wait(id: string, timeoutMs: number, signal: AbortSignal): Promise<RunView> {
    signal.throwIfAborted();
    const live = this.#runs.runInMemory(id);
    const key = live?.isDurable ? live.record.key : this.#keyOfOpen(id);
    if (key === null || this.#isStopping) return this.get(id);
    const ended = await this.#observers.ended(key, { clock: this.#options.clock, timeoutMs, signal });
    if (ended === null || ended.log === null) return this.get(id);
    const { record, end, log, pipeline } = ended;
    return runView({ run: { ...record, ...end! }, events: log, pipeline, captured: this.#options.captured });
  }

  /** Resolves after COMMIT, with who takes it. `RUN_UNKNOWN`, `RUN_ENDED`. */
  async signal(id: string, name: string, payload: unknown): Promise<AwaitedSignals> {
    this.#refuseWhenStopping();
    const run = this.#find(id);
    const json = inputJson(payload, `payload of the signal "${shortened(name)}"`);
    let awaited: AwaitedSignals | undefined;
    await settled((done) => {
      awaited = this.#runs.receive(run.key, { name, payloadJson: json, settled: done }) ?? this.#refuse(run);
    });
    return awaited!;
  }

  /** Resolves after COMMIT; the run ends when what it did is compensated. A second time changes nothing. `RUN_UNKNOWN`, `RUN_ENDED`. */
  async cancel(id: string): Promise<void> {
    this.#refuseWhenStopping();
    const run = this.#find(id);
    await settled((done) => this.#runs.cancel(id, done) || this.#refuse(run));
  }

  /** Runs that waited for this definition go on. */
  defined({ name, version }: Pipeline): void {
    void this.#runs.defined(name, version);
  }

  find(id: string): StoredRun {
    return this.#find(id);
  }

  due(run: number, stage: number): void {
    this.#runs.due(run, stage);
  }

  /** Takes nothing new; stages that execute may end until `graceMs` is over, then their signals abort and they execute again after the next start. */
  async stop(graceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#runs.stopDispatching();
    const { clock } = this.#options;
    const until = clock.monotonicMs() + graceMs;
    while (this.#runs.facts.executing > 0 && clock.monotonicMs() < until) await clock.sleep(STOP_LOOK_MS);
    this.#runs.close(
      workflowError('WORKFLOW_STOPPING', 'The workflow plugin is being stopped; the stage executes again after the next start'),
    );
    this.#observers.close();
  }

  async #startOrFind(id: string, wanted: WantedRun): Promise<Started> {
    const run = this.#options.store.findRun(id);
    if (run === null) {
      await this.#startNew(id, wanted);
      return { id, created: true };
    }
    // Ids are of the whole host, so that this one is taken cannot be hidden; what it stands for is its tenant's own.
    if (run.tenant !== wanted.starter.tenant) {
      throw workflowError('RUN_CONFLICT', `The run id "${shortened(id)}" is taken: use another id`, { data: { id } });
    }
    const { name, version } = wanted.request;
    const isSame = run.parent === null && run.name === name && (version === undefined || run.version === version);
    const found = { pipeline: findDefinition(run, this.#options).pipeline, captured: this.#options.captured };
    if (isSame && (await isSameInput(run, wanted.request.input, found))) return { id, created: false };
    throw workflowError('RUN_CONFLICT', `There is a run "${shortened(id)}" of another definition or input: use another id`, {
      data: { id, name: run.name, version: run.version },
    });
  }

  async #startNew(id: string, { request, starter }: WantedRun): Promise<void> {
    const { slots, captured } = this.#options;
    const { tenant, user, authority } = starter;
    const pipeline = this.#options.pipelineOf(request.name, request.version ?? null);
    const json = inputJson(pipeline.checkInput ? pipeline.checkInput(request.input) : request.input);
    slots.refuseWhenFull();
    this.#check(pipeline, authority);
    const { attributes = NO_ATTRIBUTES, priority = 0 } = request;
    const kept = captured.keep({ runId: id, stage: -1 }, json);
    const input = typeof kept === 'string' ? kept : await kept;
    try {
      await settled((done) => {
        this.#refuseWhenStopping();
        const plan = { id, pipeline, input, inputJson: json, attributes, priority, tenant, user, authority, parent: null };
        this.#runs.launch(plan, done, 'refuse');
      });
    } catch (error) {
      // nobody would ever remove it: there is no run
      if (typeof kept !== 'string') await captured.forget(id).catch(() => {});
      throw error;
    }
  }

  /** Of two starts of one id, the second finds the run of the first. */
  async #oneAtATime<T>(id: string, start: () => Promise<T>): Promise<T> {
    const before = this.#starting.get(id);
    const started = before === undefined ? start() : before.then(start, start);
    this.#starting.set(id, started);
    try {
      return await started;
    } finally {
      if (this.#starting.get(id) === started) this.#starting.delete(id);
    }
  }

  #check(pipeline: Pipeline, authority: CallAuthority): void {
    const { pipelineOf, directory, slots } = this.#options;
    checkPipelineDepth(pipeline, { maxDepth: slots.maxPipelineDepth, lookUp: pipelineOf });
    directory.checkRights(pipeline, authority, pipelineOf);
    directory.checkKnown(pipeline);
  }

  #find(id: string): StoredRun {
    const run = this.#options.store.findRun(id);
    if (run !== null) return run;
    throw unknownRunError(id);
  }

  /** null: it has ended. */
  #keyOfOpen(id: string): number | null {
    const { key, status } = this.#find(id);
    return ENDED_STATUSES.has(status) ? null : key;
  }

  #refuse(run: StoredRun): never {
    const { missing } = findDefinition(run, this.#options);
    if (missing !== null && !ENDED_STATUSES.has(this.#find(run.id).status)) throw missing.error;
    throw workflowError('RUN_ENDED', `The run "${shortened(run.id)}" has ended`, { data: { id: run.id } });
  }

  #refuseWhenStopping(): void {
    if (this.#isStopping)
      throw workflowError('WORKFLOW_STOPPING', 'The workflow plugin is being stopped: try again later', { retryAfterMs: 1_000 });
  }
}

interface WantedRun {
  readonly request: StartRequest;
  readonly starter: Starter;
}

const NO_ATTRIBUTES = Object.freeze({});
const STOP_LOOK_MS = 20;

/** Waits for a callback that is given an error or null. */
function settled(begin: (done: (error: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    begin((error: BellowsError | unknown | null) => (error === null ? resolve() : reject(error)));
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
