import type { UnknownOption } from './workflow-definition.js';

const OF_STAGES = ['after', 'timeoutMs'];
const OF_CALLS = [...OF_STAGES, 'input', 'retry', 'compensate'];

/** The options there are, by what takes them. */
const KNOWN = Object.freeze({
  defineWorkflow: ['name', 'version', 'input', 'maxDepth'],
  operation: [...OF_CALLS, 'operation', 'output'],
  run: [...OF_CALLS, 'run'],
  workflow: ['after', 'workflow', 'version', 'input', 'output', 'compensate'],
  timer: ['after', 'ms', 'until'],
  signal: [...OF_STAGES, 'signal', 'output'],
  compensate: ['operation', 'run', 'input', 'retry', 'timeoutMs'],
});

/** A file with thousands of them is wrong as a whole. */
const MAX_TOLD = 100;

/** The keys of `options` that mean nothing there: the compiler sees them only in an object written on the spot. */
export function unknownOptions(path: string, options: object, of: keyof typeof KNOWN): UnknownOption[] {
  const known: readonly string[] = KNOWN[of];
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  return unknown.slice(0, MAX_TOLD).map((key) => ({ path, key, known }));
}
