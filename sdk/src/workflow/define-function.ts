import type { StageCall, StageFunction } from './stage-call.js';

export const FUNCTION_BRAND: unique symbol = Symbol.for('bellows/function') as never;

export interface FunctionDefinition {
  readonly [FUNCTION_BRAND]: 1;
  readonly name: string;
  readonly run: StageFunction;
}

/**
 * Gives a function a name that `run:` of YAML definitions can use. Export the result from a file that `definitions` of the plugin
 * workflow names. The type of the input is a promise to the compiler; nothing checks it.
 *
 * @example export const charge = defineFunction('charge', async (input: { cents: number }, call) => pay(input.cents, call.idempotencyKey));
 */
export function defineFunction<I>(name: string, run: (input: I, call: StageCall) => unknown): FunctionDefinition {
  return Object.freeze({ [FUNCTION_BRAND]: 1 as const, name, run: run as StageFunction });
}

/** Also true for what another copy of this package made. */
export function isFunctionDefinition(value: unknown): value is FunctionDefinition {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[FUNCTION_BRAND] === 1;
}
