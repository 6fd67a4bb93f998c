import type { OperationInfo } from '@bellows/sdk';
import type { CliOutput } from './cli-deps.js';
import { plain, printParagraph, printWrappedTable } from './print.js';

type Schema = Readonly<Record<string, unknown>>;

/** An operation for people: what it does, who may call it, what goes in and what comes out. `--json` has the whole schemas. */
export function printOperation(
  output: CliOutput,
  { name, plugin, summary, role, runsCommands, input, output: answer }: OperationInfo,
): void {
  printParagraph(output, '', `${name}: ${plain(summary)}`);
  printParagraph(output, '', `plugin ${plugin}, least role ${role}${runsCommands ? ', runs commands of this machine: needs a token' : ''}`);
  printFields(output, 'input', input);
  printFields(output, 'output', answer);
}

function printFields(output: CliOutput, title: string, schema: Schema): void {
  const fields = Object.entries(record(schema.properties));
  if (fields.length === 0) {
    output.write(`\n${title}: ${plain(typeOf(schema))}${schema.properties === undefined ? '' : ' without fields'}\n`);
    return;
  }
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const rows = fields.map(([field, value]) => {
    const described = record(value);
    return [
      field,
      typeOf(described),
      // JSON Schema counts what has a default as required in an answer, where it is always there.
      required.has(field) ? 'yes' : 'no',
      described.default === undefined ? '' : JSON.stringify(described.default),
      typeof described.description === 'string' ? described.description : '',
    ];
  });
  output.write(`\n${title}\n`);
  printWrappedTable(output, ['NAME', 'TYPE', 'REQUIRED', 'DEFAULT', 'DESCRIPTION'], rows);
}

/** One or two words; what an object holds below the first level is left to `--json`. */
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
