import { createHash } from 'node:crypto';
import { serialize } from 'node:v8';
import { InputError } from '@bellows/sdk';

/**
 * What tells two inputs apart; the order of keys does not. `InputError` (`INPUT_INVALID`) for what cannot be compared, such as a function.
 */
export function inputDigest(input: unknown): string {
  const hash = createHash('sha256');
  try {
    return hash.update(serialize(sorted(input))).digest('base64url');
  } catch (cause) {
    const message =
      'The input of a call with an idempotency key must be plain data, not nested too deeply: it is compared with that of a repeated call.';
    throw new InputError('INPUT_INVALID', message, { phase: 'validate', cause });
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const entries = Object.keys(value).sort();
  // A map, because an object would put keys that look like numbers first, which is an order too.
  return new Map(entries.map((key) => [key, sorted((value as Record<string, unknown>)[key])]));
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === null || Object.getPrototypeOf(prototype as object) === null;
}
