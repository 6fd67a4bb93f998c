import type { z } from '@bellows/sdk';
import type { Faults } from './faults.js';
import { issueMessage } from './issue-message.js';
import { shortened } from './shortened.js';

/** Keys of one object that are told one by one. */
const MAX_KEYS = 20;

/** Adds what a schema found, each with the path of the value within the definition. */
export function addIssues(error: z.ZodError, at: { readonly path: string; readonly keys: readonly string[] }, faults: Faults): void {
  for (const issue of error.issues) {
    const path = joined(at.path, issue.path);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, MAX_KEYS)) {
        const known = issue.path.length === 0 ? at.keys : [];
        faults.addUnknown({ path: joined(path, [key]), message: 'is not known here' }, key, known);
      }
    } else faults.add({ path, message: issue.code === 'invalid_union' ? shortened(unionMessage(issue)) : issueMessage(issue) });
  }
}

function unionMessage(issue: { readonly errors?: readonly (readonly { readonly message: string }[])[] }): string {
  const messages = (issue.errors ?? []).flatMap((alternative) => alternative.slice(0, 1).map(({ message }) => message));
  return [...new Set(messages)].join(', or ') || 'is of no form that is known';
}

function joined(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? shortened(String(key)) : `${text}.${shortened(String(key))}`;
  }, path);
}
