import { messageOf } from '@bellows/sdk';
import { workflowError } from '../errors.js';

/** JSON of what a stage answered; undefined is null. `OUTPUT_INVALID` for what JSON cannot hold: functions, big integers, circles. */
export function outputJson(value: unknown, stage: string): string {
  return jsonOf(value, (why) =>
    workflowError('OUTPUT_INVALID', `The stage "${stage}" answered with what JSON cannot hold: ${why}. Answer with plain data`),
  );
}

/** JSON of the input of a run or the payload of a signal. `RUN_INPUT_INVALID` for what JSON cannot hold. */
export function inputJson(value: unknown, what = 'input'): string {
  return jsonOf(value, (why) =>
    workflowError('RUN_INPUT_INVALID', `The ${what} is something JSON cannot hold: ${why}. Send plain data`, { phase: 'call' }),
  );
}

function jsonOf(value: unknown, invalid: (why: string) => Error): string {
  if (value === undefined || value === null) return 'null';
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw invalid(messageOf(error));
  }
  // a function or a symbol
  if (json === undefined) throw invalid(`it is a ${typeof value}`);
  return json;
}
