import { type CallAuthority, type ErrorDetail, type IOperations, ROLES } from '@bellows/sdk';
import { NearestName } from '../definitions/nearest-name.js';
import type { Pipeline } from '../definitions/pipeline.js';
import { type LookUpPipeline, rememberedLookUp } from '../definitions/pipeline-depth.js';
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

  /** `DEFINITION_INVALID` that names every stage whose operation is not there, with the nearest name. */
  checkKnown(pipeline: Pipeline): void {
    const missing = this.#usesOf(pipeline).operations.filter(({ operation }) => this.#operations.rulesOf(operation) === undefined);
    if (missing.length === 0) return;
    const nearest = new NearestName();
    const names = this.#operations.list().map(({ name }) => name);
    const details = missing.slice(0, MAX_DETAILS).map((use) => unknownOperation(use, nearest.find(use.operation, names)));
    const more = missing.length === 1 ? '' : ` (and ${missing.length - 1} more, see details)`;
    const [first] = details;
    throw workflowError('DEFINITION_INVALID', `"${pipeline.name}" cannot be used: ${first!.path}: ${first!.message}${more}`, {
      phase: 'validate',
      details,
    });
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
      : 'runs commands on this machine; whoever starts this run gave no token that may';
    throw workflowError('STAGE_FORBIDDEN', `The workflow "${name}" calls ${operation} (${path}), which ${why}`, {
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

const MAX_DETAILS = 1_000;

/** Each operation once, at the first stage that calls it. */
function usesOf(pipeline: Pipeline): Uses {
  const children: { name: string; version: number | null }[] = [];
  const uses = new Map<string, Use>();
  const add = (operation: string, path: string) => {
    if (!uses.has(operation)) uses.set(operation, { operation, path });
  };
  for (const { index, operation, compensation, workflow } of pipeline.stages) {
    if (workflow !== null) children.push(workflow);
    if (operation !== null) add(operation, `stages[${index}].operation`);
    if (compensation !== null && 'operation' in compensation.action)
      add(compensation.action.operation, `stages[${index}].compensate.operation`);
  }
  return { operations: [...uses.values()], children };
}

function unknownOperation({ path, operation }: Use, nearest: string | undefined): ErrorDetail {
  const message = `there is no operation "${operation}"`;
  return nearest === undefined ? { path, message } : { path, message: `${message}; did you mean "${nearest}"?`, suggestion: nearest };
}
