import type { KeptValue } from '../store/flow-records.js';
import type { LiveRun } from './live-run.js';

/** Outputs of live runs in memory: each until all that depend on it have completed, and together within a bound. */
export class OutputMemory {
  #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What is held above it stays until it is not needed; new outputs are read back from the store. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** Until it is durable the output must be in memory, whatever the bound. Last stages stay to the end, which reads them. */
  hold(run: LiveRun, stage: number, kept: KeptValue): void {
    (run.outputs ??= new Map()).set(stage, kept);
    const readers = run.pipeline.stages[stage]!.dependants.length;
    if (readers > 1) (run.readers ??= new Map()).set(stage, readers);
    this.#bytes += bytesOf(kept);
  }

  /** The output is durable: it need not be here any more. */
  committed(run: LiveRun, stage: number): void {
    if (this.#bytes > this.#maxBytes) this.#drop(run, stage);
  }

  /** One of the readers of the stage has completed. */
  release(run: LiveRun, stage: number): void {
    const left = (run.readers?.get(stage) ?? 1) - 1;
    if (left > 0) run.readers!.set(stage, left);
    else this.#drop(run, stage);
  }

  /** The run leaves memory. */
  forget(run: LiveRun): void {
    for (const kept of run.outputs?.values() ?? []) this.#bytes -= bytesOf(kept);
    run.outputs = null;
    run.readers = null;
  }

  #drop(run: LiveRun, stage: number): void {
    const kept = run.outputs?.get(stage);
    if (kept === undefined) return;
    run.outputs!.delete(stage);
    run.readers?.delete(stage);
    this.#bytes -= bytesOf(kept);
  }
}

/** A character takes one or two bytes, the entry about this much besides. */
const ENTRY_BYTES = 64;

function bytesOf(kept: KeptValue): number {
  return kept.length + ENTRY_BYTES;
}
