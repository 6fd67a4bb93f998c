import type { ErrorDetail, z } from '@bellows/sdk';
import { distance } from 'fastest-levenshtein';

/** An answer to a caller must not grow with the size of a hostile input. */
const MAX_LISTED = 100;
const MAX_SHOWN_NAME = 80;

/**
 * What a zod schema found wrong, as details for people: every problem, each with its path, and for an unknown key the
 * nearest known one. `base` is put before every path.
 */
export function schemaProblems(
  error: z.ZodError,
  options: { readonly schema: z.ZodType; readonly input: unknown; readonly base?: string },
): ErrorDetail[] {
  const { schema, input, base = '' } = options;
  const details = error.issues.flatMap((issue) => issueDetails(issue, { schema, input, base }));
  if (details.length <= MAX_LISTED) return details;
  return [...details.slice(0, MAX_LISTED), { path: base, message: `and ${details.length - MAX_LISTED} more problems` }];
}

/** The name most like `wanted`, when one is like enough to have been meant. */
export function nearestName(wanted: string, known: readonly string[]): string | undefined {
  // A third of the word may differ: `prot` finds `port`, `x` finds nothing.
  const limit = Math.max(1, Math.floor(wanted.length / 3) + 1);
  // Comparing costs length times length, and no name of ours is longer.
  if (wanted.length > MAX_SHOWN_NAME) return undefined;
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const name of known) {
    const steps = distance(wanted.toLowerCase(), name.toLowerCase());
    if (steps < bestDistance && steps < name.length) {
      best = name;
      bestDistance = steps;
    }
  }
  return best;
}

export function joinPath(base: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    const name = cut(String(key));
    const part = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
    return text === '' ? part : `${text}.${part}`;
  }, base);
}

type Context = { readonly schema: z.ZodType; readonly input: unknown; readonly base: string };

function issueDetails(issue: z.core.$ZodIssue, context: Context): ErrorDetail[] {
  const path = joinPath(context.base, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(context.schema, issue.path);
    return issue.keys.map((key) => {
      const suggestion = nearestName(key, known) ?? (known.length > 0 && known.length <= 12 ? `one of ${known.join(', ')}` : undefined);
      return {
        path: joinPath(path, [key]),
        message: `unknown key ${JSON.stringify(cut(key))}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return closestBranch(issue.errors).flatMap((inner) => issueDetails({ ...inner, path: [...issue.path, ...inner.path] }, context));
  }
  if (issue.code === 'invalid_type') {
    const got = describe(valueAt(context.input, issue.path));
    const message = got === 'nothing' ? `is missing: expected ${issue.expected}` : `expected ${issue.expected}, got ${got}`;
    return [{ path, message }];
  }
  if (issue.code === 'invalid_value') {
    const value = valueAt(context.input, issue.path);
    const allowed = issue.values.map((allowedValue) => String(allowedValue));
    const nearest = typeof value === 'string' ? nearestName(value, allowed) : undefined;
    return [
      {
        path,
        message: `${describe(value)} is not one of ${allowed.join(', ')}`,
        ...(nearest === undefined ? {} : { suggestion: nearest }),
      },
    ];
  }
  if (issue.code === 'invalid_key') {
    return [{ path, message: issue.issues.map((inner) => inner.message).join('; ') || issue.message }];
  }
  return [{ path, message: issue.message.charAt(0).toLowerCase() + issue.message.slice(1) }];
}

/** Of the branches of a union the one the input was most likely meant for: the right type at its top, then the fewest faults. */
function closestBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] {
  const cost = (issues: readonly z.core.$ZodIssue[]) =>
    issues.length + (issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 1_000 : 0);
  return branches.reduce((best, branch) => (cost(branch) < cost(best) ? branch : best));
}

function cut(name: string): string {
  return name.length > MAX_SHOWN_NAME ? `${name.slice(0, MAX_SHOWN_NAME)}…` : name;
}

/** What was given, in words short enough for one line. Long strings are cut: they may be whole files. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value)}`;
  return `the ${typeof value} ${String(value)}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = inners(schema);
  for (const key of path) current = current.flatMap((inner) => inners(childOf(inner, key)));
  return [...new Set(current.flatMap(({ def }) => (def.type === 'object' ? Object.keys(def.shape ?? {}) : [])))];
}

/** The part of a zod schema's definition that leads inwards. */
interface Inner {
  readonly def: {
    readonly type: string;
    readonly shape?: Record<string, unknown>;
    readonly valueType?: unknown;
    readonly element?: unknown;
    readonly items?: readonly unknown[];
    readonly rest?: unknown;
    readonly innerType?: unknown;
    readonly in?: unknown;
    readonly options?: readonly unknown[];
    readonly getter?: () => unknown;
  };
}

function childOf({ def }: Inner, key: PropertyKey): unknown {
  switch (def.type) {
    case 'object':
      return def.shape && Object.hasOwn(def.shape, key) ? def.shape[String(key)] : undefined;
    case 'record':
      return def.valueType;
    case 'array':
      return def.element;
    case 'tuple':
      return def.items?.[Number(key)] ?? def.rest;
    default:
      return undefined;
  }
}

/** Through wrappers (optional, default, pipe, lazy) to what they wrap; a union to each of its branches. */
function inners(schema: unknown): Inner[] {
  const inner = (schema as { readonly _zod?: Inner } | undefined | null)?._zod;
  if (!inner) return [];
  const { def } = inner;
  if (def.type === 'union') return (def.options ?? []).flatMap(inners);
  const wrapped = def.innerType ?? (def.type === 'pipe' ? def.in : def.type === 'lazy' ? def.getter?.() : undefined);
  return wrapped === undefined ? [inner] : inners(wrapped);
}
