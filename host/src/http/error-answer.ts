import {
  type BellowsError,
  errorBody,
  type IClock,
  type ILogger,
  InputError,
  InvariantError,
  isBellowsError,
  NotFoundError,
} from '@bellows/sdk';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HostErrorCode } from '../error-codes.js';
import { bodyTooLarge } from './json-body.js';
import { lingeringBody } from './linger.js';
import { retryAfter } from './retry-after.js';

/** Refused in the middle of a body, with a connection that closes afterwards. */
const CUTS_BODY: ReadonlySet<string> = new Set<HostErrorCode>(['BODY_TOO_LARGE', 'BODIES_FULL']);

/** The answer to anything that went wrong, whoever noticed it: always the one error shape of the host. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  options: {
    readonly reply: FastifyReply;
    readonly logger: ILogger;
    readonly clock?: IClock;
    /** Takes out of the answer, which is JSON, what must not be shown. Not needed where it only says what the caller sent. */
    readonly hide?: (text: string) => string;
  },
): void {
  const { reply, logger, clock, hide = (text) => text } = options;
  const error = asBellowsError(thrown);
  report(error, request, logger);
  reply.code(error.status).type('application/json; charset=utf-8');
  if (error.status === 429 || error.status === 503) reply.header('retry-after', retryAfter(error.retryAfterMs));
  if (error.kind === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  const body = hide(JSON.stringify({ error: errorBody(error, request.traceId ?? '') }));
  if (!CUTS_BODY.has(error.code) || clock === undefined || request.raw.complete) reply.send(body);
  else reply.header('content-length', Buffer.byteLength(body)).send(lingeringBody(body, request, clock));
}

/** For what has no route. `allow` are the methods the same address takes. */
export function noRouteError(request: FastifyRequest, allow: readonly string[]): BellowsError {
  const [path = ''] = request.url.split('?', 1);
  if (allow.length === 0) {
    return new NotFoundError('ROUTE_UNKNOWN', `There is nothing at ${shorten(path)}: /openapi.json describes what there is.`, {
      phase: 'receive',
    });
  }
  return new InputError('METHOD_NOT_ALLOWED', `${shorten(path)} takes ${allow.join(', ')}, not ${request.method}.`, {
    phase: 'receive',
    status: 405,
  });
}

/** Fastify's own errors by its codes; anything unknown is a fault of ours and tells the caller nothing of its inside. */
function asBellowsError(thrown: unknown): BellowsError {
  if (isBellowsError(thrown)) return thrown;
  const { code = '', statusCode = 500 } = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as {
    code?: string;
    statusCode?: number;
  };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return bodyTooLarge(thrown);
  const known = FASTIFY_ERRORS[code];
  if (known) return new InputError(known.code, known.message, { phase: 'receive', status: known.status, cause: thrown });
  if (statusCode >= 400 && statusCode < 500) {
    return new InputError('REQUEST_INVALID', 'The request is not valid.', { phase: 'receive', status: statusCode, cause: thrown });
  }
  return new InvariantError('BUG', 'Something happened in the host that must not; its log has it under the trace of this answer.', {
    cause: thrown,
  });
}

const FASTIFY_ERRORS: Readonly<Record<string, { code: HostErrorCode; message: string; status: number }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'CONTENT_TYPE',
    message: 'The body must be JSON: send "Content-Type: application/json".',
    status: 415,
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'JSON_INVALID', message: 'The body is empty: send the input as JSON, {} for none.', status: 400 },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BODY_INCOMPLETE',
    message: 'The body is not as long as Content-Length says.',
    status: 400,
  },
  FST_ERR_BAD_URL: { code: 'URL_INVALID', message: 'The address cannot be decoded.', status: 400 },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'URL_INVALID', message: 'A part of the address is too long.', status: 414 },
};

function report(error: BellowsError, request: FastifyRequest, logger: ILogger): void {
  const fields = {
    method: request.method,
    path: request.url.split('?', 1)[0],
    status: error.status,
    code: error.code,
    traceId: request.traceId,
  };
  // The registry has logged what handlers threw; here the cause of our own faults must not be lost.
  if (error.kind === 'invariant') logger.error('a request failed inside of the host', { ...fields, error: error.cause ?? error });
  else logger.debug(error.status === 499 ? 'the client went away' : 'a request was refused', fields);
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
