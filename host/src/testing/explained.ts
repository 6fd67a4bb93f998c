import { BellowsError, isBellowsError, messageOf } from '@bellows/sdk';
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

/**
 * The error with its reason in the message, where a host would say it in a log, which nobody reads in a test: what a plugin failed with,
 * what an answer has that its schema refuses, what is wrong in a configuration. Any other error as it is.
 */
export function withReason(error: unknown): unknown {
  if (!isBellowsError(error)) return error;
  const message = reasoned(error);
  if (message === error.message) return error;
  const { kind, code, plugin, phase, details, data, retryAfterMs, status } = error;
  return new BellowsError(kind, code, message, {
    status,
    cause: error.cause ?? error,
    ...(plugin === undefined ? {} : { plugin }),
    ...(phase === undefined ? {} : { phase }),
    ...(details === undefined ? {} : { details }),
    ...(data === undefined ? {} : { data }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function reasoned(error: BellowsError): string {
  const { code, message, details } = error;
  if (code === 'HANDLER_THREW') return `${message.slice(0, message.indexOf(':'))}: ${cut(messageOf(error.cause))}`;
  const isTold = code !== 'OUTPUT_INVALID' && code !== 'CONFIG_INVALID' && error.phase !== 'activate';
  return isTold || details === undefined ? message : cut([message, ...faultLines(message, details)].join('; '));
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
