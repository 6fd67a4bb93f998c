import type { BellowsError, IClock } from '@bellows/sdk';
import type { Pipeline } from '../definitions/pipeline.js';
import { workflowError } from '../errors.js';
import type { ICapturedStates } from '../store/captured-states.js';
import { ENDED_STATUSES, type IFlowStore, type KeptValue, type RunProjection } from '../store/flow-records.js';
import { inputJson } from './json-output.js';
import { type LiveRun, STAGE } from './live-run.js';
import type { RunPlan } from './run-plan.js';
import { describeError } from './stage-error.js';
import type { StageFlow } from './stage-flow.js';
import type { ValueKeeper } from './value-keeper.js';

export interface ChildRunsOptions {
  readonly store: Pick<IFlowStore, 'findRun'>;
  readonly captured: Pick<ICapturedStates, 'load'>;
  readonly keeper: ValueKeeper;
  readonly clock: Pick<IClock, 'now'>;
  readonly flow: StageFlow;
  /** null is the newest version. Throws `WORKFLOW_UNKNOWN`. */
  readonly pipelineOf: (name: string, version: number | null) => Pipeline;
  /** How many runs may be nested within each other. */
  readonly maxNesting: () => number;
  readonly launch: (plan: RunPlan, settled: (error: BellowsError | null) => void) => LiveRun;
  readonly runInMemory: (id: string) => LiveRun | undefined;
  readonly cancel: (id: string) => void;
}

/** How a child ended. */
export interface ChildEnd extends Pick<RunProjection, 'status' | 'output' | 'error'> {
  readonly id: string;
}

/** Runs that are stages of other runs. Their id is that of the stage, so that a child is never started twice. */
export class ChildRuns {
  readonly #options: ChildRunsOptions;

  constructor(options: ChildRunsOptions) {
    this.#options = options;
  }

  /** The child becomes durable together with the step of its parent. The caller flushes the parent. Throws why there can be no child. */
  start(parent: LiveRun, stage: number, input: unknown): void {
    const { flow, keeper, pipelineOf, maxNesting } = this.#options;
    if (flow.dropIfFailing(parent, stage)) return;
    const id = childId(parent, stage);
    const nesting = id.split('/').length - 1;
    if (nesting > maxNesting()) {
      throw workflowError('PIPELINE_TOO_DEEP', `${nesting} runs are nested within each other; ${maxNesting()} are allowed`, {
        phase: 'call',
      });
    }
    const { name, version } = parent.pipeline.stages[stage]!.workflow!;
    const pipeline = pipelineOf(name, version);
    const checked = pipeline.checkInput ? pipeline.checkInput(input) : input;
    const json = inputJson(checked, `input of the child workflow ${id}`);
    const plan = (kept: KeptValue): RunPlan => ({ ...parentPlan(parent, stage), id, pipeline, input: kept, inputJson: json });
    const kept = keeper.keep({ runId: id, stage: -1 }, json, {
      kept: (value) => this.#startLater(parent, stage, plan(value)),
      failed: (error) => flow.failed(parent, stage, error),
    });
    if (kept !== null) this.#attach(parent, stage, plan(kept));
  }

  /** Also a child that has ended meanwhile is found; for a run that was loaded. */
  check(parent: LiveRun, stage: number): void {
    const id = childId(parent, stage);
    const live = this.#options.runInMemory(id);
    if (live !== undefined && live.phase !== 'ended') return;
    const stored = this.#options.store.findRun(id);
    if (stored === null && live === undefined) {
      this.ended(parent, stage, {
        id,
        status: 'failed',
        output: null,
        error: JSON.stringify({ code: 'RUN_UNKNOWN', message: 'it is not there any more' }),
      });
    } else if (stored !== null && ENDED_STATUSES.has(stored.status)) {
      this.ended(parent, stage, stored);
    }
  }

  /** The end of the child is durable. A stage that does not wait for it any more is left alone. */
  ended(parent: LiveRun, stage: number, child: ChildEnd): void {
    if (parent.states[stage] !== STAGE.CHILD_WAIT) return;
    const { flow, captured } = this.#options;
    parent.openChildren -= 1;
    flow.leaveWait(parent, stage);
    parent.states[stage] = STAGE.RUNNING;
    if (child.status !== 'completed') {
      flow.failed(parent, stage, childFailed(child));
      return;
    }
    const json = child.output === null ? 'null' : captured.load(child.output);
    if (typeof json === 'string') flow.answeredJson(parent, stage, json);
    else
      json.then(
        (text) => flow.answeredJson(parent, stage, text),
        (error) => flow.failed(parent, stage, error),
      );
  }

  cancel(parent: LiveRun, stage: number): void {
    this.#options.cancel(childId(parent, stage));
  }

  #startLater(parent: LiveRun, stage: number, plan: RunPlan): void {
    const { flow } = this.#options;
    try {
      if (!flow.dropIfFailing(parent, stage)) this.#attach(parent, stage, plan);
      flow.settle(parent);
    } catch (error) {
      flow.failed(parent, stage, error);
    }
  }

  #attach(parent: LiveRun, stage: number, plan: RunPlan): void {
    const { clock, launch, store, runInMemory } = this.#options;
    const isThere = runInMemory(plan.id) !== undefined || store.findRun(plan.id) !== null;
    if (!isThere) launch(plan, (error) => this.#refused(parent, stage, plan.id, error));
    const now = clock.now();
    parent.add('stage.started', stage, 1, now);
    parent.add('child.started', stage, 1, now, JSON.stringify({ id: plan.id }));
    parent.states[stage] = STAGE.CHILD_WAIT;
    parent.openChildren += 1;
    parent.active -= 1;
    parent.wait(stage, null);
    if (isThere) this.check(parent, stage);
  }

  /** Somebody else took the id at the same time, or the log is damaged. */
  #refused(parent: LiveRun, stage: number, id: string, error: BellowsError | null): void {
    if (error !== null) this.ended(parent, stage, { id, status: 'failed', output: null, error: JSON.stringify(describeError(error)) });
  }
}

function childId(parent: LiveRun, stage: number): string {
  return `${parent.record.id}/${parent.pipeline.stages[stage]!.name}`;
}

function parentPlan(
  { record }: LiveRun,
  stage: number,
): Pick<RunPlan, 'attributes' | 'priority' | 'tenant' | 'user' | 'authority' | 'parent'> {
  const { attributes, priority, tenant, user, authority, key } = record;
  return { attributes, priority, tenant, user, authority, parent: { key, stage } };
}

function childFailed({ id, status, error }: ChildEnd) {
  const { code, message } = (error === null ? {} : JSON.parse(error)) as { code?: string; message?: string };
  const why = code === undefined ? '' : `: ${code}: ${message}`;
  return workflowError('CHILD_FAILED', `The child workflow ${id} ended as ${status}${why}`, {
    data: { id, status, ...(code === undefined ? {} : { code }) },
  });
}
