import { type CallOptions, CRITICALITIES, type ErrorDetail, InputError } from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';
import { nearestName } from '../operations/nearest-name.js';
import { newTraceId } from '../operations/trace-id.js';
import type { HttpContext } from './http-context.js';

/** Header values that become names in limits, logs and metrics: printable ASCII, of a length that can be shown. */
const NAME_VALUE = /^[\x20-\x7e]{1,200}$/;
const DEADLINE_VALUE = /^[1-9]\d{0,11}$/;

/** What the headers say about a call; all faults at once as `InputError` (`HEADER_INVALID`). */
export function callOptionsOf(request: FastifyRequest): CallOptions {
  const problems: ErrorDetail[] = [];
  const read = (name: string, allowed: RegExp, wanted: string): string | undefined => {
    const value = request.headers[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && allowed.test(value)) return value;
    problems.push({ path: `headers.${name}`, message: `must be ${wanted}` });
    return undefined;
  };
  const printable = '1 to 200 printable ASCII characters';
  const tenant = read('bellows-tenant', NAME_VALUE, printable);
  const user = read('bellows-user', NAME_VALUE, printable) ?? (request.caller.proven ? request.caller.name : undefined);
  const idempotencyKey = read('idempotency-key', NAME_VALUE, printable);
  const deadline = read('bellows-deadline-ms', DEADLINE_VALUE, 'a whole number of milliseconds of at least 1');
  const given = read('bellows-criticality', NAME_VALUE, `one of ${CRITICALITIES.join(', ')}`);
  const criticality = CRITICALITIES.find((name) => name === given);
  if (given !== undefined && criticality === undefined) problems.push(unknownCriticality(given));
  if (problems.length > 0) {
    const [first] = problems;
    throw new InputError('HEADER_INVALID', `The header ${first?.path.slice('headers.'.length)} ${first?.message}.`, {
      phase: 'receive',
      details: problems,
    });
  }
  return {
    traceId: request.traceId,
    authority: { role: request.caller.role, runsCommands: request.caller.proven },
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user }),
    ...(criticality === undefined ? {} : { criticality }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(deadline === undefined ? {} : { deadlineMs: Number(deadline) }),
  };
}

/** The earlier of the header's deadline and `deadlineMs` in the body. */
export function withBodyDeadline(options: CallOptions, body: unknown): CallOptions {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, 'deadlineMs')) return options;
  const { deadlineMs } = body as { deadlineMs: unknown };
  // Anything else is for the operation's own schema to refuse.
  if (typeof deadlineMs !== 'number' || !(deadlineMs > 0)) return options;
  return { ...options, deadlineMs: Math.min(deadlineMs, options.deadlineMs ?? Number.POSITIVE_INFINITY) };
}

/** The trace of `traceparent`, or a new one; a malformed header is ignored, as W3C Trace Context demands. */
export function traceIdOf(header: string | string[] | undefined, random: HttpContext['random']): string {
  const [, traceId] = (typeof header === 'string' && /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(header)) || [];
  return traceId === undefined || /^0+$/.test(traceId) ? newTraceId(random) : traceId;
}

function unknownCriticality(given: string): ErrorDetail {
  const near = nearestName(given, CRITICALITIES);
  return {
    path: 'headers.bellows-criticality',
    message: `must be one of ${CRITICALITIES.join(', ')}`,
    ...(near === undefined ? {} : { suggestion: near }),
  };
}
