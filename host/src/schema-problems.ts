import type { ErrorDetail, z } from '@bellows/sdk';
import { distance } from 'fastest-levenshtein';

/**
 * What a zod schema found wrong, as details for people: every problem, each with its path, and for an unknown key the
 * nearest known one. `base` is put before every path.
 */
export function schemaProblems(
  error: z.ZodError,
  options: { readonly schema: z.ZodType; readonly input: unknown; readonly base?: string },
): ErrorDetail[] {
  const { schema, input, base = '' } = options;
  return error.issues.flatMap((issue) => issueDetails(issue, { schema, input, base }));
}

/** The name most like `wanted`, when one is like enough to have been meant. */
export function nearestName(wanted: string, known: readonly string[]): string | undefined {
  // A third of the word may differ: `prot` finds `port`, `x` finds nothing.
  const limit = Math.max(1, Math.floor(wanted.length / 3) + 1);
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
    const name = String(key);
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
        message: `unknown key ${JSON.stringify(key)}`,
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    });
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
  let current: Inner | undefined = unwrap(schema);
  for (const key of path) {
    const { def } = current?._zod ?? {};
    if (!def) return [];
    if (def.type === 'object') current = unwrap(def.shape?.[String(key)]);
    else if (def.type === 'record') current = unwrap(def.valueType);
    else if (def.type === 'array') current = unwrap(def.element);
    else return [];
  }
  const def = current?._zod.def;
  return def?.type === 'object' ? Object.keys(def.shape ?? {}) : [];
}

/** The part of a zod schema's definition that leads inwards. */
interface Inner {
  readonly _zod: {
    readonly def: {
      readonly type: string;
      readonly shape?: Record<string, unknown>;
      readonly valueType?: unknown;
      readonly element?: unknown;
      readonly innerType?: unknown;
      readonly in?: unknown;
    };
  };
}

function unwrap(schema: unknown): Inner | undefined {
  let current = schema as Inner | undefined;
  for (let inner = innerOf(current); inner; inner = innerOf(current)) current = inner;
  return current;
}

function innerOf(schema: Inner | undefined): Inner | undefined {
  const def = schema?._zod.def;
  return (def?.innerType ?? (def?.type === 'pipe' ? def.in : undefined)) as Inner | undefined;
}
