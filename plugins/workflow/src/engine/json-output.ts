import { messageOf } from '@bellows/sdk';
import { workflowError } from '../errors.js';

/** JSON of what a stage answered; undefined is null. `OUTPUT_INVALID` for what JSON cannot hold: functions, big integers, circles. */
export function outputJson(value: unknown, stage: string): string {
  if (value === undefined || value === null) return 'null';
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw invalid(stage, messageOf(error));
  }
  // a function or a symbol
  if (json === undefined) throw invalid(stage, `it is a ${typeof value}`);
  return json;
}

function invalid(stage: string, why: string) {
  return workflowError('OUTPUT_INVALID', `The stage "${stage}" answered with what JSON cannot hold: ${why}. Answer with plain data`);
}
