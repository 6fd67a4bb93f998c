import type { z } from '@bellows/sdk';
import { parseBounded } from './operations/parse-bounded.js';
import { joinPath } from './value-path.js';

/**
 * Parses what was put in, in which all from the environment and from files is text: where the schema wants a number or a boolean and
 * the text is one, it is taken as such, in place. `substituted` are the paths of such texts.
 */
export function parseSubstituted<T>(schema: z.ZodType<T>, input: unknown, substituted: ReadonlySet<string>): z.ZodSafeParseResult<T> {
  const isBounded = substituted.size <= MAX_ROUNDS;
  for (;;) {
    const result = isBounded ? parseBounded(schema, input) : schema.safeParse(input);
    // each round turns a text into something else, of which there are ever fewer
    if (result.success || !convert(input, result.error.issues, substituted)) return result;
  }
}

/** Bounded, each round finds one text; that is as often as a large configuration is parsed again. */
const MAX_ROUNDS = 100;

/** Says whether it changed anything. */
function convert(input: unknown, issues: readonly z.core.$ZodIssue[], substituted: ReadonlySet<string>): boolean {
  let changed = false;
  for (const issue of issues.flatMap((one) => leaves(one))) {
    if (!substituted.has(joinPath('', issue.path))) continue;
    const parent = issue.path.slice(0, -1).reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], input) as Record<
      PropertyKey,
      unknown
    >;
    const last = issue.path.at(-1) as PropertyKey;
    const text = parent[last];
    const value = typeof text === 'string' ? wanted(issue, text.trim()) : undefined;
    if (value === undefined) continue;
    parent[last] = value;
    changed = true;
  }
  return changed;
}

/** Where several forms are possible, what is wrong with each. */
function leaves(issue: z.core.$ZodIssue, base: readonly PropertyKey[] = []): z.core.$ZodIssue[] {
  const path = [...base, ...issue.path];
  const own = [{ ...issue, path }];
  return issue.code === 'invalid_union' ? [...own, ...issue.errors.flat().flatMap((inner) => leaves(inner, path))] : own;
}

function wanted(issue: z.core.$ZodIssue, text: string): unknown {
  if (issue.code === 'invalid_value') return issue.values.find((value) => typeof value !== 'string' && String(value) === text);
  if (issue.code !== 'invalid_type') return undefined;
  if (issue.expected === 'number' && text !== '' && !Number.isNaN(Number(text))) return Number(text);
  return issue.expected === 'boolean' && (text === 'true' || text === 'false') ? text === 'true' : undefined;
}
