import {
  type CallAuthority,
  type CallOptions,
  CRITICALITIES,
  type ErrorDetail,
  ForbiddenError,
  InputError,
  nearestName,
} from '@bellows/sdk';
import type { FastifyRequest } from 'fastify';
import { parseTraceparent } from '../operations/operation-tracing.js';
import { newTraceId } from '../operations/trace-id.js';
import type { Caller, HttpContext } from './http-context.js';
import { NAME_VALUE } from './name-value.js';

const DEADLINE_VALUE = /^[1-9]\d{0,11}$/;

/**
 * What the headers say about a call; all faults at once as `InputError` (`HEADER_INVALID`). `ForbiddenError` (`TENANT_FORBIDDEN`) where
 * they name a tenant or user the token is not for.
 */
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
  const { caller } = request;
  const givenTenant = read('bellows-tenant', NAME_VALUE, printable);
  const givenUser = read('bellows-user', NAME_VALUE, printable);
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
  const tenant = nameFor(caller, 'tenant', givenTenant);
  const user = nameFor(caller, 'user', givenUser) ?? (caller.proven ? caller.name : undefined);
  const { traceparent } = request.headers;
  return {
    traceId: request.traceId,
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    authority: authorityOf(caller),
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user }),
    ...(criticality === undefined ? {} : { criticality }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(deadline === undefined ? {} : { deadlineMs: Number(deadline) }),
  };
}

/** Admins may name any; whom a token is bound to is who they are when they name none. */
function nameFor(caller: Caller, what: 'tenant' | 'user', given: string | undefined): string | undefined {
  const bound = caller[what];
  if (given === undefined || bound === undefined || given === bound || caller.role === 'admin') return given ?? bound;
  throw new ForbiddenError(
    'TENANT_FORBIDDEN',
    `The token of ${caller.name} is for the ${what} ${JSON.stringify(bound)} only: leave "Bellows-${what === 'tenant' ? 'Tenant' : 'User'}" out.`,
    { phase: 'receive' },
  );
}

function authorityOf({ role, proven, tenant }: Caller): CallAuthority {
  const authority = { role, runsCommands: proven };
  return tenant === undefined || role === 'admin' ? authority : { ...authority, tenant };
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
  return parseTraceparent(typeof header === 'string' ? header : undefined)?.traceId ?? newTraceId(random);
}

function unknownCriticality(given: string): ErrorDetail {
  const near = nearestName(given, CRITICALITIES);
  return {
    path: 'headers.bellows-criticality',
    message: `must be one of ${CRITICALITIES.join(', ')}`,
    ...(near === undefined ? {} : { suggestion: near }),
  };
}
