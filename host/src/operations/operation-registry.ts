import {
  type CallAuthority,
  type CallOptions,
  CapacityError,
  type Criticality,
  DeadlineError,
  type IClock,
  type ILogger,
  type IOperations,
  type IRandom,
  isBellowsError,
  type OperationDefinition,
  type OperationInfo,
  type OperationRules,
  PluginError,
  ROLES,
  type Role,
  systemRandom,
} from '@bellows/sdk';
import { AbsentOperations } from './absent-operations.js';
import { ActiveCall, followCaller } from './active-call.js';
import { CallLimits, type CallLimitsOptions, type TenantsConfig } from './call-limits.js';
import { DeadlineWheel } from './deadline-wheel.js';
import { commandsForbiddenError, endedByStopError, roleTooLowError, stoppingError, unknownOperationError } from './operation-errors.js';
import { OperationMetrics } from './operation-metrics.js';
import { jsonSchemaOf, validInput, validOutput } from './operation-schemas.js';
import { newTraceId } from './trace-id.js';

export interface OperationRegistryOptions extends CallLimitsOptions {
  readonly clock: IClock;
  readonly logger: ILogger;
  /** For trace ids and for spreading retries. */
  readonly random?: IRandom;
  /** How hard the subsystems of a plugin push back now: 0 normal, 1 warning, 2 critical, 3 shedding. Default: never. */
  readonly pressure?: (plugin: string) => number;
}

/** What a plugin has in the registry between its start and its stop. */
interface PluginScope {
  readonly id: string;
  readonly signal: AbortSignal;
  /** Each with how to give its places back; a call whose caller has gone stays until its handler has ended. */
  readonly running: Map<ActiveCall, () => void>;
  stopping: boolean;
  readonly onIdle: Set<() => void>;
}

interface Provided {
  readonly plugin: string;
  readonly definition: OperationDefinition;
  readonly scope: PluginScope;
  info?: OperationInfo;
}

/** From which level of backpressure on each class is refused; a class not named never is, its subsystem's queue decides. */
const SHED_FROM_LEVEL: Partial<Readonly<Record<Criticality, number>>> = { bulk: 2, best_effort: 3 };
/** Retries of refused calls are spread over half of this to three halves of it, so that they do not come back together. */
const SHED_RETRY_MS = 1_000;
const NOTHING_TO_DO = () => {};
const NAME = /^[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)+$/;

/**
 * Every operation of the host, and the one path all calls take, from HTTP, the command line or another plugin.
 * `idempotencyKey` is handed to the handler; answers are not kept here, so whether a repeated call does its work again is the
 * handler's to decide.
 */
export class OperationRegistry implements Omit<IOperations, 'provide'> {
  readonly metrics = new OperationMetrics();
  readonly #clock: IClock;
  readonly #logger: ILogger;
  readonly #random: IRandom;
  readonly #pressure: (plugin: string) => number;
  readonly #limits: CallLimits;
  readonly #deadlines: DeadlineWheel;
  readonly #provided = new Map<string, Provided>();
  readonly #scopes = new Map<string, PluginScope>();
  readonly #absent = new AbsentOperations();

  constructor(options: OperationRegistryOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#random = options.random ?? systemRandom;
    this.#pressure = options.pressure ?? (() => 0);
    this.#limits = new CallLimits(options);
    this.#deadlines = new DeadlineWheel(options.clock);
  }

