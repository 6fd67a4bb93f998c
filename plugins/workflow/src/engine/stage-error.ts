import { type BellowsError, type ErrorDetail, type ErrorKind, isBellowsError, messageOf } from '@bellows/sdk';

/** Why an attempt failed, as it is kept in the history. */
export type StageError = {
  readonly code: string;
  readonly message: string;
  /** The stage it happened in; left out for what concerns the run. */
  readonly stage?: string;
  readonly kind?: ErrorKind;
  readonly details?: readonly ErrorDetail[];
  readonly data?: Readonly<Record<string, unknown>>;
};

/** Longer ones are cut: a message may hold what a stranger sent, and is kept with every attempt. */
const MAX_MESSAGE = 10_000;
/** Details and data of an error beyond this are left out. */
const MAX_EXTRA = 64 * 1024;

/** What is kept of anything that was thrown in a stage. An error that is none of Bellows' is `STAGE_FAILED`. Never throws. */
export function describeError(error: unknown, stage?: string): StageError {
  const message = messageOf(error);
  const base = {
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message,
    ...(stage === undefined ? {} : { stage }),
  };
  if (!isBellowsError(error)) {
    const code = ownCode(error);
    return { code: 'STAGE_FAILED', ...base, kind: 'guest', ...(code === undefined ? {} : { data: { code } }) };
  }
  const { code, kind } = error;
  return { code, ...base, kind, ...extras(error) };
}

/** The error, or one that stands for it when looking at it throws: a revoked proxy, or a getter that fails. */
export function readableError(error: unknown): unknown {
  try {
    if (isBellowsError(error)) void [error.code, error.kind, error.retryAfterMs, error.details, error.data];
    return error;
  } catch {
    return new Error('The stage threw something that cannot be looked at');
  }
}

/** The code by which `nonRetryable` knows an error. */
export function codeOf(error: unknown): string {
  return (isBellowsError(error) ? error.code : ownCode(error)) ?? 'STAGE_FAILED';
}

function ownCode(error: unknown): string | undefined {
  try {
    const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
    return typeof code === 'string' && code.length <= 200 ? code : undefined;
  } catch {
    return undefined;
  }
}

function extras({ details, data }: BellowsError): Pick<StageError, 'details' | 'data'> {
  const extra = { ...(details === undefined ? {} : { details }), ...(data === undefined ? {} : { data }) };
  try {
    const json = JSON.stringify(extra);
    return json.length > MAX_EXTRA ? {} : (JSON.parse(json) as typeof extra);
  } catch {
    return {};
  }
}
