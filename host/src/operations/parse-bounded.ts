import type { z } from '@bellows/sdk';
import { isTree } from '../value-path.js';

/**
 * `schema.safeParse`, which makes an object for each fault, thirty times what a short element of a list takes. In what
 * {@link isLarge} a list or an object is looked at no further than to the first part that is no such thing at all (another type, a key that
 * is missing): to refuse it costs no more than to hold it. A part that is only out of bounds (`min`, a pattern, `refine`, an unknown key) ends
 * nothing, and a map (`z.record`) is looked at to its end: of these every fault is found and paid for. What has a fault and is not large
 * is parsed twice; what has none pays for nothing.
 */
export function parseBounded<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  const result = schema.safeParse(value, UP_TO_A_WRONG_TYPE);
  return result.success || isLarge(value) ? result : schema.safeParse(value);
}

/** Whether it has so many parts that not all its faults are looked for. */
export function isLarge(value: unknown): boolean {
  const open = [value];
  let left = MAX_PARTS;
  while (open.length > 0) {
    const part = open.pop();
    if (!isTree(part)) continue;
    const inner = Object.values(part);
    left -= inner.length;
    if (left < 0) return true;
    for (const one of inner) open.push(one);
  }
  return false;
}

/** As many as somebody writes by hand who wants to hear of every fault; their faults take 8 MB at most. */
const MAX_PARTS = 10_000;

const UP_TO_A_WRONG_TYPE: z.core.ParseContextInternal<z.core.$ZodIssue> = Object.freeze({ abortEarly: true });
