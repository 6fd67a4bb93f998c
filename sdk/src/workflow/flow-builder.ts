import { InputError } from '../errors.js';
import type { FlowOutput } from './flow.js';
import type { StageFunction } from './stage-call.js';
import type { After, StageRef } from './stage-ref.js';
import { unknownOptions } from './unknown-options.js';
import type {
  CompensationDefinition,
  InputFunction,
  OutputDefinition,
  RetryOptions,
  StageDefinition,
  UnknownOption,
} from './workflow-definition.js';

/** The options of all kinds of stages, as they are without their types. */
interface GivenOptions {
  readonly after?: After;
  readonly input?: InputFunction;
  readonly retry?: RetryOptions;
  readonly timeoutMs?: number;
  readonly compensate?: GivenCompensation;
}

interface GivenCompensation {
  readonly operation?: string;
  readonly run?: StageFunction;
  readonly input?: InputFunction;
  readonly retry?: RetryOptions;
  readonly timeoutMs?: number;
}

type Time<T> = T | InputFunction;

/** What is behind `Flow`: collects what is said as plain data. */
export class FlowBuilder {
  readonly #workflow: string;
  readonly #stages: StageDefinition[] = [];
  readonly #refs = new WeakSet<object>();
  readonly #unknown: UnknownOption[] = [];
  #output: OutputDefinition | null = null;
  #finished = false;

  constructor(workflow: string) {
    this.#workflow = workflow;
  }

  operation(name: string, options: GivenOptions & { readonly operation: string }): StageRef {
    this.#check('operation', options);
    return this.#add({ name, kind: 'operation', operation: options.operation }, options);
  }

  run(name: string, options: GivenOptions & { readonly run: StageFunction }): StageRef {
    this.#check('run', options);
    return this.#add({ name, kind: 'run', run: options.run }, options);
  }

  workflow(name: string, options: GivenOptions & { readonly workflow: string | Named; readonly version?: number }): StageRef {
    this.#check('workflow', options);
    const { workflow, version = null } = options;
    const child = typeof workflow === 'string' ? { name: workflow, version } : { name: workflow.name, version: workflow.version };
    return this.#add({ name, kind: 'workflow', workflow: Object.freeze(child) }, options);
  }

  timer(name: string, options: { readonly after?: After; readonly ms?: Time<number>; readonly until?: Time<number> }): StageRef {
    this.#check('timer', options);
    const { after = {}, ms, until } = options;
    if (typeof ms === 'function') return this.#add({ name, kind: 'timer' }, { after, input: ms });
    if (typeof until === 'function') return this.#add({ name, kind: 'timer' }, { after, input: (inputs) => ({ until: until(inputs) }) });
    return this.#add({ name, kind: 'timer', timer: ms ?? Object.freeze({ until: until ?? Number.NaN }) }, { after });
  }

  signal(name: string, options: { readonly after?: After; readonly signal?: string; readonly timeoutMs?: number } = {}): StageRef {
    this.#check('signal', options);
    return this.#add({ name, kind: 'signal', signal: options.signal ?? name }, options);
  }

  output(after: After, of: InputFunction): FlowOutput {
    this.#checkOpen('its output');
    this.#output = Object.freeze({ after: this.#namesOf('its output', after), of });
    return Object.freeze({ output: Object.freeze({}) });
  }

  /** Nothing can be added any more. */
  finish(returned: unknown): FinishedFlow {
    this.#finished = true;
    if (typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function') {
      throw this.#invalid(
        'the function that builds it is asynchronous: stages are said at once, what takes time belongs into their functions',
      );
    }
    return { stages: Object.freeze(this.#stages), output: this.#output, unknown: this.#unknown };
  }

  #add(own: Pick<StageDefinition, 'name' | 'kind'> & Partial<StageDefinition>, options: GivenOptions): StageRef {
    const { name } = own;
    this.#checkOpen(`the stage "${name}"`);
    const { after = {}, input = null, retry = null, timeoutMs = null, compensate } = options;
    this.#stages.push(
      Object.freeze({
        operation: null,
        run: null,
        workflow: null,
        signal: null,
        timer: null,
        ...own,
        after: this.#namesOf(`the stage "${name}"`, after),
        input,
        retry,
        timeoutMs,
        compensate: compensate === undefined ? null : compensationOf(compensate),
      }),
    );
    const ref = Object.freeze({ name }) as StageRef;
    this.#refs.add(ref);
    return ref;
  }

  /** Of the stage that is added next. */
  #check(kind: StageDefinition['kind'], options: GivenOptions): void {
    const path = `stages[${this.#stages.length}]`;
    this.#unknown.push(...unknownOptions(path, options, kind));
    const { compensate } = options;
    if (compensate !== undefined) this.#unknown.push(...unknownOptions(`${path}.compensate`, compensate, 'compensate'));
  }

  #namesOf(what: string, after: After): StageDefinition['after'] {
    const names = Object.entries(after).map(([key, value]) => {
      if (key === 'input' || key === 'output') throw this.#invalid(`${what} names something in \`after\` "${key}", which is taken`);
      const nameOf = (ref: StageRef) => {
        if (typeof ref === 'object' && ref !== null && this.#refs.has(ref)) return ref.name;
        throw this.#invalid(`${what} has something in \`after.${key}\` that is no stage of this workflow`);
      };
      return [key, isList(value) ? Object.freeze(value.map(nameOf)) : nameOf(value)] as const;
    });
    return Object.freeze(Object.fromEntries(names));
  }

  #checkOpen(what: string): void {
    if (this.#finished) throw this.#invalid(`${what} is added after the definition has ended`);
  }

  #invalid(problem: string): InputError {
    return new InputError('FLOW_INVALID', `The workflow "${this.#workflow}" cannot be defined: ${problem}`);
  }
}

interface FinishedFlow {
  readonly stages: readonly StageDefinition[];
  readonly output: OutputDefinition | null;
  readonly unknown: readonly UnknownOption[];
}

interface Named {
  readonly name: string;
  readonly version: number;
}

function isList(value: StageRef | readonly StageRef[]): value is readonly StageRef[] {
  return Array.isArray(value);
}

function compensationOf({ operation, run, input, retry, timeoutMs }: GivenCompensation): CompensationDefinition {
  return Object.freeze({
    operation: operation ?? null,
    run: run ?? null,
    input: input ?? null,
    retry: retry ?? null,
    timeoutMs: timeoutMs ?? null,
  });
}
