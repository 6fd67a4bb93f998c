import type { Flow, FlowOutput } from './flow.js';
import { FlowBuilder } from './flow-builder.js';
import type { TypeOf } from './stage-ref.js';
import { type InputSchema, WORKFLOW_BRAND, type WorkflowDefinition } from './workflow-definition.js';

/** `I` is what stages see of the input, `G` what is given at the start: the schema may fill in defaults. */
export interface WorkflowOptions<I, G = I> {
  readonly name: string;
  /** From 1. A changed workflow needs another one: runs finish on the version they began with. Default 1. */
  readonly version?: number;
  /** Checks the input of every run, and gives its type. A schema of zod will do; with `type<…>()` there is the type and no check. */
  readonly input?: InputSchema<I, G> | TypeOf<I>;
  /** Refuses the workflow when its longest chain of stages is longer; the host has a limit of its own. */
  readonly maxDepth?: number;
}

/**
 * Defines a workflow. Export the result from a file that `definitions` of the plugin workflow names. `build` is called once, at once,
 * and only says what stages there are; their functions are called when a run gets there. Everything else about it is checked when the
 * file is loaded. Throws `FLOW_INVALID` for a stage of another workflow in `after`, and for a `build` that is asynchronous.
 *
 * @example
 * export const order = defineWorkflow({ name: 'order', input: z.object({ cents: z.int() }) }, (flow) => {
 *   const charge = flow.run('charge', {
 *     run: ({ input }, call) => pay(input.cents, call.idempotencyKey),
 *     compensate: { run: ({ output }) => refund(output.id) },
 *   });
 *   return flow.output({ charge }, ({ charge }) => ({ payment: charge.id }));
 * });
 */
export function defineWorkflow<I = unknown, O = unknown, G = I>(
  options: WorkflowOptions<I, G>,
  build: (flow: Flow<I>) => FlowOutput<O> | undefined,
): WorkflowDefinition<G, O> {
  const builder = new FlowBuilder(options.name);
  const { stages, output } = builder.finish(build(builder as unknown as Flow<I>));
  const { name, version = 1, maxDepth = null } = options;
  // a schema may be an object or a function; what `type()` made has nothing to call
  const schema = options.input as InputSchema<I> | undefined;
  const input = schema?.parse === undefined ? null : schema;
  return Object.freeze({ [WORKFLOW_BRAND]: 1 as const, name, version, maxDepth, input, stages, output });
}
