import {
  EFFORTS,
  type Effort,
  type OperationDefinition,
  type OperationInfo,
  type OperationRules,
  PluginError,
  type PluginStatus,
} from '@bellows/sdk';
import type { ActiveCall } from './active-call.js';
import { absentError, isDown, stoppingError, unavailableError, unknownOperationError } from './operation-errors.js';
import { jsonSchemaOf } from './operation-schemas.js';

/** What a plugin has in the registry between its start and its stop. */
export interface PluginScope {
  readonly id: string;
  readonly signal: AbortSignal;
  /** A call whose caller has gone stays until its handler has ended. */
  readonly running: Set<ActiveCall>;
  stopping: boolean;
  readonly onIdle: Set<() => void>;
}

export interface Provided {
  readonly plugin: string;
  readonly definition: OperationDefinition;
  readonly rules: OperationRules;
  /** Whether the host keeps the answers of calls that have a key. */
  readonly keepsAnswers: boolean;
  readonly effort: Effort;
  readonly scope: PluginScope;
  info?: OperationInfo;
}

const NAME = /^[A-Za-z][\w-]*(\.[A-Za-z][\w-]*)+$/;

/** Which operations there are, and who provides them. */
export class ProvidedOperations {
  readonly #provided = new Map<string, Provided>();
  readonly #scopes = new Map<string, PluginScope>();
  /** By plugin: what it provided before it was stopped to be started again. */
  readonly #absent = new Map<string, ReadonlyMap<string, OperationRules>>();
  readonly #statusOf: (plugin: string) => PluginStatus | undefined;

  /** `statusOf`: how a plugin of the configuration is. */
  constructor(statusOf: (plugin: string) => PluginStatus | undefined) {
    this.#statusOf = statusOf;
  }

  /** A plugin that is there already gets a new, empty scope: the old one belongs to a start that is over. */
  openScope(id: string, signal: AbortSignal): PluginScope {
    const scope: PluginScope = { id, signal, running: new Set(), stopping: false, onIdle: new Set() };
    this.#scopes.set(id, scope);
    return scope;
  }

  scopeOf(id: string): PluginScope | undefined {
    return this.#scopes.get(id);
  }

  closeScope(scope: PluginScope): void {
    scope.stopping = true;
    for (const [name, provided] of this.#provided) if (provided.scope === scope) this.#provided.delete(name);
    this.#scopes.delete(scope.id);
  }

  /** Sorted by name. */
  list(): readonly OperationInfo[] {
    return [...this.#provided.values()].map(describe).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Of one that is to come back, those it had. */
  rulesOf(name: string): OperationRules | undefined {
    const provided = this.#provided.get(name);
    if (provided) return provided.rules;
    for (const operations of this.#absent.values()) if (operations.has(name)) return operations.get(name);
    return undefined;
  }

  /** Adds what it provides now to what is expected of it. */
  expect(plugin: string): void {
    const now = [...this.#provided].flatMap(([name, provided]) => (provided.plugin === plugin ? [[name, provided.rules] as const] : []));
    this.#absent.set(plugin, new Map([...(this.#absent.get(plugin) ?? []), ...now]));
  }

  expectNoMore(plugin: string): void {
    this.#absent.delete(plugin);
  }

  /**
   * `NotFoundError` (`OPERATION_UNKNOWN`) with the nearest name; `NotReadyError` for one that is to come back (`OPERATION_STOPPING`), or
   * that belongs to a plugin which is down (`OPERATION_UNAVAILABLE`).
   */
  lookUp(name: string): Provided {
    const provided = this.#provided.get(name);
    if (provided) return provided;
    for (const [plugin, operations] of this.#absent) if (operations.has(name)) throw absentError(name, plugin);
    const owner = NAME.test(name) ? this.#statusOf(name.slice(0, name.indexOf('.'))) : undefined;
    if (owner !== undefined && isDown(owner)) throw unavailableError(name, owner);
    throw unknownOperationError(name, [...this.#provided.keys()]);
  }

  /** See `IOperations.provide`. */
  provide(scope: PluginScope, definition: OperationDefinition): Disposable {
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
    const { role = 'operator', runsCommands = false } = definition;
    const { idempotency = role === 'reader' ? 'handler' : 'host' } = definition;
    // A plugin in plain JavaScript may write anything.
    const effort = definition.effort !== undefined && EFFORTS.includes(definition.effort) ? definition.effort : 'work';
    const rules = Object.freeze({ role, runsCommands });
    const provided: Provided = { plugin, definition, rules, keepsAnswers: idempotency === 'host', effort, scope };
    this.#provided.set(name, provided);
    return {
      [Symbol.dispose]: () => {
        if (this.#provided.get(name) === provided) this.#provided.delete(name);
      },
    };
  }
}

/** Schemas are turned into JSON Schema when somebody first asks: it costs more than all else at start. */
function describe(provided: Provided): OperationInfo {
  const { definition, plugin, rules, effort } = provided;
  provided.info ??= Object.freeze({
    name: definition.name,
    plugin,
    summary: definition.summary,
    ...rules,
    effort,
    input: jsonSchemaOf(definition.input, 'input'),
    output: jsonSchemaOf(definition.output, 'output'),
  });
  return provided.info;
}
