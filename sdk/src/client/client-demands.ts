import { type ErrorDetail, InputError } from '../errors.js';
import { isTopicName } from '../events.js';
import { optionNames, optionProblems, problemText } from '../known-options.js';
import type { AskOptions, ClientCallOptions, ClientOptions, FollowOptions } from './client-options.js';
import { DEFAULT_RETRY, type RetryPolicy } from './plan-retry.js';

export function demandClientOptions(options: ClientOptions): void {
  demandNames(options, CLIENT, 'client');
}

export function demandAskOptions(options: AskOptions): void {
  demandNames(options, ASK, 'call');
}

export function demandCallOptions(options: ClientCallOptions): void {
  demandNames(options, CALL, 'call');
}

export function demandFollowOptions(options: FollowOptions<string>): void {
  demandNames(options, FOLLOW, 'events');
  const { topics, lastEventId, maxFailures } = options;
  if (topics !== undefined && !(Array.isArray(topics) && topics.length > 0 && topics.every(isTopicName))) {
    throw optionsError([{ path: 'events.topics', message: "must be a list of names of topics, such as ['status']" }]);
  }
  if (lastEventId !== undefined && !(Number.isSafeInteger(lastEventId) && lastEventId >= 0)) {
    throw optionsError([{ path: 'events.lastEventId', message: 'must be the id of an event, or 0 for all that the host has' }]);
  }
  if (maxFailures !== undefined) demandAtLeast(1, { 'events.maxFailures': maxFailures });
}

export function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '') {
    return parsed.origin + parsed.pathname.replace(/\/+$/, '');
  }
  throw optionsError([{ path: 'url', message: 'must be the address of a host, like http://127.0.0.1:7070' }]);
}

export function demandToken(token: string | undefined): string | undefined {
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw optionsError([{ path: 'token', message: 'must be printable ASCII without blanks' }]);
}

export function policyOf(ofClient: ClientOptions['retry'], ofCall: AskOptions['retry']): RetryPolicy {
  for (const given of [ofClient, ofCall]) if (given !== undefined && given !== false) demandNames(given, RETRY, 'retry');
  if (ofCall === false || (ofCall === undefined && ofClient === false)) return { ...DEFAULT_RETRY, maxAttempts: 1 };
  const policy = { ...DEFAULT_RETRY, ...(ofClient || {}), ...ofCall };
  const { maxAttempts, initialMs, maxMs, maxRetryAfterMs } = policy;
  demandAtLeast(1, { 'retry.maxAttempts': maxAttempts });
  demandAtLeast(0, { 'retry.initialMs': initialMs, 'retry.maxMs': maxMs, 'retry.maxRetryAfterMs': maxRetryAfterMs });
  return policy;
}

/** What is no number compares with nothing: a bound of it would never hold. */
export function demandAtLeast(least: number, values: Readonly<Record<string, number>>): void {
  for (const [path, value] of Object.entries(values)) {
    if (typeof value !== 'number' || !(value >= least)) throw optionsError([{ path, message: `must be a number of at least ${least}` }]);
  }
}

function demandNames(given: object, known: readonly string[], path: string): void {
  const problems = optionProblems(given, known, path);
  if (problems.length > 0) throw optionsError(problems);
}

function optionsError(details: readonly ErrorDetail[]): InputError {
  const text = problemText(details);
  const end = text.endsWith('?') ? '' : '.';
  return new InputError('CALL_OPTIONS_INVALID', `The options of the client are wrong: ${text}${end}`, { phase: 'call', details });
}

const CLIENT = optionNames<ClientOptions>({
  url: true,
  token: true,
  tenant: true,
  user: true,
  fetch: true,
  retry: true,
  maxAnswerBytes: true,
  clock: true,
  random: true,
});
const ASK = optionNames<AskOptions>({ signal: true, deadlineMs: true, retry: true, traceparent: true });
const CALL = optionNames<ClientCallOptions>({
  signal: true,
  deadlineMs: true,
  retry: true,
  traceparent: true,
  idempotencyKey: true,
  criticality: true,
  tenant: true,
  user: true,
});
const FOLLOW = optionNames<FollowOptions<string>>({ topics: true, signal: true, lastEventId: true, maxFailures: true, onLoss: true });
const RETRY = optionNames<RetryPolicy>({ maxAttempts: true, initialMs: true, maxMs: true, maxRetryAfterMs: true });
