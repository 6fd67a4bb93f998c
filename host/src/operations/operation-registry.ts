import {
  type BellowsError,
  type CallAuthority,
  type CallOptions,
  CapacityError,
  type Criticality,
  DeadlineError,
  deadlineText,
  type IClock,
  type ILogger,
  type IOperations,
  type IRandom,
  isBellowsError,
  type OperationDefinition,
  type OperationInfo,
  type OperationRules,
  PluginError,
  type PluginStatus,
  ROLES,
  type Role,
  systemRandom,
} from '@bellows/sdk';
import { ActiveCall, DEFAULT_CRITICALITY, DEFAULT_NAME, followCaller } from './active-call.js';
import { CallLimits, type CallLimitsOptions, type TenantsConfig } from './call-limits.js';
import { DeadlineWheel } from './deadline-wheel.js';
import { IdempotentCalls } from './idempotent-calls.js';
import type { KeptAnswers } from './kept-answers.js';
import { commandsForbiddenError, endedByStopError, roleTooLowError, stoppingError, tenantForbiddenError } from './operation-errors.js';
import { OperationMetrics } from './operation-metrics.js';
import { unconvertibleInput, validInput, validOutput } from './operation-schemas.js';
import { parseTraceparent, startSpan } from './operation-tracing.js';
import { type PluginScope, type Provided, ProvidedOperations } from './provided-operations.js';
import { newTraceId } from './trace-id.js';

export interface OperationRegistryOptions extends CallLimitsOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  /** For trace ids and for spreading retries. */
  readonly random?: IRandom;
  /** How hard the subsystems of a plugin push back now: 0 normal, 1 warning, 2 critical, 3 shedding. Default: never. */
  readonly pressure?: (plugin: string) => number;
  /** How a plugin of the configuration is now. Default: nothing is known of any. */
  readonly statusOf?: (plugin: string) => PluginStatus | undefined;
  /** Default: nothing is kept, and keys are for the handlers only. */
  readonly answers?: KeptAnswers;
}

/** What the edges say of a call beside what any caller may. */
export interface EdgeCallOptions extends CallOptions {
  /** It came from outside of this process. Told the trace it has got, before anything else happens. */
  readonly onTrace?: (traceId: string) => void;
}

/** From which level of backpressure on each class is refused; a class not named never is, its subsystem's queue decides. */
const SHED_FROM_LEVEL: Partial<Readonly<Record<Criticality, number>>> = { bulk: 2, best_effort: 3 };
/** Retries of refused calls are spread over half of this to three halves of it, so that they do not come back together. */
const SHED_RETRY_MS = 1_000;
const NOTHING_TO_DO = () => {};

/** Every operation of the host, and the one path all calls take, from HTTP, the command line or another plugin. */
export class OperationRegistry implements Omit<IOperations, 'provide'> {
  readonly metrics = new OperationMetrics();
  readonly #clock: IClock;
  readonly #logger: ILogger;
  readonly #random: IRandom;
  readonly #pressure: (plugin: string) => number;
  readonly #limits: CallLimits;
  readonly #deadlines: DeadlineWheel;
  readonly #idempotent: IdempotentCalls | undefined;
  readonly #provided: ProvidedOperations;

  constructor(options: OperationRegistryOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#random = options.random ?? systemRandom;
    this.#pressure = options.pressure ?? (() => 0);
    this.#provided = new ProvidedOperations(options.statusOf ?? (() => undefined));
    this.#limits = new CallLimits(options);
    this.metrics.refusals.setTenants(Object.keys(options.tenants ?? {}));
    this.#deadlines = new DeadlineWheel(options.clock);
    this.#idempotent = options.answers && new IdempotentCalls(options.answers);
  }

