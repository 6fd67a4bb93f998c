import type { Effort, OperationInfo } from '@bellows/sdk';
import type { CliOutput } from './cli-deps.js';
import { plain, printParagraph, printWrappedTable } from './print.js';

type Schema = Readonly<Record<string, unknown>>;

/** An operation for people: what it does, who may call it, what goes in and what comes out. `--json` has the whole schemas. */
export function printOperation(
  output: CliOutput,
  { name, plugin, summary, role, runsCommands, effort, input, output: answer }: OperationInfo,
): void {
  printParagraph(output, '', `${name}: ${plain(summary)}`);
  const commands = runsCommands ? ', runs commands of this machine: needs a token' : '';
  printParagraph(output, '', `plugin ${plugin}, least role ${role}, effort ${effort} (${EFFORT_MEANS[effort]})${commands}`);
  printFields(output, 'input', input);
  printFields(output, 'output', answer);
}

/** To the limits of the caller's tenant and user. */
const EFFORT_MEANS: Readonly<Record<Effort, string>> = {
  work: 'takes a place of the caller',
  view: 'over in a moment, takes no place',
  wait: 'waits for others, takes no place',
};

function printFields(output: CliOutput, title: string, schema: Schema): void {
  const fields = fieldsOf(schema);
  if (fields.length === 0) {
    output.write(`\n${title}: ${plain(typeOf(schema))}${schema.properties === undefined ? '' : ' without fields'}\n`);
    return;
  }
  // what goes in must be written; of what comes out the first level is enough for people
  const shown = title === 'input' ? fields.flatMap((field) => [field, ...fieldsOf(field.schema, `${field.name}.`)]) : fields;
  const rows = shown.map(({ name, schema: field, isRequired }) => [
    name,
    typeOf(field),
    isRequired ? 'yes' : 'no',
    field.default === undefined ? '' : JSON.stringify(field.default),
    typeof field.description === 'string' ? field.description : '',
  ]);
  output.write(`\n${title}\n`);
  printWrappedTable(output, ['NAME', 'TYPE', 'REQUIRED', 'DEFAULT', 'DESCRIPTION'], rows);
}

interface Field {
  readonly name: string;
  readonly schema: Schema;
  /** JSON Schema counts what has a default as required in an answer, where it is always there. */
  readonly isRequired: boolean;
}

function fieldsOf(schema: Schema, prefix = ''): readonly Field[] {
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(record(schema.properties)).map(([name, value]) => ({
    name: `${prefix}${name}`,
    schema: record(value),
    isRequired: required.includes(name),
  }));
}

/** One or two words; what an object holds deeper is left to `--json`. */
function typeOf(schema: Schema): string {
  const branches = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(branches)) return [...new Set(branches.map((branch) => typeOf(record(branch))))].join(' or ');
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.type === 'array') return `list of ${typeOf(record(schema.items))}`;
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' ? `map to ${typeOf(record(schema.additionalProperties))}` : 'object';
  if (schema.type === 'integer') return 'whole number';
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ type })).join(' or ');
  if (schema.contentEncoding === 'base64') return 'base64';
  return typeof schema.type === 'string' ? schema.type : 'anything';
}

function record(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}
