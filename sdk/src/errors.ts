/** Who must act on an error; the HTTP status and the exit code of the CLI follow from it. */
export type ErrorKind =
  | 'config'
  | 'input'
  | 'not_found'
  | 'unauthenticated'
  | 'forbidden'
  | 'guest'
  | 'plugin'
  | 'not_ready'
  | 'refused'
  | 'capacity'
  | 'deadline'
  | 'cancelled'
  | 'invariant';

export interface ErrorDetail {
  /** Where: `plugins.compute.config.defaultMaxPages`, or a path in a body. */
  readonly path: string;
  readonly message: string;
  /** What would be right: the nearest known name, the allowed values. */
  readonly suggestion?: string;
}

export interface ErrorOptions {
  readonly plugin?: string;
  /** `validate`, `activate`, `stop`, `call`, … */
  readonly phase?: string;
  readonly details?: readonly ErrorDetail[];
  /** Only where the work was not begun: callers repeat it for this. */
  readonly retryAfterMs?: number;
  /** Numbers and names for programs: `{ fuelUsed: '1000' }`. Merged into the JSON beside `details`. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Where the kind's usual status does not fit (413 for a body too large). */
  readonly status?: number;
}

const BRAND: unique symbol = Symbol.for('bellows/error') as never;

/**
 * The base of every error that crosses a border. `message` says what happened, where, and what to do, in that order.
 * Test with `isBellowsError` or `isKind`, never with `instanceof`: two copies of this package may be loaded.
 */
export class BellowsError extends Error {
  readonly [BRAND] = 1;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly plugin?: string;
  readonly phase?: string;
  readonly details?: readonly ErrorDetail[];
  readonly retryAfterMs?: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly status: number;

  constructor(kind: ErrorKind, code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = `${kind.replace(/(^|_)([a-z])/g, (_match, _bar, letter: string) => letter.toUpperCase())}Error`;
    this.kind = kind;
    this.code = code;
    this.status = options.status ?? STATUS_BY_KIND[kind];
    if (options.plugin !== undefined) this.plugin = options.plugin;
    if (options.phase !== undefined) this.phase = options.phase;
    if (options.details !== undefined) this.details = options.details;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.data !== undefined) this.data = options.data;
  }
}

/** The HTTP status of each kind; a single error may carry another one. */
export const STATUS_BY_KIND: Readonly<Record<ErrorKind, number>> = Object.freeze({
  config: 400,
  input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  refused: 409,
  guest: 422,
  capacity: 429,
  cancelled: 499,
  plugin: 500,
  invariant: 500,
  not_ready: 503,
  deadline: 504,
});

/** With its type in words: inferred, it would name what only Node.js has, and browsers use these errors too. */
function kindOf(kind: ErrorKind): new (code: string, message: string, options?: ErrorOptions) => BellowsError {
  return class extends BellowsError {
    constructor(code: string, message: string, options?: ErrorOptions) {
      super(kind, code, message, options);
    }
  };
}

/** The operator: change the configuration. */
export class ConfigError extends kindOf('config') {}
/** The caller: change the input. */
export class InputError extends kindOf('input') {}
/** The caller: no such name. */
export class NotFoundError extends kindOf('not_found') {}
/** The caller: say who you are. */
export class UnauthenticatedError extends kindOf('unauthenticated') {}
/** The caller: not with these rights. */
export class ForbiddenError extends kindOf('forbidden') {}
/** Whoever wrote the guest code or the job. */
export class GuestError extends kindOf('guest') {}
/** The author of a plugin. */
export class PluginError extends kindOf('plugin') {}
/** Nobody, only time: try again after `retryAfterMs`. */
export class NotReadyError extends kindOf('not_ready') {}
/** The operator, informed: it was understood and not done; nothing changed. */
export class RefusedError extends kindOf('refused') {}
/** The caller: slow down, try again after `retryAfterMs`. */
export class CapacityError extends kindOf('capacity') {}
/** The caller: the time given was not enough. */
export class DeadlineError extends kindOf('deadline') {}
/** Nobody: the caller went away. */
export class CancelledError extends kindOf('cancelled') {}
/** Us: this must not happen. */
export class InvariantError extends kindOf('invariant') {}

export function isBellowsError(value: unknown): value is BellowsError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === 1;
}

export function isKind(value: unknown, kind: ErrorKind): value is BellowsError {
  return isBellowsError(value) && value.kind === kind;
}

/** The text of anything that was thrown. Never throws itself. */
export function messageOf(error: unknown): string {
  try {
    if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
    return String(error);
  } catch {
    return 'an error that cannot be shown';
  }
}

/** The error as it goes over the wire: the `error` member of every HTTP answer that is not 2xx. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly plugin?: string;
  readonly phase?: string;
  readonly details?: readonly ErrorDetail[];
  readonly retryAfterMs?: number;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly traceId: string;
}

export function errorBody(error: BellowsError, traceId: string): ErrorBody {
  const { code, message, plugin, phase, details, retryAfterMs, data } = error;
  return {
    code,
    message,
    ...(plugin === undefined ? {} : { plugin }),
    ...(phase === undefined ? {} : { phase }),
    ...(details === undefined ? {} : { details }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(data === undefined ? {} : { data }),
    traceId,
  };
}