  /** Look up → admit → validate → run until deadline or cancellation → validate the answer → count. See `IOperations.call`. */
  async call<O = unknown>(name: string, input: unknown, options: CallOptions = {}): Promise<O> {
    const provided = this.#lookUp(name);
    const call = this.#open(name, options);
    demandAuthority(provided.definition, call.authority);
    const startedAt = this.#clock.monotonicMs();
    let outcome: Parameters<OperationMetrics['ended']>[1] = 'ok';
    let leave = NOTHING_TO_DO;
    this.metrics.began(name);
    try {
      leave = this.#admit(provided, call, options.signal);
      const valid = validInput(provided, input);
      const output = await call.settle(() => provided.definition.handler(valid, call));
      return validOutput(provided, output) as O;
    } catch (error) {
      const failure = isBellowsError(error) ? error : this.#unexpected(provided, call, error);
      outcome = failure.kind;
      throw failure;
    } finally {
      leave();
      this.metrics.ended(name, outcome, this.#clock.monotonicMs() - startedAt);
    }
  }

  /** Sorted by name. */
  list(): readonly OperationInfo[] {
    return [...this.#provided.values()].map(describe).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  rulesOf(name: string): OperationRules | undefined {
    const provided = this.#provided.get(name);
    return provided && rulesOf(provided.definition);
  }

  setTenants(tenants: TenantsConfig): void {
    this.#limits.setTenants(tenants);
  }

  /**
   * What a plugin gets: it provides under its own name only, and calls everything. One view per start of a plugin;
   * once `signal` has aborted its operations answer `OPERATION_STOPPING` and it can provide no more.
   */
  forPlugin(pluginId: string, signal: AbortSignal): IOperations {
    const scope: PluginScope = { id: pluginId, signal, running: new Map(), stopping: false, onIdle: new Set() };
    this.#scopes.set(pluginId, scope);
    return {
      provide: (definition) => this.#provide(scope, definition as unknown as OperationDefinition),
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
    const scope = this.#scopes.get(pluginId);
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
    const scope = this.#scopes.get(pluginId);
    if (!scope) return;
    scope.stopping = true;
    for (const [name, provided] of this.#provided) if (provided.scope === scope) this.#provided.delete(name);
    this.#scopes.delete(pluginId);
    abortAll(scope);
  }

  /** From now on calls of what the plugin provides hear that it comes back, while it is away. */
  expect(pluginId: string): void {
    const names = [...this.#provided.values()].filter(({ plugin }) => plugin === pluginId).map(({ definition }) => definition.name);
    this.#absent.note(pluginId, names);
  }

  /** The plugin has come back, or does not any more. */
  expectNoMore(pluginId: string): void {
    this.#absent.forget(pluginId);
  }

  #provide(scope: PluginScope, definition: OperationDefinition): Disposable {
    const { name } = definition;
    const plugin = scope.id;
    if (!NAME.test(name) || !name.startsWith(`${plugin}.`)) {
      throw new PluginError(
        'OPERATION_NAME_FOREIGN',
        `Plugin ${plugin} provides the operation ${JSON.stringify(name)}: the name must be "${plugin}." and a word.`,
        { plugin, phase: 'activate' },
      );
    }
    if (this.#provided.has(name)) {
      throw new PluginError('OPERATION_NAME_TAKEN', `The operation ${name} is provided already: provide it once.`, {
        plugin,
        phase: 'activate',
      });
    }
    if (scope.stopping || scope.signal.aborted) throw stoppingError(name, plugin);
    const provided: Provided = { plugin, definition, scope };
    this.#provided.set(name, provided);
    return {
      [Symbol.dispose]: () => {
        if (this.#provided.get(name) === provided) this.#provided.delete(name);
      },
    };
  }

  #lookUp(name: string): Provided {
    const provided = this.#provided.get(name);
    if (provided) return provided;
    this.#absent.demandNotAbsent(name);
    throw unknownOperationError(name, [...this.#provided.keys()]);
  }

  #open(operation: string, options: CallOptions): ActiveCall {
    const { deadlineMs = Number.POSITIVE_INFINITY } = options;
    const deadlineAt = this.#clock.monotonicMs() + deadlineMs;
    return new ActiveCall({ operation, options, deadlineAt, traceId: options.traceId ?? newTraceId(this.#random) });
  }

  /** Refuses what there is no room for, else takes a place and starts the deadline. Returns how to give all that back. */
  #admit(provided: Provided, call: ActiveCall, callerSignal: AbortSignal | undefined): () => void {
    const { scope, plugin } = provided;
    if (scope.stopping || scope.signal.aborted) throw stoppingError(call.operation, plugin);
    this.#shed(plugin, call);
    const release = this.#limits.take(call.tenant, call.user);
    const unfollow = followCaller(call, callerSignal);
    const cancelDeadline = this.#watchDeadline(call);
    const free = () => {
      release();
      if (scope.running.delete(call) && scope.running.size === 0) for (const tell of scope.onIdle) tell();
    };
    scope.running.set(call, free);
    return () => {
      cancelDeadline();
      unfollow();
      // Who calls and goes away must not get more work done at once than the limits say.
      call.afterWork(free);
    };
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
      call.abort(
        new DeadlineError('DEADLINE_EXCEEDED', `${call.operation} did not end before its deadline: give it more time or less work.`, {
          phase: 'call',
        }),
      );
    // Also NaN counts as passed.
    if (!(call.deadlineAt > this.#clock.monotonicMs())) {
      expire();
      return NOTHING_TO_DO;
    }
    return this.#deadlines.add(call.deadlineAt, expire);
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

/** Also handlers that ignore their signal lose their places here: a plugin that is gone must hold none. */
function abortAll(scope: PluginScope): number {
  const left = [...scope.running];
  for (const [call, free] of left) {
    call.abort(endedByStopError(call.operation, scope.id));
    free();
  }
  return left.length;
}

function rulesOf({ role = 'operator', runsCommands = false }: OperationDefinition): OperationRules {
  return { role, runsCommands };
}

/**
 * The edges have checked their callers; this is for calls that were started for somebody and are made later, by a plugin. What it
 * kept meanwhile may come back damaged: that reaches nothing.
 */
function demandAuthority(definition: OperationDefinition, authority: CallAuthority | null): void {
  const { role, runsCommands } = rulesOf(definition);
  const given = authority?.role as Role;
  if (ROLES.indexOf(given) < ROLES.indexOf(role)) throw roleTooLowError(definition.name, role, given);
  if (runsCommands && authority?.runsCommands !== true) throw commandsForbiddenError(definition.name);
}

/** Schemas are turned into JSON Schema when somebody first asks: it costs more than all else at start. */
function describe(provided: Provided): OperationInfo {
  const { definition, plugin } = provided;
  provided.info ??= Object.freeze({
    name: definition.name,
    plugin,
    summary: definition.summary,
    ...rulesOf(definition),
    input: jsonSchemaOf(definition.input, 'input'),
    output: jsonSchemaOf(definition.output, 'output'),
  });
  return provided.info;
}
