import { type CallAuthority, type IOperations, ROLES } from '@bellows/sdk';
import { Faults } from '../definitions/faults.js';
import type { Pipeline } from '../definitions/pipeline.js';
import { type LookUpPipeline, rememberedLookUp } from '../definitions/pipeline-depth.js';
import type { KnownOperations } from '../definitions/stage-reader.js';
import { workflowError } from '../errors.js';

interface Use {
  /** Path in the definition. */
  readonly path: string;
  readonly operation: string;
}

interface Uses {
  readonly operations: readonly Use[];
  readonly children: readonly { readonly name: string; readonly version: number | null }[];
}

/** Which operations there are, and who may call those of a pipeline. */
export class OperationDirectory {
  readonly #operations: Pick<IOperations, 'list' | 'rulesOf'>;
  readonly #uses = new WeakMap<Pipeline, Uses>();

  constructor(operations: Pick<IOperations, 'list' | 'rulesOf'>) {
    this.#operations = operations;
  }

  /** For the compilation of what somebody defines now. */
  get known(): KnownOperations {
    const operations = this.#operations;
    return { has: (name) => operations.rulesOf(name) !== undefined, names: () => operations.list().map(({ name }) => name) };
  }

  /** `DEFINITION_INVALID` that names every stage whose operation is not there, with the nearest name. */
  checkKnown(pipeline: Pipeline): void {
    const { known } = this;
    const missing = this.#usesOf(pipeline).operations.filter(({ operation }) => !known.has(operation));
    if (missing.length === 0) return;
    const faults = new Faults();
    const names = known.names();
    for (const { path, operation } of missing)
      faults.addUnknown({ path, message: `there is no operation "${operation}"` }, operation, names);
    throw faults.error(`The definition of "${pipeline.name}"`)!;
  }

  /** `STAGE_FORBIDDEN` when the pipeline, or a child workflow of it, calls what `authority` may not call. */
  checkRights(pipeline: Pipeline, authority: CallAuthority, lookUp: LookUpPipeline): void {
    const seen = new Set([pipeline]);
    const childOf = rememberedLookUp(pipeline, lookUp);
    for (const one of seen) {
      const { operations, children } = this.#usesOf(one);
      for (const use of operations) this.#checkUse(one, use, authority);
      for (const { name, version } of children) seen.add(childOf(name, version));
    }
  }

  #checkUse({ name }: Pipeline, { path, operation }: Use, authority: CallAuthority): void {
    // one that is not there is told by `checkKnown`, and by the call
    const info = this.#operations.rulesOf(operation);
    if (info === undefined) return;
    const isRoleLow = ROLES.indexOf(authority.role) < ROLES.indexOf(info.role);
    if (!isRoleLow && (!info.runsCommands || authority.runsCommands)) return;
    const why = isRoleLow
      ? `needs the role ${info.role}; whoever starts this run has ${authority.role}`
      : 'runs commands on this machine: send "Authorization: Bearer" with the token of host.json (the CLI finds it with --data)';
    throw workflowError('STAGE_FORBIDDEN', `The workflow "${name}" calls ${operation} at ${path}, which ${why}`, {
      phase: 'call',
      details: [{ path, message: `${operation} ${why}` }],
    });
  }

  #usesOf(pipeline: Pipeline): Uses {
    let uses = this.#uses.get(pipeline);
    if (uses === undefined) {
      uses = usesOf(pipeline);
      this.#uses.set(pipeline, uses);
    }
    return uses;
  }
}

/** Each operation once, at the first stage that calls it. */
function usesOf(pipeline: Pipeline): Uses {
  const children: { name: string; version: number | null }[] = [];
  const uses = new Map<string, Use>();
  const add = (operation: string, path: string) => {
    if (!uses.has(operation)) uses.set(operation, { operation, path });
  };
  for (const { index, name, operation, compensation, workflow } of pipeline.stages) {
    const path = `stages[${index}] (${name})`;
    if (workflow !== null) children.push(workflow);
    if (operation !== null) add(operation, `${path}.operation`);
    if (compensation !== null && 'operation' in compensation.action) add(compensation.action.operation, `${path}.compensate.operation`);
  }
  return { operations: [...uses.values()], children };
}
