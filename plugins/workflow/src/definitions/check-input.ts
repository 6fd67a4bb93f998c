import type { ErrorDetail } from '@bellows/sdk';
import { isBellowsError, messageOf } from '@bellows/sdk';
import type { InputSchema } from '@bellows/sdk/workflow';
import { workflowError } from '../errors.js';
import { issueMessage, type SchemaIssue } from './issue-message.js';
import { shortened } from './shortened.js';

/** An input with more faults than this is wrong as a whole. */
const MAX_DETAILS = 100;

/** Makes the schema of a definition into the check of `Pipeline`. The schema may come from any library, and from any copy of zod. */
export function checkInputWith(schema: InputSchema, workflow: string): (input: unknown) => unknown {
  return (input) => {
    try {
      const checked = schema.parse(input);
      if (typeof (checked as PromiseLike<unknown> | null | undefined)?.then !== 'function') return checked;
      (checked as PromiseLike<unknown>).then(undefined, () => {});
    } catch (error) {
      throw refusal(workflow, error);
    }
    throw refusal(workflow, new Error('its schema answers later, and only those that answer at once can be used'));
  };
}

function refusal(workflow: string, error: unknown) {
  if (isBellowsError(error)) return error;
  const details = detailsOf(error);
  const first = details[0];
  const why = first === undefined ? shortened(messageOf(error)) : `${first.path}: ${first.message}`;
  return workflowError('RUN_INPUT_INVALID', `The workflow "${workflow}" does not take this input: ${why}`, {
    phase: 'call',
    cause: error,
    ...(first === undefined ? {} : { details }),
  });
}

/** As zod and its relatives list them. */
function detailsOf(error: unknown): ErrorDetail[] {
  const issues: unknown = typeof error === 'object' && error !== null ? (error as { readonly issues?: unknown }).issues : undefined;
  if (!Array.isArray(issues)) return [];
  return issues.slice(0, MAX_DETAILS).map((issue: (SchemaIssue & { readonly path?: readonly unknown[] }) | null) => {
    const path = ['input', ...(Array.isArray(issue?.path) ? issue.path : [])].map(String).join('.');
    return { path: shortened(path), message: issueMessage(issue ?? {}) };
  });
}
