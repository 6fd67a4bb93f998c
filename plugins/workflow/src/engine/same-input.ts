import { canonicalJson } from '../definitions/canonical-json.js';
import type { Pipeline } from '../definitions/pipeline.js';
import type { ICapturedStates } from '../store/captured-states.js';
import type { StoredRun } from '../store/flow-records.js';
import { inputJson } from './json-output.js';
import { inputHashOf } from './run-plan.js';

/**
 * Whether `input` is what the run was started with, as its own version of the definition takes it (null: that is missing): a start that
 * is repeated must find its run also when a newer version takes inputs another way. The order of keys does not matter.
 */
export async function isSameInput(
  run: StoredRun,
  input: unknown,
  { pipeline, captured }: { readonly pipeline: Pipeline | null; readonly captured: Pick<ICapturedStates, 'load'> },
): Promise<boolean> {
  try {
    const json = inputJson(pipeline?.checkInput ? pipeline.checkInput(input) : input);
    if (run.inputHash === inputHashOf(json)) return true;
    const before = await captured.load(run.input);
    // other keys, or another order of the same
    return before.length === json.length && canonicalJson(JSON.parse(before)) === canonicalJson(JSON.parse(json));
  } catch {
    // one that this version does not take, or nested too deep to compare
    return false;
  }
}
