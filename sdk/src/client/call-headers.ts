import { type ErrorDetail, InputError } from '../errors.js';
import { CRITICALITIES } from '../operations.js';
import type { ClientCallOptions } from './client-options.js';

/** What the host takes as a name; anything else would fail deep inside of `fetch`, or there. */
const NAME_VALUE = /^[\x20-\x7e]{1,200}$/;
const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** What the header holds: twelve digits, 31 years. */
const MAX_DEADLINE_MS = 999_999_999_999;

/** The headers of a call but for its deadline, which is measured anew at each try. `InputError` (`CALL_OPTIONS_INVALID`) with every fault. */
export function callHeaders(options: ClientCallOptions): Record<string, string> {
  const { tenant, user, idempotencyKey, criticality, traceparent, deadlineMs } = options;
  const problems: ErrorDetail[] = [];
  const headers: Record<string, string> = {};
  const set = (name: string, value: string | undefined, fault: string | undefined, path: string) => {
    if (value === undefined) return;
    if (fault === undefined) headers[name] = value;
    else problems.push({ path, message: fault });
  };
  const nameFault = (value: unknown) => (isText(value, NAME_VALUE) ? undefined : 'must be 1 to 200 printable ASCII characters');
  set('bellows-tenant', tenant, nameFault(tenant), 'tenant');
  set('bellows-user', user, nameFault(user), 'user');
  set('idempotency-key', idempotencyKey, nameFault(idempotencyKey), 'idempotencyKey');
  const isClass = criticality !== undefined && CRITICALITIES.includes(criticality);
  set('bellows-criticality', criticality, isClass ? undefined : `must be one of ${CRITICALITIES.join(', ')}`, 'criticality');
  const isTrace = isText(traceparent, TRACE_PARENT);
  set('traceparent', traceparent, isTrace ? undefined : 'must be a traceparent of W3C Trace Context', 'traceparent');
  if (deadlineMs !== undefined && !(deadlineMs > 0 && deadlineMs <= MAX_DEADLINE_MS)) {
    problems.push({ path: 'deadlineMs', message: `must be a number above 0, at most ${MAX_DEADLINE_MS}` });
  }
  if (problems.length === 0) return headers;
  const message = `The options of the call are wrong: ${problems.map((one) => `${one.path} ${one.message}`).join('; ')}.`;
  throw new InputError('CALL_OPTIONS_INVALID', message, { phase: 'call', details: problems });
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
