import { z } from '@bellows/sdk';
import type { Faults } from './faults.js';
import { issueMessage, type SchemaIssue } from './issue-message.js';
import { shortened } from './shortened.js';

/** Keys of one object that are told one by one. */
const MAX_KEYS = 20;

/** Adds what a schema found, each with the path of the value within the definition. */
export function addIssues(error: z.ZodError, at: { readonly path: string; readonly schema: z.ZodType }, faults: Faults): void {
  for (const issue of error.issues) {
    const path = joined(at.path, issue.path);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, MAX_KEYS)) {
        faults.addUnknown({ path: joined(path, [key]), message: 'is not known here' }, key, keysAt(at.schema, issue.path));
      }
    } else faults.add({ path, message: issue.code === 'invalid_union' ? shortened(unionMessage(issue)) : issueMessage(issue) });
  }
}

/** The keys there are where a path of a schema leads; none where that is no object. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = bare(schema);
  for (const key of path) at = at instanceof z.ZodObject ? bare(at.shape[String(key)]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
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
