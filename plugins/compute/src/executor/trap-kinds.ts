import { OutputTooLarge } from './guest-file-system.js';
import type { Fault } from './protocol.js';

/** V8's messages (14.6) and what they mean. The first that fits counts. */
const TRAP_KINDS: readonly (readonly [RegExp, string])[] = [
  [/unreachable/, 'unreachable'],
  [/divide by zero|remainder by zero/, 'divide_by_zero'],
  [/divide result unrepresentable/, 'integer_overflow'],
  [/float unrepresentable/, 'invalid_conversion'],
  [/memory access out of bounds|memory index|data segment|operation does not support unaligned/, 'out_of_bounds'],
  [/table index|table access|table element|element segment|table\.\w+/, 'table_out_of_bounds'],
  [/null function or function signature mismatch|signature mismatch|indirect call/, 'indirect_call_mismatch'],
  [/null pointer|null reference|uninitialized/, 'null_reference'],
];

/**
 * Turns whatever a guest call threw into a fault. `phase` is `start` while the module is being instantiated.
 * Never throws; a value that is no known error of the engine is a guest exception.
 */
export function faultOf(error: unknown, phase: 'start' | 'call'): Fault {
  if (error instanceof WebAssembly.RuntimeError) {
    const kind = TRAP_KINDS.find(([pattern]) => pattern.test(error.message))?.[1] ?? 'other';
    return { code: 'TRAP', kind, phase, message: error.message };
  }
  if (error instanceof RangeError) {
    if (/call stack/.test(error.message)) return { code: 'STACK_OVERFLOW', phase, message: 'the guest used up its stack' };
    // "could not allocate memory": 16,000 live memories fit into the address space of one process.
    return { code: 'CAPACITY', phase, message: `the executor has no room for one more instance (${error.message})` };
  }
  if (error instanceof OutputTooLarge) return { code: 'MEMORY_LIMIT', phase, message: `the guest left too much behind: ${error.message}` };
  if (error instanceof WebAssembly.LinkError) return { code: 'MODULE_INVALID', phase, message: error.message };
  return { code: 'TRAP', kind: 'exception', phase, message: 'the guest threw an exception that nothing caught' };
}
