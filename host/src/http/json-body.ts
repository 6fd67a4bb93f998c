import { InputError, messageOf } from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';

/** Enough for a wasm module or an input with files in base64; larger things go through `POST /v1/files`. */
export const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** `InputError` (`BODY_TOO_LARGE`, 413). */
export function bodyTooLarge(cause?: unknown): InputError {
  const message = 'The body is too large: 64 MiB of JSON at most; send files with POST /v1/files.';
  return new InputError('BODY_TOO_LARGE', message, { phase: 'receive', status: 413, cause });
}

/** Far beyond what people write, far below where validating or answering would exhaust the stack. */
const MAX_DEPTH = 500;

/** `InputError` (`CONTENT_TYPE`, 415) unless the request announces plain JSON: a form of another page cannot send that. */
export function demandJson(request: FastifyRequest): void {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const [essence = ''] = type.split(';', 1);
  if (essence.trim().toLowerCase() === 'application/json' && encoding.toLowerCase() === 'identity') return;
  throw new InputError('CONTENT_TYPE', 'Operations take JSON only: send "Content-Type: application/json", not compressed.', {
    phase: 'receive',
    status: 415,
  });
}

/**
 * Parsing and validating happen at once for all callers, and every value that does not fit costs 1.6 kB until the answer is sent: 21 million
 * empty arrays, which 64 MiB hold, took 7 s in which nobody was served, and 450,000 took 0.9 s and 700 MB.
 */
const MAX_VALUES = 250_000;

/** `InputError` (`JSON_INVALID`) for what is no JSON, and for keys that change prototypes where code copies them carelessly. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') throw invalid('it is empty: send the input, {} for none');
  demandModestShape(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(messageOf(error));
  }
  // The search in the text is fast and sees escaped letters as a reason to look closer.
  if (SUSPICIOUS.test(text)) refuseProtoKeys(value);
  return value;
}

const SUSPICIOUS = /__proto__|"constructor"|\\u/;

function refuseProtoKeys(root: unknown): void {
  const pending: unknown[] = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) throw invalid('the key "__proto__" is refused');
    const own = Object.hasOwn(value, 'constructor') ? (value as { constructor: unknown }).constructor : undefined;
    if (typeof own === 'object' && own !== null && Object.hasOwn(own, 'prototype'))
      throw invalid('the key "constructor.prototype" is refused');
    for (const inner of Object.values(value)) if (inner !== undefined) pending.push(inner);
  }
}

/** Counts what is outside of strings. Strings, which may be megabytes of base64, are jumped over. */
function demandModestShape(text: string): void {
  let depth = 0;
  let values = 1;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') index = endOfString(text, index);
    else if (character === ',') values += 1;
    else if (character === ']' || character === '}') depth -= 1;
    else if (character === '[' || character === '{') {
      depth += 1;
      values += 1;
    }
    if (depth > MAX_DEPTH) throw invalid(`it is nested more than ${MAX_DEPTH} levels deep`);
    if (values > MAX_VALUES) throw invalid(`it holds more than ${MAX_VALUES} values: send large data with POST /v1/files`);
  }
}

/** The index of the quote that closes the string opened at `start`; the end of the text when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === '\\') escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

function invalid(why: string): InputError {
  return new InputError('JSON_INVALID', `The body is not valid JSON: ${why}.`, { phase: 'receive' });
}