  /** Look up → rights → admit → validate → run until deadline or cancellation → validate the answer → count. See `IOperations.call`. */
  async call<O = unknown>(name: string, input: unknown, options: EdgeCallOptions = {}): Promise<O> {
    const provided = this.#provided.lookUp(name);
    const startedAt = this.#clock.monotonicMs();
    const call = this.#open(provided, options, startedAt);
    const meter = this.metrics.began(name);
    let failure: BellowsError | undefined;
    let leave = NOTHING_TO_DO;
    let isIn = false;
    try {
      demandAuthority(provided, call);
      leave = this.#begin(provided, call, options.signal);
      const place = this.#limits.take(call, provided.effort);
      call.hold(typeof place === 'function' ? place : await this.#placeFrom(place, provided, call));
      isIn = true;
      const valid = validInput(provided, input);
      return (await call.settle(() => this.#work(provided, call, { valid, options }))) as O;
    } catch (error) {
      failure = this.#faultOf(provided, call, { error, input });
      if (!isIn) this.metrics.refusals.count(call.tenant, failure.code);
      throw failure;
    } finally {
      leave();
      meter.ended(failure?.kind ?? 'ok', this.#clock.monotonicMs() - startedAt);
      call.span?.end(failure);
    }
  }

  /** Sorted by name. */
  list(): readonly OperationInfo[] {
    return this.#provided.list();
  }

  rulesOf(name: string): OperationRules | undefined {
    return this.#provided.rulesOf(name);
  }

  setTenants(tenants: TenantsConfig): void {
    this.#limits.setTenants(tenants);
    this.metrics.refusals.setTenants(Object.keys(tenants));
  }

  /**
   * What a plugin gets: it provides under its own name only, and calls everything. One view per start of a plugin;
   * once `signal` has aborted its operations answer `OPERATION_STOPPING` and it can provide no more.
   */
  forPlugin(pluginId: string, signal: AbortSignal): IOperations {
    const scope = this.#provided.openScope(pluginId, signal);
    return {
      provide: (definition) => this.#provided.provide(scope, definition as unknown as OperationDefinition),
      call: (name, input, options) => this.call(name, input, options),
      list: () => this.list(),
      rulesOf: (name) => this.rulesOf(name),
    };
  }

  /**
   * Takes no new calls for the plugin, waits until the handlers of its running ones have ended, and after `timeoutMs` ends the rest with
   * `OPERATION_STOPPING`. Answers how many those were. A plugin that is not known, or drained before, answers 0 at once; two drains at once both end with the last call.
   */
  async drain(pluginId: string, timeoutMs: number): Promise<number> {
    const scope = this.#provided.scopeOf(pluginId);
    if (!scope) return 0;
    scope.stopping = true;
    if (scope.running.size === 0) return 0;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.setTimer(timeoutMs, resolve);
      scope.onIdle.add(() => {
        cancel();
        resolve();
      });
    });
    return abortAll(scope);
  }

  /** Removes all the plugin provides and ends its running calls; `drain` first to let them end by themselves. */
  withdrawAll(pluginId: string): void {
    const scope = this.#provided.scopeOf(pluginId);
    if (!scope) return;
    this.#provided.closeScope(scope);
    abortAll(scope);
  }

  /** From now on calls of what the plugin provides hear that it comes back, while it is away. */
  expect(pluginId: string): void {
    this.#provided.expect(pluginId);
  }

  /** The plugin has come back, or does not any more. */
  expectNoMore(pluginId: string): void {
    this.#provided.expectNoMore(pluginId);
  }

  #open({ definition, plugin }: Provided, options: EdgeCallOptions, now: number): ActiveCall {
    const { deadlineMs = Number.POSITIVE_INFINITY, deadlineAt = Number.POSITIVE_INFINITY, traceparent, onTrace } = options;
    const operation = definition.name;
    const span = startSpan({
      operation,
      plugin,
      tenant: options.tenant ?? DEFAULT_NAME,
      criticality: options.criticality ?? DEFAULT_CRITICALITY,
      traceparent,
      isRemote: onTrace !== undefined,
    });
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const traceId = span?.traceId ?? parent?.traceId ?? options.traceId ?? newTraceId(this.#random);
    onTrace?.(traceId);
    return new ActiveCall({
      operation,
      options,
      deadlineAt: Math.min(deadlineAt, now + deadlineMs),
      traceId,
      traceparent: span?.traceparent ?? (parent && traceparent),
      span,
    });
  }

  /** Refuses what is not to be begun, else starts the deadline. Returns how to end all that. */
  #begin({ scope, plugin }: Provided, call: ActiveCall, callerSignal: AbortSignal | undefined): () => void {
    if (scope.stopping || scope.signal.aborted) throw stoppingError(call.operation, plugin);
    this.#shed(plugin, call);
    const unfollow = followCaller(call, callerSignal);
    const cancelDeadline = this.#watchDeadline(call);
    scope.running.add(call);
    return () => {
      cancelDeadline();
      unfollow();
      // Who calls and goes away must not get more work done at once than the limits say.
      call.afterWork(() => free(scope, call));
    };
  }

  /** Its plugin may have begun to stop while the call waited. */
  async #placeFrom(waiting: Promise<() => void>, { scope, plugin }: Provided, call: ActiveCall): Promise<() => void> {
    const release = await waiting;
    if (!scope.stopping && !scope.signal.aborted) return release;
    release();
    throw stoppingError(call.operation, plugin);
  }

