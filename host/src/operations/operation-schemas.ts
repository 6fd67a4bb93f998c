import { type ErrorDetail, findUnconvertible, InputError, isBellowsError, type OperationDefinition, PluginError, z } from '@bellows/sdk';
import { parseBounded } from './parse-bounded.js';
import { schemaProblems } from './schema-problems.js';

interface Provided {
  readonly plugin: string;
  readonly definition: OperationDefinition;
}

/** The input as the handler gets it (defaults filled in), or `InputError` with every fault. */
export function validInput({ plugin, definition }: Provided, input: unknown): unknown {
  const checked = check({ plugin, definition }, 'input', input);
  if (checked.success) return checked.data;
  const details = schemaProblems(checked.error, definition.input, { input, showValues: true });
  throw new InputError('INPUT_INVALID', `The input of ${definition.name} is not valid: ${summaryOf(details)}`, {
    plugin,
    phase: 'validate',
    details,
  });
}

/** For an error nobody foresaw, from the schema or from a handler that looked further: whether the input is to blame, and not the plugin. */
export function unconvertibleInput({ plugin, definition }: Provided, input: unknown): InputError | undefined {
  const path = findUnconvertible(input);
  if (path === undefined) return undefined;
  const message = 'must be a number, not an object';
  return new InputError('INPUT_INVALID', `The input of ${definition.name} is not valid: ${path} ${message}.`, {
    plugin,
    phase: 'validate',
    details: [{ path, message }],
  });
}

/** The answer as the caller gets it, or `PluginError`: the author promised another shape. */
export function validOutput({ plugin, definition }: Provided, output: unknown): unknown {
  const checked = check({ plugin, definition }, 'output', output);
  if (checked.success) return checked.data;
  const details = schemaProblems(checked.error, definition.output, { input: output });
  throw new PluginError(
    'OUTPUT_INVALID',
    `${definition.name} answered with something its own schema refuses; tell the author of ${plugin}.`,
    {
      plugin,
      phase: 'call',
      details,
    },
  );
}

/** JSON Schema (draft 2020-12); what JSON cannot say (a transform, a custom check) is left open there. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): Readonly<Record<string, unknown>> {
  return Object.freeze({ ...z.toJSONSchema(schema, { io, unrepresentable: 'any', cycles: 'ref' }) });
}

function check({ plugin, definition }: Provided, side: 'input' | 'output', value: unknown) {
  try {
    return parseBounded(definition[side], value);
  } catch (error) {
    if (isBellowsError(error)) throw error;
    // zod follows the nesting of the value with its own stack.
    if (side === 'input' && (error as Error).name === 'RangeError') {
      throw new InputError('INPUT_INVALID', `The input of ${definition.name} is nested too deeply.`, { plugin, phase: 'validate' });
    }
    throw error;
  }
}

function summaryOf([first, ...more]: readonly ErrorDetail[]): string {
  if (first === undefined) return 'it does not fit its schema';
  const { path, message, suggestion } = first;
  const shown = `${path === '' ? '' : `${path}: `}${message}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`;
  return more.length > 0 ? `${shown} (and ${more.length} more)` : shown;
}
