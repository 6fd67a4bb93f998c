import type { IClock } from '@bellows/sdk';
import { workflowError } from '../errors.js';
import type { KeptValue, RunStatus } from '../store/flow-records.js';
import { type InputReader, LateInput } from './input-reader.js';
import { outputJson } from './json-output.js';
import type { LiveRun } from './live-run.js';
import type { RunSteps } from './run-steps.js';
import { describeError } from './stage-error.js';
import type { StageFlow } from './stage-flow.js';
import type { ValueKeeper } from './value-keeper.js';

export interface RunFinisherOptions {
  readonly reader: InputReader;
  readonly keeper: ValueKeeper;
  readonly steps: RunSteps;
  readonly flow: StageFlow;
  readonly clock: Pick<IClock, 'now'>;
  readonly wakeParent: (key: number) => void;
}

export type EndStatus = Extract<RunStatus, 'completed' | 'failed' | 'rolled_back' | 'rollback_failed' | 'cancelled'>;

/** Brings runs to their end. */
export class RunFinisher {
  readonly #options: RunFinisherOptions;

  constructor(options: RunFinisherOptions) {
    this.#options = options;
  }

  /**
   * All stages have completed: makes the output and ends the run, in the same step where the output is at hand. An output that cannot be
   * made fails the run. The caller flushes.
   */
  finish(run: LiveRun): void {
    run.active += 1;
    try {
      const json = this.#output(run);
      if (typeof json === 'string') this.#keep(run, json);
      else
        json.then(
          (text) => this.#keepLater(run, text),
          (error) => this.#outputFailed(run, error),
        );
    } catch (error) {
      this.#outputFailed(run, error);
    }
  }

  /** Adds the end to the step that is being put together. */
  end(run: LiveRun, status: EndStatus, output: KeptValue | null = null): void {
    const { clock, steps, wakeParent } = this.#options;
    if (run.record.parent !== null) wakeParent(run.record.parent.key);
    run.add(`run.${status}`, -1, 0, clock.now(), status === 'completed' ? output : JSON.stringify(run.error));
    steps.end(run, { status, output });
  }

  /** What executes is told to end, then everything is compensated. */
  cancel(run: LiveRun): void {
    const { clock, flow } = this.#options;
    const error = describeError(workflowError('RUN_CANCELLED', `The run ${run.record.id} was cancelled`));
    run.isCancelRequested = true;
    run.add('run.cancel_requested', -1, 0, clock.now(), JSON.stringify(error));
    for (const attempt of [...(run.running?.values() ?? [])]) attempt.abort();
    flow.fail(run, error);
  }

  #output(run: LiveRun): string | Promise<string> {
    const { output, stages } = run.pipeline;
    if (output !== null) return this.#resolved(run);
    const last = stages.filter(({ dependants }) => dependants.length === 0);
    if (last.length === 1) return this.#json(run, last[0]!.index);
    const members = last.map(({ index, name }) => ({ key: JSON.stringify(name), json: this.#json(run, index) }));
    if (members.every(({ json }) => typeof json === 'string')) return `{${members.map(({ key, json }) => `${key}:${json}`).join()}}`;
    return Promise.all(members.map(async ({ key, json }) => `${key}:${await json}`)).then((parts) => `{${parts.join()}}`);
  }

  #resolved(run: LiveRun): string | Promise<string> {
    const value = this.#options.reader.read(run, run.pipeline.output!);
    return value instanceof LateInput ? value.value.then((late) => outputJson(late, 'output')) : outputJson(value, 'output');
  }

  #json(run: LiveRun, stage: number): string | Promise<string> {
    return this.#options.reader.json(run, stage) ?? 'null';
  }

  #keep(run: LiveRun, json: string): void {
    const kept = this.#options.keeper.keep({ runId: run.record.id, stage: -2 }, json, {
      kept: (value) => this.#completeLater(run, value),
      failed: (error) => this.#outputFailed(run, error),
    });
    if (kept !== null && this.#isStillForward(run)) this.end(run, 'completed', kept);
  }

  #keepLater(run: LiveRun, json: string): void {
    this.#keep(run, json);
    this.#options.steps.flush(run);
  }

  #completeLater(run: LiveRun, kept: KeptValue): void {
    if (this.#isStillForward(run)) this.end(run, 'completed', kept);
    this.#options.steps.flush(run);
  }

  #outputFailed(run: LiveRun, error: unknown): void {
    if (this.#isStillForward(run)) this.#options.flow.fail(run, describeError(error));
  }

  /** The run may have been cancelled while its output was read or kept. */
  #isStillForward(run: LiveRun): boolean {
    if (run.phase === 'ended') return false;
    run.active -= 1;
    if (run.phase === 'forward') return true;
    this.#options.flow.settle(run);
    return false;
  }
}
