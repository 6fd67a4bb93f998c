import type { JsonSchema } from './json-schema.js';
import { propertiesOf, requiredOf } from './json-schema.js';

/** A name nothing has: what is made of it finds no file, no run and no user. */
const NAME = 'no-such-thing-zq';
const FORMATS: Readonly<Record<string, string>> = {
  uri: `https://${NAME}.invalid/`,
  email: `nobody@${NAME}.invalid`,
  uuid: '00000000-0000-4000-8000-000000000000',
  'date-time': '2000-01-01T00:00:00Z',
  date: '2000-01-01',
  time: '00:00:00',
  duration: 'PT1S',
  ipv4: '127.0.0.1',
  ipv6: '::1',
};

/**
 * The required keys of an object with values that fit, as far as a JSON schema tells: its example or default, else the simplest one. A key
 * whose values follow a pattern, or a check that JSON cannot say, is left out unless it has an example.
 */
export function sampleInput(schema: JsonSchema): Readonly<Record<string, unknown>> {
  const properties = propertiesOf(schema);
  const samples = requiredOf(schema).map((key) => [key, sampleOf(properties[key] ?? {})] as const);
  return Object.fromEntries(samples.filter(([, sample]) => sample !== undefined));
}

function sampleOf(schema: JsonSchema): unknown {
  const { examples, enum: values, const: only, anyOf, oneOf } = schema;
  const [type] = [schema.type].flat();
  const given = [...listOf(examples), schema.default, only, ...listOf(values)].find((value) => value !== undefined);
  if (given !== undefined) return given;
  const branches = [...listOf(anyOf), ...listOf(oneOf)] as readonly JsonSchema[];
  if (branches.length > 0) return branches.map(sampleOf).find((sample) => sample !== undefined);
  if (type === 'string') return textOf(schema);
  if (type === 'integer' || type === 'number') return numberOf(schema);
  if (type === 'boolean') return false;
  if (type === 'array') return listOfSamples(schema);
  if (type === 'object') return sampleInput(schema);
  return type === undefined && !('$ref' in schema) && !('allOf' in schema) ? NAME : undefined;
}

function textOf({ format, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: JsonSchema): string | undefined {
  if (typeof format === 'string') return FORMATS[format];
  if (pattern !== undefined) return undefined;
  return NAME.padEnd(Number(minLength), '-').slice(0, Number(maxLength));
}

function numberOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf = 1 }: JsonSchema): number {
  const least = Math.max(Number(minimum ?? -Infinity), Number(exclusiveMinimum ?? -Infinity) + 1);
  const most = Math.min(Number(maximum ?? Infinity), Number(exclusiveMaximum ?? Infinity) - 1);
  const step = Number(multipleOf);
  return Math.ceil(Math.min(Math.max(1, least), most) / step) * step;
}

function listOfSamples({ prefixItems, items, minItems = 0 }: JsonSchema): readonly unknown[] {
  const first = (listOf(prefixItems) as readonly JsonSchema[]).map(sampleOf);
  const rest = Array.from({ length: Math.max(0, Number(minItems) - first.length) }, () => sampleOf((items ?? {}) as JsonSchema));
  return [...first, ...rest];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
