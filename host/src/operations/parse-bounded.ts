import type { z } from '@bellows/sdk';
import { isTree } from '../value-path.js';

/**
 * `schema.safeParse`, which makes an object for each fault, thirty times what a short element of a list takes. Of what
 * {@link isLarge} only the first fault is told, so that to refuse it costs no more than to hold it. What has a fault and is not large is
 * parsed twice; what has none pays for nothing.
 */
export function parseBounded<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  const result = schema.safeParse(value, FIRST_FAULT_ONLY);
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

const FIRST_FAULT_ONLY: z.core.ParseContextInternal<z.core.$ZodIssue> = Object.freeze({ abortEarly: true });
