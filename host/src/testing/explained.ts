import { isBellowsError, messageOf } from '@bellows/sdk';
import { faultLines, headline } from '../shown-faults.js';

/** An error made of a hostile input may repeat it. */
const MAX_LENGTH = 1_000;

/** A message with what it leaves to others: the details, and the cause where it refers to a log that a test does not have. */
export function explained(error: unknown): string {
  if (!isBellowsError(error)) return cut(messageOf(error));
  if (error.code === 'HANDLER_THREW') return `an unexpected error: ${cut(messageOf(error.cause))}`;
  const told = headline(error.message, error.details);
  return cut([told, ...faultLines(told, error.details)].join('; '));
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
