import type { ErrorDetail, z } from '@bellows/sdk';
import { nearestName } from './nearest-name.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** More faults than this are counted, not listed: an answer must not grow with the size of a hostile input. */
const MAX_LISTED = 50;
/** Longer keys and values are cut in messages, for the same reason. */
const MAX_SHOWN_LENGTH = 80;

/**
 * Every fault zod found, each with its path (`calls[3].args`), a sentence, and what would be right where that is known:
 * the nearest known key for an unknown one, the nearest value of an enum. `prefix` is put before every path.
 */
export function schemaProblems(
  error: z.core.$ZodError,
  schema: z.core.$ZodType,
  options: { input: unknown; prefix?: string },
): ErrorDetail[] {
  const root = { schema, input: options.input };
  const problems: Problem[] = [];
  let left = 0;
  for (const issue of error.issues) {
    // Looking for the nearest names is the dear part; a million unknown keys would take seconds of everybody.
    const found = problems.length < MAX_LISTED ? explain(issue, [], root) : [];
    problems.push(...found);
    left += Math.max(0, (issue.code === 'unrecognized_keys' ? issue.keys.length : 1) - found.length);
  }
  left += Math.max(0, problems.length - MAX_LISTED);
  const listed = problems.slice(0, MAX_LISTED).map(({ path, ...rest }) => ({ path: showPath(path, options.prefix ?? ''), ...rest }));
  return left === 0 ? listed : [...listed, { path: options.prefix ?? '', message: `and ${left} more problems` }];
}

interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly suggestion?: string;
}

interface Root {
  readonly schema: z.core.$ZodType;
  readonly input: unknown;
}

function explain(issue: Issue, base: Path, root: Root): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = [...keysAt(root.schema, path)];
    return issue.keys.slice(0, MAX_LISTED).map((key) => unknownKey([...path, key], key, known));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return closestBranch(issue.errors)
      .slice(0, MAX_LISTED)
      .flatMap((inner) => explain(inner, path, root));
  }
  if (issue.code === 'invalid_value') {
    const given = valueAt(root.input, path);
    const near = typeof given === 'string' ? nearestName(given, issue.values.map(String)) : undefined;
    return [{ path, message: issue.message, ...(near === undefined ? {} : { suggestion: near }) }];
  }
  if (issue.code === 'invalid_type' && valueAt(root.input, path) === undefined) {
    return [{ path, message: `is missing: expected ${issue.expected}` }];
  }
  return [{ path, message: issue.message }];
}

function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const near = nearestName(key, known);
  const message = `unknown key "${cut(key)}"`;
  if (near !== undefined) return { path, message, suggestion: near };
  return known.length === 0 ? { path, message } : { path, message: `${message}; known are ${known.join(', ')}` };
}

/** Of the branches of a union the one the input was most likely meant for: right type at its top, then fewest faults. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const cost = (issues: readonly Issue[]) =>
    issues.length + (issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 1_000 : 0);
  return branches.reduce((best, branch) => (cost(branch) < cost(best) ? branch : best));
}

/** The keys an object may have at a path, through wrappers; of all branches where there is a union. */
function keysAt(schema: z.core.$ZodType, path: Path): Set<string> {
  const keys = new Set<string>();
  for (const found of schemasAt(schema, path)) {
    for (const inner of unwrap(found)) if (inner.def.type === 'object') for (const key of Object.keys(inner.def.shape)) keys.add(key);
  }
  return keys;
}

function schemasAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType[] {
  let current = [schema];
  for (const step of path) current = current.flatMap(unwrap).flatMap((inner) => childOf(inner, step));
  return current;
}

type Known = { readonly def: z.core.$ZodTypes['_zod']['def'] };

function unwrap(schema: z.core.$ZodType): Known[] {
  const known: Known = { def: (schema as z.core.$ZodTypes)._zod.def };
  switch (known.def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return unwrap(known.def.innerType);
    case 'pipe':
      return unwrap(known.def.in);
    case 'lazy':
      return unwrap(known.def.getter());
    case 'union':
      return known.def.options.flatMap(unwrap);
    case 'intersection':
      return [...unwrap(known.def.left), ...unwrap(known.def.right)];
    default:
      return [known];
  }
}

function childOf({ def }: Known, step: PropertyKey): z.core.$ZodType[] {
  if (def.type === 'object') {
    const child = Object.hasOwn(def.shape, step) ? def.shape[String(step)] : undefined;
    return child ? [child] : [];
  }
  if (def.type === 'array') return [def.element];
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'tuple') return [def.items[Number(step)] ?? def.rest].filter((item) => item !== null && item !== undefined);
  return [];
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function showPath(path: Path, prefix: string): string {
  let shown = prefix;
  for (const step of path) {
    if (typeof step === 'number') shown += `[${step}]`;
    else shown += `${shown === '' ? '' : '.'}${cut(String(step))}`;
  }
  return shown;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
