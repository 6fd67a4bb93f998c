import { type ErrorDetail, InputError, nearestName } from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';

/** Longer names are cut: an answer must not grow with the size of a hostile address. */
const MAX_SHOWN_LENGTH = 80;

/** `InputError` (`QUERY_INVALID`) for a parameter the route does not know: ignored, a typing error would look like an answer. */
export function demandKnownQuery(request: FastifyRequest): void {
  if (request.is404) return;
  const { query: known = [], anyQuery = false } = request.routeOptions.config;
  if (anyQuery) return;
  const unknown = Object.keys(request.query as object).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  const shown = unknown.slice(0, MAX_SHOWN_LENGTH);
  const there = known.length === 0 ? 'this address takes none' : `there are: ${known.join(', ')}`;
  throw queryError({
    path: `query.${shown}`,
    message: `is unknown; ${near === undefined ? there : `did you mean ${near}?`}`,
    ...(near === undefined ? {} : { suggestion: near }),
  });
}

export function queryError(detail: ErrorDetail): InputError {
  const end = /[.?]$/.test(detail.message) ? '' : '.';
  return new InputError('QUERY_INVALID', `${detail.path} ${detail.message}${end}`, { phase: 'receive', details: [detail] });
}
