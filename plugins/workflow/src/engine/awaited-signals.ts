import type { Pipeline } from '../definitions/pipeline.js';
import { type LiveRun, STAGE } from './live-run.js';

export interface AwaitedSignals {
  /** Names of the stages that wait for the signal, or will. */
  readonly awaitedBy: readonly string[];
  /** Names of all signals the definition waits for, each once. */
  readonly signals: readonly string[];
}

/** Who takes a signal, as it is before the signal is added. A run that fails or is undone takes none any more. */
export function awaitedSignals({ pipeline, phase, states }: LiveRun, name: string): AwaitedSignals {
  const byName = stagesBySignal(pipeline);
  const open = phase === 'forward' ? (byName.get(name) ?? []) : [];
  const awaiting = open.filter((stage) => states[stage] === STAGE.PENDING || states[stage] === STAGE.SIGNAL_WAIT);
  return { awaitedBy: awaiting.map((stage) => pipeline.stages[stage]!.name), signals: [...byName.keys()] };
}

/** Signals come often, and a pipeline may have 100,000 stages. */
const BY_SIGNAL = new WeakMap<Pipeline, ReadonlyMap<string, readonly number[]>>();

function stagesBySignal(pipeline: Pipeline): ReadonlyMap<string, readonly number[]> {
  const known = BY_SIGNAL.get(pipeline);
  if (known !== undefined) return known;
  const found = new Map<string, number[]>();
  for (const { index, signal } of pipeline.stages) {
    if (signal === null) continue;
    const stages = found.get(signal);
    if (stages === undefined) found.set(signal, [index]);
    else stages.push(index);
  }
  BY_SIGNAL.set(pipeline, found);
  return found;
}
