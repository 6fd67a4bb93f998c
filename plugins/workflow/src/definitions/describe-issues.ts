import { z } from '@bellows/sdk';
import { PLANNED_KINDS } from './definition-schema.js';
import type { Faults } from './faults.js';
import { issueMessage, type SchemaIssue } from './issue-message.js';
import { sentence, shortened } from './shortened.js';

/** Keys of one object that are told one by one. */
const MAX_KEYS = 20;

/** Adds what a schema found, each with the path of the value within the definition. */
export function addIssues(error: z.ZodError, at: { readonly path: string; readonly schema: z.ZodType }, faults: Faults): void {
  for (const issue of error.issues) {
    const path = joined(at.path, issue.path);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, MAX_KEYS)) {
        faults.addUnknownKey(joined(path, [key]), key, keysAt(at.schema, issue.path));
      }
    } else if (issue.code === 'invalid_union' && issue.message === 'Invalid input') {
      // zod says only that it is not right
      faults.add({ path, message: sentence(unionMessage(issue)) });
    } else faults.add({ path, message: issueMessage(issue) });
  }
}

/** The keys there are where a path of a schema leads; none where that is no object. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = bare(schema);
  for (const key of path) at = at instanceof z.ZodObject ? bare(at.shape[String(key)]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape).filter((key) => !PLANNED_KINDS.has(key)) : [];
}

function bare(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodNullable) inner = inner.unwrap();
  return inner;
}

function unionMessage(issue: { readonly errors?: readonly (readonly SchemaIssue[])[] }): string {
  const messages = (issue.errors ?? []).flatMap((alternative) => alternative.slice(0, 1).map(issueMessage));
  return [...new Set(messages)].join(', or ') || 'is of no form that is known';
}

function joined(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? shortened(String(key)) : `${text}.${shortened(String(key))}`;
  }, path);
}
