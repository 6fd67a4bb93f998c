import type { z } from 'zod';

export const CRITICALITIES = ['critical', 'degraded', 'best_effort', 'bulk'] as const;
/** How much a call matters when there is not room for all; `bulk` goes first, `critical` last. */
export type Criticality = (typeof CRITICALITIES)[number];

export const ROLES = ['reader', 'operator', 'admin'] as const;
/** Each role may do what the one before it may. */
export type Role = (typeof ROLES)[number];

export const EFFORTS = ['work', 'view', 'wait'] as const;
/**
 * What a call is to the limits of its tenant and user. `work` takes one of their places. `view` is over in a moment (it looks something
 * up, or cancels) and `wait` waits for what is limited elsewhere: neither takes a place, so that who has all of them busy can still
 * look, wait and cancel. A tenant or user may have ten of either for each of its places.
 */
export type Effort = (typeof EFFORTS)[number];

/** What a caller may have done on its behalf. A handler that calls on, now or later, hands it on. */
export interface CallAuthority {
  readonly role: Role;
  /** Whether it may start operations that run commands on this machine. */
  readonly runsCommands: boolean;
  /** The one tenant whose things it may see and change, and in whose name it may call; absent: any. */
  readonly tenant?: string;
}

/** The host and its plugins: they are trusted code. */
export const FULL_AUTHORITY: CallAuthority = Object.freeze({ role: 'admin', runsCommands: true });

/** What a handler knows about the call it serves. */
export interface OperationCall {
  readonly operation: string;
  readonly tenant: string;
  readonly user: string;
  readonly criticality: Criticality;
  /** `IClock.monotonicMs()` at which the caller stops waiting; `Infinity` when it never does. */
  readonly deadlineAt: number;
  /** Aborts with `DeadlineError` or `CancelledError` as reason. A handler must stop its work when it does. */
  readonly signal: AbortSignal;
  readonly idempotencyKey?: string;
  readonly traceId: string;
  /** What to send along as the header of this name (W3C Trace Context); absent where nobody traces this call. */
  readonly traceparent?: string;
  readonly authority: CallAuthority;
}

/**
 * What a handler gives to the calls it makes for its own caller: the same time left, signal, tenant, user, criticality, trace and
 * authority. No idempotency key: one key stands for one piece of work, so a nested call needs another, or none.
 *
 * @example await operations.call('compute.invoke', input, callOptionsFrom(call));
 */
export function callOptionsFrom(call: OperationCall): CallOptions {
  const { tenant, user, criticality, deadlineAt, signal, traceId, traceparent, authority } = call;
  const options = { tenant, user, criticality, deadlineAt, signal, traceId, authority };
  return traceparent === undefined ? options : { ...options, traceparent };
}

/** How a call says that it ran out of time, whoever noticed it. `what` begins a sentence; `where` says what took the time, if that is known. */
export function deadlineText(what: string, where?: string): string {
  return `${what} did not end before its deadline${where === undefined ? '' : ` (${where})`}: give it more time or less work.`;
}

/**
 * Who sees to it that a repeated call (same `idempotencyKey`, tenant, user and operation) does its work once. `host`: the first answer
 * is kept and given again. `handler`: the operation changes nothing twice by itself, or knows keys.
 */
export type Idempotency = 'host' | 'handler';

/**
 * A named, typed piece of work. Once provided it is at `POST /v1/operations/<name>`, in the OpenAPI document,
 * in `bellows call <name>` and open to other plugins.
 */
export interface OperationDefinition<I = unknown, O = unknown> {
  /** `<plugin id>.<verb>`; a plugin provides names under its own id only. */
  readonly name: string;
  /** One sentence for listings. */
  readonly summary: string;
  /** Unknown keys should be refused: use `z.strictObject`. */
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  /** Called with a valid input. Its answer is checked too: one that does not fit `output` is the plugin's fault (500). */
  handler(input: I, call: OperationCall): Promise<O>;
  /** Runs commands on this machine: callers over HTTP need the host's token even on loopback. Default false. */
  readonly runsCommands?: boolean;
  /** The least role where the host has roles. Default `operator`; `reader` for operations that change nothing. */
  readonly role?: Role;
  /** Default `host`; `handler` where the role is `reader`, because what changes nothing may be done again. */
  readonly idempotency?: Idempotency;
  /** Default `work`. */
  readonly effort?: Effort;
}

export interface CallOptions {
  readonly tenant?: string;
  readonly user?: string;
  readonly criticality?: Criticality;
  /** From now on. */
  readonly deadlineMs?: number;
  /** On `IClock.monotonicMs()`, as in `OperationCall`. Of two deadlines the earlier holds. */
  readonly deadlineAt?: number;
  readonly signal?: AbortSignal;
  /**
   * Names this piece of work. A second call with the key (of the same tenant, user and operation) answers what the first one answered, or
   * waits for it; with another input it is refused (`IDEMPOTENCY_KEY_REUSED`).
   */
  readonly idempotencyKey?: string;
  /** False: the caller keeps answers itself, so the key is for the handler only. Default true. */
  readonly keepAnswer?: boolean;
  readonly traceId?: string;
  /** The span on whose behalf this call is made (W3C Trace Context). Anything malformed is ignored. */
  readonly traceparent?: string;
  /** Default: all. Give that of the call on whose behalf this one is made. */
  readonly authority?: CallAuthority;
}

/** What a caller needs for an operation. */
export interface OperationRules {
  readonly role: Role;
  readonly runsCommands: boolean;
}

export interface OperationInfo extends OperationRules {
  /** What a call is to the limits of its tenant and user. */
  readonly effort: Effort;
  readonly name: string;
  readonly plugin: string;
  readonly summary: string;
  /** JSON Schemas (draft 2020-12). */
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

/** How plugins offer work and use each other without importing each other. */
export interface IOperations {
  /** `PluginError` (`OPERATION_NAME_TAKEN`, `OPERATION_NAME_FOREIGN`) at once. Withdrawn when the plugin stops. */
  provide<I, O>(definition: OperationDefinition<I, O>): Disposable;
  /**
   * Validates, applies deadline, limits and criticality, and calls the handler.
   * Rejects with a Bellows error only: `NotFoundError` (`OPERATION_UNKNOWN`), `InputError` (`INPUT_INVALID`, with details),
   * `ForbiddenError` (`ROLE_TOO_LOW`, `COMMANDS_FORBIDDEN`, `TENANT_FORBIDDEN`) where `authority` does not reach, `DeadlineError`, `CancelledError`,
   * `CapacityError`, or what the handler threw (anything else becomes a `PluginError`).
   */
  call<O = unknown>(name: string, input: unknown, options?: CallOptions): Promise<O>;
  /** Sorted by name. The first listing makes the JSON Schemas of all; to look one up ask `rulesOf`. */
  list(): readonly OperationInfo[];
  /**
   * What a caller of `name` needs, also while its plugin is being started again; undefined where nobody provides it. Cheap, and true for
   * this moment only: plugins come and go.
   */
  rulesOf(name: string): OperationRules | undefined;
}
