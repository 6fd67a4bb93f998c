import type { InputSource, StageValues } from '../definitions/pipeline.js';
import type { ICapturedStates } from '../store/captured-states.js';
import type { IFlowStore, KeptValue } from '../store/flow-records.js';
import type { LiveRun } from './live-run.js';

/** An input that needs values which must be read first. */
export class LateInput {
  readonly value: Promise<unknown>;

  constructor(value: Promise<unknown>) {
    this.value = value;
  }
}

export interface InputReaderOptions {
  readonly store: Pick<IFlowStore, 'events'>;
  readonly captured: Pick<ICapturedStates, 'load'>;
  /** `resolveInput` of the definitions. */
  resolve(source: InputSource, values: StageValues): unknown;
}

/**
 * Works out what a stage is called with. Every reader gets values of its own, made from their JSON: what one stage does to its input
 * is seen by no other, and a run that was interrupted sees what an uninterrupted one sees.
 */
export class InputReader {
  readonly #options: InputReaderOptions;

  constructor(options: InputReaderOptions) {
    this.#options = options;
  }

  /** The value, or a {@link LateInput}. Throws, or lets it reject with, what resolving throws. */
  read(run: LiveRun, source: InputSource): unknown {
    const values = new RunValues((stage) => this.json(run, stage));
    try {
      return this.#options.resolve(source, values);
    } catch (error) {
      if (error instanceof MissingValue) return new LateInput(this.#readLater(source, values, error));
      throw error;
    }
  }

  /** JSON of an output, of the input of the run for -1; undefined for a stage that has not completed. */
  json(run: LiveRun, stage: number): string | Promise<string> | undefined {
    const kept = stage === -1 ? run.record.input : this.#keptOutput(run, stage);
    return kept === undefined ? undefined : this.#options.captured.load(kept);
  }

  async #readLater(source: InputSource, values: RunValues, first: MissingValue): Promise<unknown> {
    for (let missing = first; ; ) {
      values.set(missing.stage, await missing.json);
      try {
        // from the start: resolving only reads
        return this.#options.resolve(source, values);
      } catch (error) {
        if (!(error instanceof MissingValue)) throw error;
        missing = error;
      }
    }
  }

  #keptOutput(run: LiveRun, stage: number): KeptValue | undefined {
    const kept = run.outputs?.get(stage);
    if (kept !== undefined) return kept;
    const seq = run.completedSeq[stage];
    if (!seq) return undefined;
    for (const event of this.#options.store.events(run.record.key, seq - 1, 1)) return event.data ?? undefined;
    return undefined;
  }
}

/** Ends resolving until the value has been read. */
class MissingValue {
  readonly stage: number;
  readonly json: Promise<string>;

  constructor(stage: number, json: Promise<string>) {
    this.stage = stage;
    this.json = json;
  }
}

class RunValues implements StageValues {
  readonly #jsonOf: (stage: number) => string | Promise<string> | undefined;
  #parsed: Map<number, unknown> | undefined;

  constructor(jsonOf: (stage: number) => string | Promise<string> | undefined) {
    this.#jsonOf = jsonOf;
  }

  get input(): unknown {
    return this.output(-1);
  }

  output(stage: number): unknown {
    if (this.#parsed?.has(stage)) return this.#parsed.get(stage);
    const json = this.#jsonOf(stage);
    if (json === undefined) return undefined;
    if (typeof json !== 'string') throw new MissingValue(stage, json);
    return this.set(stage, json);
  }

  set(stage: number, json: string): unknown {
    const value: unknown = json === 'null' ? null : JSON.parse(json);
    this.#parsed ??= new Map();
    this.#parsed.set(stage, value);
    return value;
  }
}
