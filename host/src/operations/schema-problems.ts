import { type ErrorDetail, nearestName, type z } from '@bellows/sdk';
import { joinPath } from '../value-path.js';
import { cut, issueSentence, typeSentence } from './issue-sentence.js';
import { isLarge } from './parse-bounded.js';
import { formsOf, partOf } from './schema-tree.js';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** More faults than this are counted, not listed: an answer must not grow with the size of a hostile input. */
const MAX_LISTED = 50;

/**
 * Every fault zod found, each with its path (`calls[3].args`), a sentence, and what would be right where that is known:
 * the nearest known key for an unknown one, the nearest value of an enum. `prefix` is put before every path.
 * `showValues` quotes what was given: only for one who gave it himself, because configurations hold secrets.
 */
export function schemaProblems(
  error: z.core.$ZodError,
  schema: z.core.$ZodType,
  options: { input: unknown; prefix?: string; showValues?: boolean },
): ErrorDetail[] {
  const root = { schema, input: options.input, show: options.showValues === true };
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
  const path = options.prefix ?? '';
  if (left > 0) return [...listed, { path, message: `and ${left} more problems` }];
  if (!isLarge(options.input)) return listed;
  return [...listed, { path, message: 'there may be more problems: of what is as large as this not all are looked for' }];
}

interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly suggestion?: string;
}

interface Root {
  readonly schema: z.core.$ZodType;
  readonly input: unknown;
  readonly show: boolean;
}

function explain(issue: Issue, base: Path, root: Root): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = [...keysAt(root.schema, path)];
    return issue.keys.slice(0, MAX_LISTED).map((key) => unknownKey([...path, key], key, known));
  }
  const given = { value: valueAt(root.input, path), show: root.show };
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const types = typesWanted(issue.errors);
    if (types) return [{ path, message: typeSentence(types, given) }];
    return closestBranch(issue.errors)
      .slice(0, MAX_LISTED)
      .flatMap((inner) => explain(inner, path, root));
  }
  const problem = { path, message: issueSentence(issue, given) };
  if (issue.code !== 'invalid_value' || typeof given.value !== 'string') return [problem];
  const near = nearestName(given.value, issue.values.map(String));
  return [near === undefined ? problem : { ...problem, suggestion: near }];
}

/** Where every branch of a union wants another type: all of them, because none is closer. */
function typesWanted(branches: readonly (readonly Issue[])[]): string[] | undefined {
  const types = branches.map(([issue, ...more]) =>
    issue?.code === 'invalid_type' && issue.path.length === 0 && more.length === 0 ? issue.expected : undefined,
  );
  return types.every((type) => type !== undefined) ? types : undefined;
}

function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const near = nearestName(key, known);
  const message = `unknown key ${JSON.stringify(cut(key))}`;
  if (near !== undefined) return { path, message, suggestion: near };
  return known.length === 0 ? { path, message } : { path, message: `${message}; known are ${known.join(', ')}` };
}

/** Of the branches of a union the one the input was most likely meant for: right type at its top, then fewest faults. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const cost = (issues: readonly Issue[]) =>
    issues.length + (issues.some((issue) => issue.code === 'invalid_type' && issue.path.length === 0) ? 1_000 : 0);
  return branches.reduce((best, branch) => (cost(branch) < cost(best) ? branch : best));
}

/**
 * The keys an object may have at a path, through wrappers; of all branches where there is a union. Not those whose schema is marked
 * `unavailable`: they are there to be refused with a reason.
 */
function keysAt(schema: z.core.$ZodType, path: Path): Set<string> {
  const keys = new Set<string>();
  for (const found of schemasAt(schema, path)) {
    for (const { def } of formsOf(found)) {
      if (def.type !== 'object') continue;
      for (const [key, part] of Object.entries(def.shape)) if (!isUnavailable(part)) keys.add(key);
    }
  }
  return keys;
}

function isUnavailable(schema: z.core.$ZodType): boolean {
  return (schema as Partial<z.ZodType>).meta?.()?.unavailable === true;
}

function schemasAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType[] {
  let current = [schema];
  for (const step of path) current = current.flatMap(formsOf).flatMap((form) => partOf(form, step));
  return current;
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
  return joinPath(
    prefix,
    path.map((step) => (typeof step === 'number' ? step : cut(String(step)))),
  );
}
