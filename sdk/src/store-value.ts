import { InputError } from './errors.js';
import { kindOfValue } from './kind-of-value.js';

/**
 * `InputError` (`STORE_VALUE_INVALID`) unless `data` is bytes: copied into an array, a text, an object or nothing at all would be an empty
 * value, without a word.
 */
export function assertStoreValue(path: string, data: Uint8Array): void {
  if (isBytes(data)) return;
  const advice = 'write a Uint8Array, such as new TextEncoder().encode(text)';
  throw new InputError('STORE_VALUE_INVALID', `The value for ${path} is ${kindOfValue(data)}: ${advice}`);
}

/** Whether it is an array of single bytes, whichever realm or subclass made it. */
export function isBytes(data: unknown): boolean {
  return ArrayBuffer.isView(data) && (data as Uint8Array).BYTES_PER_ELEMENT === 1;
}
