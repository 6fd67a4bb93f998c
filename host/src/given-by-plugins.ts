import {
  EFFORTS,
  type ErrorDetail,
  isZodSchema,
  kindOfValue,
  type OperationDefinition,
  optionNames,
  optionProblems,
  PluginError,
  problemText,
  ROLES,
} from '@bellows/sdk';

/** `PluginError` (`OWNED_INVALID`) for what the end of the plugin could not release: found out then, nobody would know whose it is. */
export function demandOwned(plugin: string, owned: unknown): void {
  if (typeof owned === 'function') return;
  const { [Symbol.dispose]: dispose, [Symbol.asyncDispose]: asyncDispose } = (owned ?? {}) as Partial<Disposable & AsyncDisposable>;
  if (typeof dispose === 'function' || typeof asyncDispose === 'function') return;
  const advice =
    owned instanceof Promise ? 'await it first, and own what it gives' : 'give a function that releases it, such as () => server.close()';
  throw pluginError('OWNED_INVALID', plugin, `ctx.own was given ${kindOfValue(owned)}, which cannot be released: ${advice}`);
}

/** `PluginError` (`RECONFIGURE_INVALID`) for what cannot be called when options change. */
export function demandFunction(plugin: string, apply: unknown): void {
  if (typeof apply === 'function') return;
  throw pluginError(
    'RECONFIGURE_INVALID',
    plugin,
    `ctx.onReconfigure was given ${kindOfValue(apply)}: give a function, async (change) => { … }`,
  );
}

/** `PluginError` (`OPERATION_INVALID`) with every fault of a definition: found out at a call, or when somebody lists it, it would hurt others. */
export function demandOperation(plugin: string, definition: unknown): void {
  const name = (definition as Partial<OperationDefinition> | undefined)?.name;
  const called = typeof name === 'string' ? name : 'without a name';
  const problems = operationProblems(definition);
  if (problems.length === 0) return;
  throw pluginError('OPERATION_INVALID', plugin, `the operation ${called} cannot be provided: ${problemText(problems)}`, problems);
}

function operationProblems(definition: unknown): readonly ErrorDetail[] {
  const problems = [...optionProblems(definition, OPERATION_MEMBERS, 'operation')];
  if (typeof definition !== 'object' || definition === null) return problems;
  const { name, summary, input, output, handler, role, runsCommands, idempotency, effort } = definition as Partial<Record<string, unknown>>;
  const demand = (isGood: boolean, member: string, rule: string, value: unknown) => {
    if (!isGood) problems.push({ path: `operation.${member}`, message: `must be ${rule}, and is ${shown(value)}` });
  };
  demand(typeof name === 'string', 'name', 'a text, "<plugin id>.<verb>"', name);
  demand(typeof summary === 'string', 'summary', 'a sentence that says what it does', summary);
  demand(isZodSchema(input), 'input', A_SCHEMA, input);
  demand(isZodSchema(output), 'output', A_SCHEMA, output);
  demand(typeof handler === 'function', 'handler', 'a function, async (input, call) => { … }', handler);
  demand(role === undefined || ROLES.includes(role as never), 'role', `one of ${ROLES.join(', ')}`, role);
  demand(runsCommands === undefined || typeof runsCommands === 'boolean', 'runsCommands', 'true or false', runsCommands);
  demand(idempotency === undefined || IDEMPOTENCIES.includes(idempotency), 'idempotency', 'host or handler', idempotency);
  demand(effort === undefined || EFFORTS.includes(effort as never), 'effort', `one of ${EFFORTS.join(', ')}`, effort);
  return problems;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH)) : kindOfValue(value);
}

function pluginError(code: string, plugin: string, message: string, details: readonly ErrorDetail[] = []): PluginError {
  return new PluginError(code, `Plugin ${plugin}: ${message}.`, {
    plugin,
    phase: 'activate',
    ...(details.length === 0 ? {} : { details }),
  });
}

const A_SCHEMA = 'a schema made with z of @bellows/sdk, such as z.strictObject({ … })';
const IDEMPOTENCIES: readonly unknown[] = ['host', 'handler'];
const MAX_SHOWN_LENGTH = 80;
const OPERATION_MEMBERS = optionNames<OperationDefinition>({
  name: true,
  summary: true,
  input: true,
  output: true,
  handler: true,
  runsCommands: true,
  role: true,
  idempotency: true,
  effort: true,
});