  /** The handler's answer, valid; of an earlier call where this one has its key. */
  #work(
    provided: Provided,
    call: ActiveCall,
    { valid, options }: { readonly valid: unknown; readonly options: CallOptions },
  ): Promise<unknown> {
    if (call.idempotencyKey === undefined || !provided.keepsAnswers || options.keepAnswer === false || !this.#idempotent)
      return this.#handle(provided, call, valid);
    return this.#idempotent.run(call, valid, () => this.#handle(provided, call, valid));
  }

  async #handle(provided: Provided, call: ActiveCall, valid: unknown): Promise<unknown> {
    try {
      const { definition } = provided;
      const { span } = call;
      const output = await (span ? span.run(() => definition.handler(valid, call)) : definition.handler(valid, call));
      return validOutput(provided, output);
    } catch (error) {
      throw this.#faultOf(provided, call, { error, input: valid });
    }
  }

  #shed(plugin: string, call: ActiveCall): void {
    const from = SHED_FROM_LEVEL[call.criticality];
    if (from === undefined || this.#pressure(plugin) < from) return;
    throw new CapacityError('LOAD_SHED', `${plugin} is overloaded and takes no ${call.criticality} calls now: try again later.`, {
      plugin,
      phase: 'call',
      retryAfterMs: Math.round(SHED_RETRY_MS * (0.5 + this.#random.next())),
      data: { criticality: call.criticality },
    });
  }

  #watchDeadline(call: ActiveCall): () => void {
    if (call.deadlineAt === Number.POSITIVE_INFINITY) return NOTHING_TO_DO;
    const expire = () =>
      call.abort(new DeadlineError('DEADLINE_EXCEEDED', deadlineText(`The call of ${call.operation}`), { phase: 'call' }));
    // Also NaN counts as passed.
    if (!(call.deadlineAt > this.#clock.monotonicMs())) {
      expire();
      return NOTHING_TO_DO;
    }
    return this.#deadlines.add(call.deadlineAt, expire);
  }

  #faultOf(provided: Provided, call: ActiveCall, { error, input }: { readonly error: unknown; readonly input: unknown }): BellowsError {
    return isBellowsError(error) ? error : (unconvertibleInput(provided, input) ?? this.#unexpected(provided, call, error));
  }

  #unexpected({ plugin, definition }: Provided, call: ActiveCall, cause: unknown): PluginError {
    this.#logger.error('an operation threw an unexpected error', {
      plugin,
      operation: definition.name,
      traceId: call.traceId,
      error: cause,
    });
    return new PluginError(
      'HANDLER_THREW',
      `${definition.name} failed with an unexpected error: the log of the host has it under trace ${call.traceId}; tell the author of ${plugin}.`,
      { plugin, phase: 'call', cause },
    );
  }
}

function free(scope: PluginScope, call: ActiveCall): void {
  call.release();
  if (scope.running.delete(call) && scope.running.size === 0) for (const tell of scope.onIdle) tell();
}

/** Also handlers that ignore their signal lose their places here: a plugin that is gone must hold none. */
function abortAll(scope: PluginScope): number {
  const left = [...scope.running];
  for (const call of left) {
    call.abort(endedByStopError(call.operation, scope.id));
    free(scope, call);
  }
  return left.length;
}

/**
 * The edges have checked their callers; this is for calls that were started for somebody and are made later, by a plugin. What it
 * kept meanwhile may come back damaged: that reaches nothing.
 */
function demandAuthority({ definition, rules }: Provided, { tenant, authority: given }: ActiveCall): void {
  const authority = given as CallAuthority | null;
  const role = authority?.role as Role;
  if (ROLES.indexOf(role) < ROLES.indexOf(rules.role)) throw roleTooLowError(definition.name, rules.role, role);
  if (rules.runsCommands && authority?.runsCommands !== true) throw commandsForbiddenError(definition.name);
  if (authority?.tenant !== undefined && authority.tenant !== tenant) throw tenantForbiddenError(authority.tenant);
}
