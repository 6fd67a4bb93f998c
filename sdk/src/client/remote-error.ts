import { BellowsError, type ErrorBody, type ErrorDetail, type ErrorKind, STATUS_BY_KIND } from '../errors.js';

/** What the host answered that is not 2xx: an error of the kind that its status stands for, with the code of the host. */
export class RemoteError extends BellowsError {
  /** As the host said it, without what does not belong into such a body. */
  readonly body: ErrorBody;

  /** `retryAfter` is the header of this name. A host sends it with every 429 and 503, so it says how long to wait and nothing of the work. */
  constructor(status: number, body: ErrorBody, retryAfter: string | null = null) {
    const { code, message, traceId: _trace, ...rest } = body;
    const retryAfterMs = body.retryAfterMs ?? patience(secondsOf(retryAfter));
    super(kindOfStatus(status, body), code, message, { ...rest, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), status });
    this.body = body;
  }

  /** By which the logs and traces of the host name the call. */
  get traceId(): string {
    return this.body.traceId;
  }
}

/** Longer ones are cut: an error is shown, logged and kept. */
const MAX_TEXT = 16_384;
const MAX_NAME = 200;
/** As many faults as somebody reads, and far more. */
const MAX_DETAILS = 1_000;
/** A host that asks for more patience than a day is not believed. */
const MAX_RETRY_MS = 86_400_000;

/** The error in the body of an answer, rebuilt from what it should hold; undefined when it is none. */
export function readErrorBody(value: unknown): ErrorBody | undefined {
  const given = own(value, 'error');
  const code = own(given, 'code');
  const message = own(given, 'message');
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,99}$/.test(code) || typeof message !== 'string') return undefined;
  const plugin = nameOf(own(given, 'plugin'));
  const phase = nameOf(own(given, 'phase'));
  const details = detailsOf(own(given, 'details'));
  const data = own(given, 'data');
  const retryAfterMs = patience(own(given, 'retryAfterMs'));
  return {
    code,
    message: message.slice(0, MAX_TEXT),
    ...(plugin === undefined ? {} : { plugin }),
    ...(phase === undefined ? {} : { phase }),
    ...(details === undefined ? {} : { details }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(isObject(data) && !Array.isArray(data) ? { data: { ...data } } : {}),
    traceId: nameOf(own(given, 'traceId')) ?? '',
  };
}

function detailsOf(given: unknown): readonly ErrorDetail[] | undefined {
  if (!Array.isArray(given)) return undefined;
  return given.slice(0, MAX_DETAILS).flatMap((one) => {
    const [path, message, suggestion] = [own(one, 'path'), own(one, 'message'), own(one, 'suggestion')];
    if (typeof path !== 'string' || typeof message !== 'string') return [];
    return {
      path: path.slice(0, MAX_TEXT),
      message: message.slice(0, MAX_TEXT),
      ...(typeof suggestion === 'string' ? { suggestion: suggestion.slice(0, MAX_TEXT) } : {}),
    };
  });
}

/** The wire has the status only. Of two kinds with the same one: the caller's input rather than the host's configuration. */
function kindOfStatus(status: number, { plugin }: ErrorBody): ErrorKind {
  if (status === STATUS_BY_KIND.invariant) return plugin === undefined ? 'invariant' : 'plugin';
  const found = (Object.keys(STATUS_BY_KIND) as ErrorKind[]).find((kind) => kind !== 'config' && STATUS_BY_KIND[kind] === status);
  return found ?? (status < 500 ? 'input' : 'invariant');
}

function own(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function nameOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, MAX_NAME) : undefined;
}

function patience(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= MAX_RETRY_MS ? value : undefined;
}

function secondsOf(header: string | null): number | undefined {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : undefined;
}
